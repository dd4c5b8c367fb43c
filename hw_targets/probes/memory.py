"""Host memory: its size, swap, what lies on device nodes, and DIMM channels where the ECC driver tells."""

import re

from hw_targets.facts import Facts, MemoryFacts
from hw_targets.host import TABLE_BYTES, Host, whole

NODES = "/sys/devices/system/node"
EDAC = "/sys/devices/system/edac/mc"
_KIB = re.compile(r"^(?:Node \d+ )?(\w+):\s+(\d{1,18}) kB$", re.MULTILINE)


def probe(host: Host) -> Facts:
    """Read the memory of a Linux host."""
    sizes = _kib_table(host, "/proc/meminfo")
    memory_only = [node for node in _nodes(host) if host.text(f"{NODES}/{node}/cpulist") == ""]
    of_devices = sum(_kib_table(host, f"{NODES}/{node}/meminfo").get("MemTotal", 0) for node in memory_only)
    channels, kind = _dimms(host)
    return Facts(
        memory=MemoryFacts(
            total_bytes=sizes.get("MemTotal") or None,
            swap_bytes=sizes.get("SwapTotal"),
            of_devices_bytes=of_devices or None,
            dimm_channels=channels,
            dimm_type=kind,
        )
    )


def probe_portable(host: Host) -> Facts:
    """Ask psutil, on live systems without /proc."""
    if not host.live or host.exists("/proc/meminfo"):
        return Facts()
    import psutil

    return Facts(
        memory=MemoryFacts(total_bytes=psutil.virtual_memory().total, swap_bytes=psutil.swap_memory().total)
    )


def _kib_table(host: Host, path: str) -> dict[str, int]:
    text = host.text(path, max_bytes=TABLE_BYTES) or ""
    return {key: int(value) * 1024 for key, value in _KIB.findall(text)}


def _nodes(host: Host) -> list[str]:
    return [name for name in host.names(NODES) if re.fullmatch(r"node\d+", name)]


def _dimms(host: Host) -> tuple[int | None, str | None]:
    """Return populated channels and memory type, which only ECC drivers show without root."""
    channels: set[tuple[str, str]] = set()
    kind = None
    for controller in host.names(EDAC):
        for dimm in host.names(f"{EDAC}/{controller}"):
            if not dimm.startswith(("dimm", "rank")) or not whole(
                host.line(f"{EDAC}/{controller}/{dimm}/size")
            ):
                continue
            place = re.search(r"channel (\d+)", host.line(f"{EDAC}/{controller}/{dimm}/dimm_location") or "")
            if place:
                channels.add((controller, place[1]))
            kind = kind or host.line(f"{EDAC}/{controller}/{dimm}/dimm_mem_type")
    return len(channels) or None, kind
