"""What the user of a deployment must do and know, in words."""

from collections.abc import Mapping, Sequence

from planner.deploy import kubernetes, router
from planner.deploy.checkpoint import key_of
from planner.deploy.compose import SUPPORTED
from planner.deploy.launcher import names
from planner.deploy.service import Service
from planner.fleet.plan_record import Plan
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
    for engine in images:
        if engine not in names():
            raise UnknownName("engine to deploy", engine, names())


def notes(plan: Plan, found: Sequence[Service]) -> tuple[str, ...]:
    """Return what is left to do, one sentence each."""
    said = []
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
        if one.by.busy_metric is None:
            said.append(
                f"{one.by.name} has no Prometheus gauge of its batch, so {one.name} has no autoscaler."
            )
    for use in plan.api:
        name = router.environment_name(use.provider)
        said.append(
            f"Set {name}_API_BASE and {name}_API_KEY, and check that '{use.model}' is what {use.provider} "
            "calls the model."
        )
    return tuple(dict.fromkeys(said))


def readme(plan: Plan, found: Sequence[Service], said: Sequence[str]) -> str:
    """Return the README of the folder."""
    title = plan.scenario.name or "a plan"
    lines = [f"# Deployment of {title}", "", *_table(found), ""]
    if said:
        lines += ["## Before you start", "", *(f"- {line}" for line in said), ""]
    lines += _steps(plan, found)
    lines += ["", "## Where the flags are documented", ""]
    rows = dict.fromkeys((one.by.name, one.by.version, one.by.source) for one in found)
    lines += [f"- {name} {version}: {source}" for name, version, source in rows]
    lines += [f"- router: {router.SOURCES}"]
    return "\n".join(lines) + "\n"


def _table(found: Sequence[Service]) -> list[str]:
    lines = ["| service | copies | devices of each | runs | loads |", "|---|---:|---|---|---|"]
    for one in found:
        unit = one.unit
        lines.append(
            f"| `{one.name}` | {unit.count} | {unit.devices_per_unit} x {unit.device} ({unit.purchase}) | "
            f"{unit.engine}, {unit.weights} | `{one.checkpoint.location}` |"
        )
    return lines


def _steps(plan: Plan, found: Sequence[Service]) -> list[str]:
    lines = [
        "## Run it",
        "",
        "- One copy by hand: `run/SERVICE.sh`, which passes further flags on to the engine.",
    ]
    if all(one.image is not None for one in found):
        devices = sum(one.unit.count * one.unit.devices_per_unit for one in found)
        lines += [
            f"- One host with all {devices} devices: `docker compose up -d`; the router is on port 8080.",
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
        lines += [
            "  The autoscalers read the engines' batch sizes through the Prometheus adapter: add "
            "`kubernetes/prometheus-adapter-values.yaml` to its rules. "
            "Without it the copies stay as planned.",
        ]
        lines.append("- Images carry the tags of the engines' documentation; pin the ones you have tested.")
    if router.forwards_as_is(plan, found):
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
