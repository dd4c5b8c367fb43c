"""What this process may use of the host: affinity, cpusets, CPU quotas and memory limits of all ancestors."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hw_targets import cpulist
from hw_targets.facts import CpuFacts, Facts, MemoryFacts
from hw_targets.host import TABLE_BYTES, Host, whole

MOST_ANCESTORS = 64
NO_LIMIT_BYTES = 2**60
"""cgroup v1 writes "no limit" as 2^63 - 1 rounded down to a page; nothing has an exbibyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    """One mounted cgroup hierarchy: where, from which of its groups on, with which controllers."""

    point: str
    root: str
    controllers: frozenset[str]
    unified: bool


def probe(host: Host) -> Facts:
    """Read the tightest limits over all ancestors, cgroup v1 and v2."""
    cpus = _affinity(host)
    quotas: list[float] = []
    memory: list[int] = []
    for mount, group in _groups(host):
        for folder in _ancestors(mount, group):
            if mount.unified or "cpuset" in mount.controllers:
                cpus = _narrowed(cpus, _cpuset(host, folder))
            if mount.unified or "cpu" in mount.controllers:
                quotas += _quota(host, folder)
            if mount.unified or "memory" in mount.controllers:
                memory += _memory(host, folder)
    counted = float(cpulist.count(cpus)) if cpus else None
    usable = [value for value in (counted, *quotas) if value is not None]
    return Facts(
        cpu=CpuFacts(usable_cpus=min(usable, default=None)),
        memory=MemoryFacts(limit_bytes=min(memory, default=None)),
    )


def _affinity(host: Host) -> tuple[cpulist.Range, ...] | None:
    if host.live and hasattr(os, "sched_getaffinity"):
        return cpulist.of(os.sched_getaffinity(0))
    status = host.text("/proc/self/status", max_bytes=2**16) or ""
    allowed = re.search(r"^Cpus_allowed_list:\s*(\S+)", status, re.MULTILINE)
    online = cpulist.parse(host.line("/sys/devices/system/cpu/online"))
    if not allowed:
        return online
    return _narrowed(online, cpulist.parse(allowed[1]))


def _narrowed(
    left: tuple[cpulist.Range, ...] | None, right: tuple[cpulist.Range, ...] | None
) -> tuple[cpulist.Range, ...] | None:
    """Return the CPUs in both sets; an unknown, empty or disjoint set (a stale file) says nothing."""
    if not left or not right:
        return left or right
    return cpulist.common(left, right) or left


def _mounts(host: Host) -> list[_Mount]:
    """Read the mounted hierarchies; without a mount table, the usual places are tried."""
    mounts = []
    for line in (host.text("/proc/self/mountinfo", max_bytes=TABLE_BYTES) or "").splitlines():
        before, _, after = line.partition(" - ")
        left, right = before.split(), after.split()
        if len(left) >= 5 and len(right) >= 3 and right[0] in ("cgroup", "cgroup2"):
            controllers = frozenset(right[2].split(","))
            mounts.append(
                _Mount(point=left[4], root=left[3], controllers=controllers, unified=right[0] == "cgroup2")
            )
    if mounts:
        return mounts
    usual = [
        _Mount(point=f"/sys/fs/cgroup/{name}", root="/", controllers=frozenset({name}), unified=False)
        for name in ("cpu", "cpuset", "memory")
    ]
    return [*usual, _Mount(point="/sys/fs/cgroup", root="/", controllers=frozenset(), unified=True)]


def _groups(host: Host) -> Iterator[tuple[_Mount, str]]:
    """Yield every hierarchy with the group of this process in it."""
    paths: dict[str, str] = {}
    for line in (host.text("/proc/self/cgroup", max_bytes=2**16) or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(","):
            paths[controller] = path
    for mount in _mounts(host):
        names = [""] if mount.unified else sorted(mount.controllers & paths.keys())
        yield mount, paths.get(names[0], "/") if names else "/"


def _ancestors(mount: _Mount, group: str) -> Iterator[str]:
    """Yield the folder of a group and of all its ancestors that are mounted, innermost first.

    A container sees its own group mounted as the root of the hierarchy: the part
    of the path above it is not there, and a path that is not below it is foreign.
    """
    inside = group
    if mount.root != "/":
        inside = group.removeprefix(mount.root) if group.startswith(mount.root) else "/"
    parts = [part for part in inside.split("/") if part and part != ".."][:MOST_ANCESTORS]
    for depth in range(len(parts), -1, -1):
        yield "/".join([mount.point.rstrip("/"), *parts[:depth]])


def _cpuset(host: Host, folder: str) -> tuple[cpulist.Range, ...] | None:
    for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
        cpus = cpulist.parse(host.line(f"{folder}/{name}"))
        if cpus:
            return cpus
    return None


def _quota(host: Host, folder: str) -> list[float]:
    """Return the CPUs that a quota is worth: quota / period."""
    words = (host.line(f"{folder}/cpu.max") or "").split()
    if len(words) == 2:
        quota, period = whole(words[0]), whole(words[1])
    else:
        quota, period = host.number(f"{folder}/cpu.cfs_quota_us"), host.number(f"{folder}/cpu.cfs_period_us")
    return [quota / period] if quota and period and quota > 0 and period > 0 else []


def _memory(host: Host, folder: str) -> list[int]:
    limits = (
        host.number(f"{folder}/{name}") for name in ("memory.max", "memory.high", "memory.limit_in_bytes")
    )
    return [limit for limit in limits if limit is not None and 0 < limit < NO_LIMIT_BYTES]
