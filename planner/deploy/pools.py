"""Pools of prefill and decode units, each behind the router of its engine, and what requests are sent to.

The router of an engine hands any prompt to any of its prefill units, and any cache to any of its decode
units. So each way that the plan has from a kind of prefill units to a kind of decode units is a pool with
a router of its own, and the router before them sends each its part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.deploy import halves
from planner.deploy.launcher import FlagList, SplitWay, check
from planner.deploy.plain_yaml import Data
from planner.deploy.service import MOST_NAME, Service, slug
from planner.fleet.answer.ways_through import Way, ways
from planner.fleet.records.plan_record import Plan
from planner.role import Role
from tonnage.errors import InvalidInput

Hosts = Mapping[str, Sequence[str]]
"""Addresses `host:port` of each service by its name."""
CONFIG = "/etc/tonnage/pool.yaml"
"""Where the router of TensorRT-LLM finds its configuration."""
SLOWEST_START_S = 1800
"""Units that are not ready by then are given up: downloads and compilation take minutes. ASSUMED."""
POLICY = "power_of_two"
"""The less loaded of two units taken at random: what routers have that is nearest to the shortest line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Units that hand caches to each other.

    Attributes
    ----------
    name : str
        A DNS label, unique in the plan: that of its router.
    share : mapping of str to float
        Fraction of each class that goes through the pool.
    image : str or None
        Of the router.
    """

    name: str
    prefill: tuple[Service, ...]
    decode: tuple[Service, ...]
    share: Mapping[str, float]
    image: str | None

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self.prefill[0].by.name

    @property
    def way(self) -> SplitWay:
        """How the engine is split."""
        return halves.split_of(self.prefill[0].by)

    @property
    def units(self) -> tuple[Service, ...]:
        """All services of the pool."""
        return self.prefill + self.decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the router of the plan sends requests to: whole units, or a pool."""

    name: str
    served: str
    share: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """The services of a plan, with the pools among them."""

    services: tuple[Service, ...]
    pools: tuple[Pool, ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the requests of the plan are sent to."""
        whole = [one for one in self.services if one.role is Role.WHOLE]
        return (
            *(Target(name=one.name, served=one.served, share=one.unit.share) for one in whole),
            *(Target(name=each.name, served=each.prefill[0].served, share=each.share) for each in self.pools),
        )

    @property
    def has_images(self) -> bool:
        """Everything can run in a container."""
        images = [one.image for one in self.services] + [pool.image for pool in self.pools]
        return None not in images


def arranged(plan: Plan, services: Sequence[Service], *, images: Mapping[str, str]) -> Arranged:
    """Return the services of a plan, one per unit and in their order, with the pools among them.

    Parameters
    ----------
    images : mapping of str to str
        The user's own images, by engine and by `router_key`.

    Raises
    ------
    InvalidInput
        If a half has no other half, or an engine documents no such way.
    """
    found = ways(plan)
    placed = {place for way in found for place in (*way.prefill, *way.decode) if way.prefill and way.decode}
    for place, one in enumerate(services):
        if one.role is not Role.WHOLE and place not in placed:
            raise InvalidInput(f"the plan has no other half for {one.name}; plan it anew")
    pools = (_pool(number, way, services, images) for number, way in enumerate(found, start=1))
    return Arranged(services=tuple(services), pools=tuple(pools))


def _pool(number: int, way: Way, services: Sequence[Service], images: Mapping[str, str]) -> Pool:
    prefill, decode = (tuple(services[place] for place in side) for side in (way.prefill, way.decode))
    first = prefill[0]
    split = halves.split_of(first.by)
    base = slug(first.unit.model)[: MOST_NAME - 10].strip("-")
    return Pool(
        name=f"{base}-pool-{number}",
        prefill=prefill,
        decode=decode,
        share=way.share,
        image=images.get(router_key(first.by.name)) or split.image or first.image,
    )


def router_key(engine: str) -> str:
    """Return how the user names the image of an engine's router: `vllm-router`."""
    return f"{engine}-router"


def command(pool: Pool, hosts: Hosts) -> tuple[str, ...]:
    """Return the words that start the router of a pool.

    Raises
    ------
    InvalidInput
        If a flag is not documented.
    """
    given = _trtllm() if pool.engine == "trtllm" else _gateway(pool, hosts)
    way = pool.way
    check(FlagList(name=router_key(pool.engine), source=way.source, flags=way.router_flags), given)
    words = [word for flag, value in given for word in (flag, *(value or "").split())]
    return (*way.router, *words)


def _trtllm() -> halves.Flags:
    return [("-c", CONFIG), ("--server_start_timeout", str(SLOWEST_START_S))]


def _gateway(pool: Pool, hosts: Hosts) -> halves.Flags:
    """Return the flags of vLLM's router or of SGLang's, from which it was made."""
    named = pool.engine == "vllm"
    given: halves.Flags = [("--vllm-pd-disaggregation" if named else "--pd-disaggregation", None)]
    bootstrap = "" if named else f" {halves.BOOTSTRAP_PORT}"
    given += [("--prefill", f"http://{host}{bootstrap}") for one in pool.prefill for host in hosts[one.name]]
    given += [("--decode", f"http://{host}") for one in pool.decode for host in hosts[one.name]]
    given += [("--policy", POLICY), ("--worker-startup-timeout-secs", str(SLOWEST_START_S))]
    return [*given, ("--host", "0.0.0.0"), ("--port", str(pool.way.port))]


def config(pool: Pool, hosts: Hosts) -> dict[str, Data] | None:
    """Return the configuration of the router of a pool, None where its command line says all."""
    if pool.engine != "trtllm":
        return None

    def side(services: Sequence[Service]) -> Data:
        urls: list[Data] = [host for one in services for host in hosts[one.name]]
        return {"num_instances": len(urls), "urls": urls}

    return {
        "hostname": "0.0.0.0",
        "port": pool.way.port,
        "backend": "pytorch",
        "context_servers": side(pool.prefill),
        "generation_servers": side(pool.decode),
    }
