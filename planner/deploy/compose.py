"""The plan on one host, or a part of it on each of several: docker compose."""

from collections.abc import Mapping, Sequence

from planner.deploy import halves, pools, router
from planner.deploy.checkpoint import FOLDER
from planner.deploy.plain_yaml import Data
from planner.deploy.pools import Arranged, Pool
from planner.deploy.service import Service
from planner.fleet.records.plan_record import Plan
from planner.role import Role

CACHE = "/root/.cache/huggingface"
SUBNET = "172.30"
"""First half of the addresses of a network on which some copies have fixed ones."""
SUPPORTED = ("nvidia", "amd", "intel")
"""Vendors whose devices compose hands to a container."""


def compose(plan: Plan, found: Arranged) -> dict[str, Data]:
    """Return a compose file with one service per copy, each on devices of its own, and the routers."""
    parts: dict[str, Data] = {}
    first, known = 0, _addresses(found)
    for one in found.services:
        for number, host in enumerate(copies(one)):
            start = first + number * one.unit.devices_per_unit
            devices = list(range(start, start + one.unit.devices_per_unit))
            parts[host] = _copy(one, devices, address=known.get(host))
        first += one.unit.count * one.unit.devices_per_unit
    for pool in found.pools:
        parts[pool.name] = _pool_router(pool, hosts(found))
    parts["router"] = _router(plan, found)
    whole: dict[str, Data] = {"name": "tonnage", "services": parts, "volumes": {"huggingface": {}}}
    if known:
        whole["networks"] = {"default": {"ipam": {"config": [{"subnet": f"{SUBNET}.0.0/16"}]}}}
    return whole


def _addresses(found: Arranged) -> dict[str, str]:
    """Return a fixed address of each copy that has to be told its own."""
    names = [host for one in found.services if halves.needs_address(one.by, one.role) for host in copies(one)]
    return {host: f"{SUBNET}.{1 + place // 250}.{2 + place % 250}" for place, host in enumerate(names)}


def copies(one: Service) -> list[str]:
    """Return the names of a service's copies."""
    return [f"{one.name}-{number}" for number in range(1, one.unit.count + 1)]


def hosts(found: Arranged) -> dict[str, list[str]]:
    """Return the addresses of the copies, and of the routers of pools, inside the compose network."""
    return {
        **{one.name: [f"{host}:{one.by.port}" for host in copies(one)] for one in found.services},
        **{pool.name: [f"{pool.name}:{pool.way.port}"] for pool in found.pools},
    }


def _copy(one: Service, devices: Sequence[int], *, address: str | None) -> Data:
    found = _container(one, devices)
    if one.options is not None:
        found["volumes"] = [*_listed(found["volumes"]), f"./split/{one.name}.yaml:{halves.OPTIONS}:ro"]
    if address is not None:
        found["environment"] = {**_mapped(found["environment"]), halves.SIDE_CHANNEL_HOST: address}
        found["networks"] = {"default": {"ipv4_address": address}}
    return found


def _listed(value: Data) -> list[Data]:
    return list(value) if isinstance(value, Sequence) else []


def _mapped(value: Data) -> dict[str, Data]:
    return dict(value) if isinstance(value, Mapping) else {}


def _pool_router(pool: Pool, known: pools.Hosts) -> Data:
    words = pools.command(pool, known)
    found: dict[str, Data] = {
        "image": pool.image,
        "entrypoint": list(words[: len(pool.way.router)]),
        "command": list(words[len(pool.way.router) :]),
        "depends_on": [host for one in pool.units for host in copies(one)],
        "restart": "unless-stopped",
    }
    if pools.config(pool, known) is not None:
        found["volumes"] = [f"./split/{pool.name}.yaml:{pools.CONFIG}:ro"]
    return found


def _container(one: Service, devices: Sequence[int]) -> dict[str, Data]:
    found: dict[str, Data] = {
        "image": one.image,
        "entrypoint": list(one.by.inside),
        "command": [word.replace("$", "$$") for word in one.arguments],
        "environment": {"HF_TOKEN": "${HF_TOKEN:-}"},
        "volumes": [f"./models:{FOLDER}:ro", f"huggingface:{CACHE}"],
        "ipc": "host",
        "restart": "unless-stopped",
    }
    if one.vendor == "nvidia" and not one.on_cpu:
        reserved: Data = {
            "driver": "nvidia",
            "device_ids": [str(number) for number in devices],
            "capabilities": ["gpu"],
        }
        found["deploy"] = {"resources": {"reservations": {"devices": [reserved]}}}
    elif one.vendor in SUPPORTED and not one.on_cpu:
        kernel = ["/dev/kfd", "/dev/dri"] if one.vendor == "amd" else ["/dev/dri"]
        found["devices"] = [f"{node}:{node}" for node in kernel]
        chosen = ",".join(str(number) for number in devices)
        if one.vendor == "amd":
            found["environment"] = {"HF_TOKEN": "${HF_TOKEN:-}", "HIP_VISIBLE_DEVICES": chosen}
            found["group_add"] = ["video", "render"]
        else:
            found["environment"] = {
                "HF_TOKEN": "${HF_TOKEN:-}",
                "ONEAPI_DEVICE_SELECTOR": f"level_zero:{chosen}",
            }
    return found


def _router(plan: Plan, found: Arranged) -> Data:
    whole = [one for one in found.services if one.role is Role.WHOLE]
    after: Data = [*(host for one in whole for host in copies(one)), *(pool.name for pool in found.pools)]
    if router.forwards_as_is(plan, found.targets):
        return {
            "image": router.NGINX_IMAGE,
            "ports": [f"8080:{router.NGINX_PORT}"],
            "volumes": ["./router/nginx.conf:/etc/nginx/nginx.conf:ro"],
            "depends_on": after,
            "restart": "unless-stopped",
        }
    names = dict.fromkeys(router.environment_name(use.provider) for use in plan.api)
    keys = [f"{name}_API_{part}" for name in names for part in ("BASE", "KEY")]
    return {
        "image": router.LITELLM_IMAGE,
        "command": ["--config", "/etc/litellm/config.yaml", "--port", str(router.LITELLM_PORT)],
        "ports": [f"8080:{router.LITELLM_PORT}"],
        "environment": {key: f"${{{key}:?set it to what the provider gives you}}" for key in keys},
        "volumes": ["./router/litellm.yaml:/etc/litellm/config.yaml:ro"],
        "depends_on": after,
        "restart": "unless-stopped",
    }
