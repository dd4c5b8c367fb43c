"""Tenstorrent cards by the board type that their driver tells: one PCI id is many boards."""

import re

from hw_targets.facts import Facts, Sighting
from hw_targets.host import Host

CLASS = "/sys/class/tenstorrent"


def probe(host: Host) -> Facts:
    """Read board types of Wormhole and Blackhole cards (tt-kmd, docs/sysfs-attributes.md)."""
    found = []
    for entry in host.names(CLASS):
        address = host.link(f"{CLASS}/{entry}/device")
        board = host.line(f"{CLASS}/{entry}/tt_card_type")
        if address and board and re.fullmatch(r"[\w-]{2,20}", board):
            found.append(
                Sighting(
                    place=address,
                    name=f"Tenstorrent {board}",
                    vendor="Tenstorrent",
                    driver="tenstorrent",
                    uuid=host.line(f"{CLASS}/{entry}/tt_serial"),
                )
            )
    return Facts(devices=tuple(found))
