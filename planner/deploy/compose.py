"""The plan on one host, or a part of it on each of several: docker compose."""

from collections.abc import Sequence

from planner.deploy import router
from planner.deploy.checkpoint import FOLDER
from planner.deploy.plain_yaml import Data
from planner.deploy.service import Service
from planner.fleet.plan_record import Plan

CACHE = "/root/.cache/huggingface"
SUPPORTED = ("nvidia", "amd", "intel")
"""Vendors whose devices compose hands to a container."""


def compose(plan: Plan, services: Sequence[Service]) -> dict[str, Data]:
    """Return a compose file with one service per copy, each on devices of its own, and the router."""
    parts: dict[str, Data] = {}
    first = 0
    for one in services:
        for number, host in enumerate(copies(one)):
            start = first + number * one.unit.devices_per_unit
            parts[host] = _copy(one, list(range(start, start + one.unit.devices_per_unit)))
        first += one.unit.count * one.unit.devices_per_unit
    parts["router"] = _router(plan, services)
    return {"name": "tonnage", "services": parts, "volumes": {"huggingface": {}}}


def copies(one: Service) -> list[str]:
    """Return the names of a service's copies."""
    return [f"{one.name}-{number}" for number in range(1, one.unit.count + 1)]


def hosts(services: Sequence[Service]) -> dict[str, list[str]]:
    """Return the addresses of the copies inside the compose network."""
    return {one.name: [f"{host}:{one.by.port}" for host in copies(one)] for one in services}


def _copy(one: Service, devices: Sequence[int]) -> Data:
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


def _router(plan: Plan, services: Sequence[Service]) -> Data:
    after: Data = [host for one in services for host in copies(one)]
    if router.forwards_as_is(plan, services):
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
