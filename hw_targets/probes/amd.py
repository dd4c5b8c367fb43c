"""AMD GPUs as amdgpu (sysfs) and its compute driver KFD show them: memory, gfx target, partitions, links."""

import re
from dataclasses import replace

from hw_targets.facts import Facts, Sighting
from hw_targets.host import Host, whole
from hw_targets.probes.pci import DEVICES, functions_of

NODES = "/sys/class/kfd/kfd/topology/nodes"
MOST_NODES = 1024
VRAM_HEAPS = (1, 2)
"""heap_type of device memory, CPU-visible and not (kfd_crat.h)."""
XGMI_LINK = 11
"""io_links type of xGMI (CRAT_IOLINK_TYPE_XGMI in kfd_crat.h)."""
_PROPERTY = re.compile(r"^(\w+) (\d{1,20})$", re.MULTILINE)


def probe(host: Host) -> Facts:
    """Read memory sizes per PCI function, then one KFD node per device that ROCm can address."""
    addresses = functions_of(host, "1002")
    wholes = [_from_driver(host, address) for address in addresses]
    nodes = {node: _from_node(host, node) for node in host.names(NODES)[:MOST_NODES]}
    places = {node: one.place for node, one in nodes.items() if one is not None}
    parts = [replace(one, peers=_peers(host, node, places)) for node, one in nodes.items() if one is not None]
    return Facts(devices=tuple(one for one in (*parts, *wholes) if one is not None))


def gfx_target(version: int) -> str | None:
    """Return the compiler target of a `gfx_target_version`: decimal MMmmss, minor and stepping in hex.

    Examples
    --------
    >>> gfx_target(90402), gfx_target(90010)
    ('gfx942', 'gfx90a')
    """
    major, minor, stepping = version // 10000, version // 100 % 100, version % 100
    return f"gfx{major}{minor:x}{stepping:x}" if major and minor < 16 and stepping < 16 else None


def _from_driver(host: Host, address: str) -> Sighting | None:
    """Read what amdgpu says of one PCI function; None if it is not bound."""
    device = f"{DEVICES}/{address}"
    vram = host.number(f"{device}/mem_info_vram_total")
    if vram is None:
        return None
    caps = [host.number(f"{device}/hwmon/{name}/power1_cap") for name in host.names(f"{device}/hwmon")]
    cap_uw = next((cap for cap in caps if cap and cap > 0), None)
    return Sighting(
        place=address,
        name=host.line(f"{device}/product_name"),
        vendor="AMD",
        pci_address=address,
        memory_bytes=vram if vram > 0 else None,
        host_pool_bytes=host.number(f"{device}/mem_info_gtt_total"),
        power_limit_w=cap_uw * 1e-6 if cap_uw else None,
        uuid=host.line(f"{device}/unique_id"),
    )


def _from_node(host: Host, node: str) -> Sighting | None:
    """Read one KFD node; None for CPUs."""
    told = _properties(host, f"{NODES}/{node}/properties")
    if not told.get("simd_count") or "location_id" not in told or not whole(node):
        return None
    address, part = _place(host, told)
    mode = (host.line(f"{DEVICES}/{address}/current_compute_partition") or "SPX").upper()
    memory_mode = host.line(f"{DEVICES}/{address}/current_memory_partition")
    label = None
    if mode != "SPX":
        label = f"{mode} partition {part or 0}" + (f", {memory_mode}" if memory_mode else "")
    units = told.get("simd_count", 0) // told["simd_per_cu"] if told.get("simd_per_cu") else None
    return Sighting(
        place=address,
        part=(part or 0) if label else None,
        slice=label,
        vendor="AMD",
        kind="gpu",
        pci_id=f"{told.get('vendor_id', 0x1002):04x}:{told['device_id']:04x}"
        if "device_id" in told
        else None,
        pci_address=address,
        driver="amdgpu",
        memory_bytes=_vram_bytes(host, node),
        isa=gfx_target(told.get("gfx_target_version", 0)),
        compute_units=units,
        link=_xgmi(host, node),
        refusal=_refusal(host, told),
    )


def _properties(host: Host, path: str) -> dict[str, int]:
    return {key: int(value) for key, value in _PROPERTY.findall(host.text(path, max_bytes=2**14) or "")}


def _place(host: Host, told: dict[str, int]) -> tuple[str, int | None]:
    """Return PCI address and partition number of a node.

    location_id is bus << 8 | device << 3 | function. A partition puts its number
    into bits 31:28, or, with older kernels, into the function (amdkfd, kfd_topology.c).
    """
    location, domain = told["location_id"], told.get("domain", 0)
    part = location >> 28 & 0xF
    bus, device, function = location >> 8 & 0xFF, location >> 3 & 0x1F, location & 7
    address = f"{domain & 0xFFFF:04x}:{bus:02x}:{device:02x}.{function}"
    if not part and function and not host.exists(f"{DEVICES}/{address}"):
        return f"{address[:-1]}0", function
    return address, part or None


def _vram_bytes(host: Host, node: str) -> int | None:
    banks = (
        _properties(host, f"{NODES}/{node}/mem_banks/{bank}/properties")
        for bank in host.names(f"{NODES}/{node}/mem_banks")
    )
    return sum(bank.get("size_in_bytes", 0) for bank in banks if bank.get("heap_type") in VRAM_HEAPS) or None


def _xgmi(host: Host, node: str) -> str | None:
    peers = len(_linked(host, node))
    return f"xGMI to {peers} peers" if peers else None


def _linked(host: Host, node: str) -> list[int | None]:
    """Return the nodes at the other end of xGMI links."""
    folder = f"{NODES}/{node}/io_links"
    links = [_properties(host, f"{folder}/{link}/properties") for link in host.names(folder)]
    return [link.get("node_to") for link in links if link.get("type") == XGMI_LINK]


def _peers(host: Host, node: str, places: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the devices at the other end; partitions of one card are no peers of each other."""
    found = dict.fromkeys(places[str(end)] for end in _linked(host, node) if str(end) in places)
    return tuple((place, "xGMI") for place in found if place != places[node])


def _refusal(host: Host, told: dict[str, int]) -> str | None:
    minor = told.get("drm_render_minor")
    if not minor or not host.names("/dev"):
        return None
    node = f"/dev/dri/renderD{minor}"
    if not host.exists(node):
        return f"no device node {node}: not passed into this container"
    for needed in ("/dev/kfd", node):
        if host.may_open(needed) is False:
            return f"{needed} may not be opened by this user; join the group render"
    return None
