"""Which CPUs belong to which NUMA node of this host."""

import os
from contextlib import suppress
from pathlib import Path

_NODES = Path("/sys/devices/system/node")


def nodes(root: Path = _NODES) -> dict[int, tuple[int, ...]]:
    """Return the CPUs of each node that this process may run on; empty where the host does not tell.

    Parameters
    ----------
    root : Path
        Folder with `node0/cpulist` and so on.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    found: dict[int, tuple[int, ...]] = {}
    for folder in sorted(root.glob("node[0-9]*")):
        with suppress(OSError, ValueError):
            listed = cpu_list((folder / "cpulist").read_text(encoding="ascii"))
            cpus = tuple(cpu for cpu in listed if allowed is None or cpu in allowed)
            if cpus:
                found[int(folder.name.removeprefix("node"))] = cpus
    return found


def cpu_list(text: str) -> tuple[int, ...]:
    """Read the kernel's list format.

    Examples
    --------
    >>> cpu_list("0-2,8")
    (0, 1, 2, 8)
    """
    cpus: list[int] = []
    for piece in text.strip().split(","):
        if piece:
            first, _, last = piece.partition("-")
            cpus += range(int(first), int(last or first) + 1)
    return tuple(cpus)
