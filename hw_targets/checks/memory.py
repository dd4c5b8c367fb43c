"""Conditions of memory: huge pages, NUMA balancing, swap, shared memory, locked memory."""

import os
import re

from hw_targets.checks.finding import Finding, finding
from hw_targets.host import TABLE_BYTES, Host
from hw_targets.machine import Machine
from tonnage.units import gib

SHM_BYTES = 2**30
"""Runtimes with several devices exchange tensors through /dev/shm; Docker's default of 64 MB breaks them
(NCCL user guide, "Sharing Data")."""
SWAPPED_FRAC = 0.01
"""Share of usable memory in swap above which weights may be among it (ASSUMED)."""


def huge_pages(host: Host, machine: Machine) -> list[Finding]:
    """Read whether transparent huge pages are on."""
    text = host.line("/sys/kernel/mm/transparent_hugepage/enabled") or ""
    chosen = re.search(r"\[(\w+)\]", text)
    if not chosen:
        return []
    return [
        finding(
            "huge pages",
            chosen[1],
            bad=chosen[1] == "never",
            why="weights in 4 KiB pages cost address translations on every pass over them",
            advice="echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        )
    ]


def numa_balancing(host: Host, machine: Machine) -> list[Finding]:
    """Read whether the kernel moves pages between NUMA nodes."""
    state = host.number("/proc/sys/kernel/numa_balancing")
    if state is None or (machine.cpu.numa_nodes or 1) < 2:
        return []
    return [
        finding(
            "NUMA balancing",
            "on" if state else "off",
            bad=state != 0,
            why="moving pages behind a running model makes its speed wander (AMD and vLLM advise against it)",
            advice="sudo sysctl kernel.numa_balancing=0, and bind the server with numactl",
        )
    ]


def swap(host: Host, machine: Machine) -> list[Finding]:
    """Read how much memory is swapped out."""
    table = host.text("/proc/meminfo", max_bytes=TABLE_BYTES) or ""
    sizes = {
        key: int(value) * 1024 for key, value in re.findall(r"^(\w+):\s+(\d{1,18}) kB", table, re.MULTILINE)
    }
    total, free = sizes.get("SwapTotal"), sizes.get("SwapFree")
    if total is None or free is None or not machine.memory.usable_bytes:
        return []
    used = max(total - free, 0)
    return [
        finding(
            "swap",
            f"{gib(used)} of {gib(total)} used",
            bad=used > SWAPPED_FRAC * machine.memory.usable_bytes,
            why="what is swapped out comes back a thousand times slower than from memory",
            advice="free memory, then: sudo swapoff -a && sudo swapon -a",
        )
    ]


def shared_memory(host: Host, machine: Machine) -> list[Finding]:
    """Read the size of /dev/shm, on live hosts."""
    if not host.live or not hasattr(os, "statvfs"):
        return []
    try:
        told = os.statvfs("/dev/shm")
    except OSError:
        return []
    size = told.f_frsize * told.f_blocks
    several = sum(1 for device in machine.devices if device.usable) > 1
    return [
        finding(
            "shared memory",
            f"{gib(size)} in /dev/shm",
            bad=size < SHM_BYTES and (several or machine.container),
            why="servers with several devices or processes exchange tensors there and fail when it is full",
            advice="start the container with --shm-size=8g or --ipc=host",
        )
    ]


def locked_memory(host: Host, machine: Machine) -> list[Finding]:
    """Read the limit of locked memory, where a device needs it."""
    needs = [device.name for device in machine.devices if device.kind == "tpu" or device.driver == "vfio-pci"]
    limits = host.text("/proc/self/limits") or ""
    found = re.search(r"^Max locked memory\s+(\S+)", limits, re.MULTILINE)
    if not needs or not found:
        return []
    return [
        finding(
            "locked memory",
            found[1],
            bad=found[1] != "unlimited",
            why=f"{needs[0]} is driven through vfio, which locks the host memory it uses",
            advice="ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit",
        )
    ]
