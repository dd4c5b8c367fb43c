"""What the user of a deployment must do and know, in words."""

from collections.abc import Iterator, Mapping, Sequence

from planner.deploy import kubernetes, router
from planner.deploy.checkpoint import key_of
from planner.deploy.compose import SUPPORTED
from planner.deploy.launcher import launcher, names
from planner.deploy.pools import Arranged, Pool, router_key
from planner.deploy.service import Service
from planner.fleet.records.plan_record import Plan
from planner.role import Role
from tonnage.errors import UnknownName


def check_given(found: Sequence[Service], weights: Mapping[str, str], images: Mapping[str, str]) -> None:
    """Refuse checkpoints and images for what the plan does not hold.

    Raises
    ------
    UnknownName
        Listing what the plan holds.
    """
    planned = tuple(dict.fromkeys(key_of(one.unit) for one in found))
    for key in weights:
        if key not in planned:
            raise UnknownName("model:format of the plan", key, planned, hint=f"it has {', '.join(planned)}")
    routers = tuple(router_key(name) for name in names() if launcher(name).split is not None)
    for engine in images:
        if engine not in (*names(), *routers):
            raise UnknownName("engine to deploy", engine, (*names(), *routers))


def notes(plan: Plan, arranged: Arranged) -> tuple[str, ...]:
    """Return what is left to do, one sentence each."""
    said, found = [], arranged.services
    for location, what in dict.fromkeys((one.checkpoint.location, one.checkpoint.to_bring) for one in found):
        if what is not None:
            said.append(
                f"Put {what} at {location} (or name your own with --weights); the plan was made for it."
            )
    for one in found:
        if one.checkpoint.quantization is not None:
            said.append(
                f"{one.by.name} makes {one.unit.weights} of {one.checkpoint.location} while it loads; "
                "a checkpoint that was quantized with calibration data may score better."
            )
        if one.image is None:
            said.append(
                f"No image of {one.by.name} for {one.vendor or 'this machine'} is known: give one with "
                f"--image {one.by.name}=IMAGE for compose.yaml and kubernetes/, which are left out."
            )
        if one.image is not None and one.vendor not in (None, *SUPPORTED) and not one.on_cpu:
            said.append(f"docker compose has no way to hand out {one.vendor} devices: use kubernetes/.")
        if one.by.busy_metric is None and one.role is Role.WHOLE:
            said.append(
                f"{one.by.name} has no Prometheus gauge of its batch, so {one.name} has no autoscaler."
            )
    for use in plan.api:
        name = router.environment_name(use.provider)
        said.append(
            f"Set {name}_API_BASE and {name}_API_KEY, and check that '{use.model}' is what {use.provider} "
            "calls the model."
        )
    for pool in arranged.pools:
        said += _of_pool(plan, pool)
    passed = [one.name for pool in arranged.pools for one in pool.units]
    for name in dict.fromkeys(name for name in passed if passed.count(name) > 1):
        said.append(f"{name} stands behind several routers, each of which sees its own requests there alone.")
    return tuple(dict.fromkeys(said))


def _of_pool(plan: Plan, pool: Pool) -> Iterator[str]:
    engine = pool.engine
    over = next((one.interconnect for one in plan.handovers), None)
    if over is not None:
        yield (
            f"Caches are planned to move over {over} from prefill to decode units: give the nodes that "
            "network (in Kubernetes also the pods, as its device plugin says) and let UCX find it "
            "(UCX_NET_DEVICES, UCX_TLS)."
        )
    yield f"The images of {engine} must hold {pool.way.needs}."
    yield (
        "Prefill and decode units have no autoscaler: change the copies of both sides together, in the ratio "
        "of the plan, and give the router their addresses."
    )


def readme(plan: Plan, arranged: Arranged, said: Sequence[str]) -> str:
    """Return the README of the folder."""
    title, found = plan.scenario.name or "a plan", arranged.services
    lines = [f"# Deployment of {title}", "", *_table(found), ""]
    lines += [line for pool in arranged.pools for line in _through(pool)]
    if said:
        lines += ["## Before you start", "", *(f"- {line}" for line in said), ""]
    lines += _steps(plan, arranged)
    lines += ["", "## Where the flags are documented", ""]
    rows = dict.fromkeys((one.by.name, one.by.version, one.by.source) for one in found)
    lines += [f"- {name} {version}: {source}" for name, version, source in rows]
    ways = dict.fromkeys((pool.engine, pool.way.version, pool.way.source) for pool in arranged.pools)
    lines += [f"- {name}, prefill and decode apart, {version}: {source}" for name, version, source in ways]
    lines += [f"- router: {router.SOURCES}"]
    return "\n".join(lines) + "\n"


