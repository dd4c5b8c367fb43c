"""Intel GPUs as the xe and i915 drivers show them: memory of each tile, each tile a device of its own."""

import re

from hw_targets.facts import Facts, Sighting
from hw_targets.host import Host
from hw_targets.probes.pci import DEVICES, functions_of


def probe(host: Host) -> Facts:
    """Read the memory of every Intel GPU that has its own."""
    found: list[Sighting] = []
    for address in functions_of(host, "8086"):
        if host.link(f"{DEVICES}/{address}/driver") in ("xe", "i915"):
            found += _gpu(host, address)
    return Facts(devices=tuple(found))


def _gpu(host: Host, address: str) -> list[Sighting]:
    device = f"{DEVICES}/{address}"
    tiles = [name for name in host.names(device) if re.fullmatch(r"tile\d", name)]
    sizes = [
        host.number(f"{device}/{tile}/physical_vram_size_bytes")
        or host.number(f"{device}/{tile}/memory/physical_vram_size_bytes")
        for tile in tiles
    ]
    if len(tiles) > 1 and any(sizes):
        return [
            Sighting(place=address, part=part, vendor="Intel", memory_bytes=size)
            for part, size in enumerate(sizes)
        ]
    cards = [name for name in host.names(f"{device}/drm") if re.fullmatch(r"card\d+", name)]
    local = [host.number(f"{device}/drm/{card}/lmem_total_bytes") for card in cards]
    known = next((size for size in (*sizes, *local) if size and size > 0), None)
    return [Sighting(place=address, vendor="Intel", memory_bytes=known)] if known else []
