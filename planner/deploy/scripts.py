"""Shell scripts that start one copy of a unit, or the router of a pool, on this machine."""

import shlex
from collections.abc import Iterator, Sequence

from planner.deploy import halves, pools
from planner.deploy.pools import Hosts, Pool
from planner.deploy.service import Service

HERE = 'here="$(cd "$(dirname "$0")/.." && pwd)"'
"""The folder of the bundle."""


def of_unit(one: Service) -> str:
    """Return a shell script that starts one copy on this machine."""
    lines = [
        f"# One copy of {one.name}: {one.unit.devices_per_unit} x {one.unit.device}.",
        f"# Flags as documented by {one.by.name} {one.by.version}; the plan runs {one.unit.count}.",
    ]
    if one.checkpoint.to_bring is not None:
        lines.append(f"# {one.checkpoint.location} must hold {one.checkpoint.to_bring}.")
    lines += ["set -euo pipefail", *_before(one), ""]
    words = [_file(word, halves.OPTIONS, one.name) for word in one.command]
    return _script(lines, words[: len(one.by.program)], words[len(one.by.program) :])


def _before(one: Service) -> Iterator[str]:
    if halves.needs_address(one.by, one.role):
        name = halves.SIDE_CHANNEL_HOST
        yield f': "${{{name}:?set it to the address at which the other half reaches this machine}}"'
        yield "# Further copies on this machine: a free --port, and a free VLLM_NIXL_SIDE_CHANNEL_PORT each."
        port = halves.SIDE_CHANNEL_PORT
        yield f'export {name} VLLM_NIXL_SIDE_CHANNEL_PORT="${{VLLM_NIXL_SIDE_CHANNEL_PORT:-{port}}}"'
    if one.options is not None:
        yield HERE


def of_pool(pool: Pool, hosts: Hosts) -> str:
    """Return a shell script that starts the router of a pool."""
    way = pool.way
    lines = [
        f"# The router of {', '.join(one.name for one in pool.units)}: {pool.engine}, {way.version}.",
        "# Names of units are those of compose.yaml: put their addresses in their place"
        + ("." if pools.config(pool, hosts) is None else f", in split/{pool.name}.yaml."),
        "set -euo pipefail",
    ]
    if pools.config(pool, hosts) is not None:
        lines.append(HERE)
    words = [_file(word, pools.CONFIG, pool.name) for word in pools.command(pool, hosts)]
    return _script([*lines, ""], words[: len(way.router)], words[len(way.router) :])


def _file(word: str, path: str, name: str) -> str:
    """Quote a word; a file inside a container is the one of this folder."""
    return f'"$here/split/{name}.yaml"' if word == path else shlex.quote(word)


def _script(lines: Sequence[str], program: Sequence[str], words: Sequence[str]) -> str:
    head = "\n".join(["#!/usr/bin/env bash", *lines])
    return head + "\n" + " \\\n    ".join([f"exec {' '.join(program)}", *_pairs(words), '"$@"']) + "\n"


def _pairs(words: Sequence[str]) -> list[str]:
    """Put every flag on a line with its values."""
    lines: list[str] = []
    for word in words:
        if word.startswith("-") or not lines or not lines[-1].startswith("-"):
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return lines