def _through(pool: Pool) -> list[str]:
    readers, writers = (" and ".join(f"`{one.name}`" for one in side) for side in (pool.prefill, pool.decode))
    return [
        f"`{pool.name}` is the router of {pool.engine}: it lets {readers} read a prompt, and "
        f"{writers} take over its cache and write the answer, from the first token on.",
        "",
    ]


def _table(found: Sequence[Service]) -> list[str]:
    lines = ["| service | copies | devices of each | runs | loads |", "|---|---:|---|---|---|"]
    for one in found:
        unit = one.unit
        lines.append(
            f"| `{one.name}` | {unit.count} | {unit.devices_per_unit} x {unit.device} ({unit.purchase}) | "
            f"{unit.engine}, {unit.weights} | `{one.checkpoint.location}` |"
        )
    return lines


def _steps(plan: Plan, arranged: Arranged) -> list[str]:
    found = arranged.services
    lines = [
        "## Run it",
        "",
        "- One copy by hand: `run/SERVICE.sh`, which passes further flags on to the engine.",
    ]
    if arranged.pools:
        lines.append("- The router of a pool by hand: `run/POOL.sh`, after its units.")
    if arranged.has_images:
        lines += [
            _compose(found),
            "- A cluster: label the nodes, then apply everything:",
            "",
            "  ```",
        ]
        labels = dict.fromkeys(kubernetes.device_label(one.unit) for one in found)
        lines += [f"  kubectl label node NODE {kubernetes.DEVICE_LABEL}={label}" for label in labels]
        lines += ["  kubectl create secret generic hf-token --from-literal=token=YOUR_TOKEN"]
        if plan.api:
            keys = dict.fromkeys(router.environment_name(use.provider) for use in plan.api)
            words = [f"--from-literal={name}_API_{part}=..." for name in keys for part in ("BASE", "KEY")]
            lines += [f"  kubectl create secret generic api-keys {' '.join(words)}"]
        lines += ["  kubectl apply -k kubernetes/", "  ```", ""]
        if any(one.busy is not None and one.by.busy_metric for one in found):
            lines += _autoscalers()
        lines.append("- Images carry the tags of the engines' documentation; pin the ones you have tested.")
    if router.forwards_as_is(plan, arranged.targets):
        lines.append(f"- Requests name their traffic class in the header `{router.CLASS_HEADER}`.")
    else:
        lines.append("- Requests name their traffic class as the model; the router replaces it.")
    lines += [
        "",
        "## Test it",
        "",
        "`load_test/load_test.py --url http://localhost:8080` drives the deployment with the plan's traffic "
        "at its peak rate and compares the percentiles of TTFT and TPOT with the limits and with the plan. "
        "It exits with 3 if a limit is broken.",
    ]
    return lines


def _autoscalers() -> list[str]:
    return [
        "  The autoscalers read the engines' batch sizes through the Prometheus adapter: add "
        "`kubernetes/prometheus-adapter-values.yaml` to its rules. "
        "Without it the copies stay as planned.",
    ]


def _compose(services: Sequence[Service]) -> str:
    """Say where docker compose starts the plan: a host holds devices of one kind."""
    devices: dict[str, int] = {}
    for one in services:
        kind = one.unit.device
        devices[kind] = devices.get(kind, 0) + one.unit.count * one.unit.devices_per_unit
    if len(devices) == 1:
        ((kind, number),) = devices.items()
        return f"- One host with all {number} x {kind}: `docker compose up -d`; the router is on port 8080."
    hosts = ", ".join(f"{number} x {kind}" for kind, number in devices.items())
    return (
        f"- Hosts that you connect, one for each kind of device ({hosts}): keep on each those services of "
        "`compose.yaml` that run there; the router, on port 8080, on one."
    )
