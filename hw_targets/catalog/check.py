"""What is wrong with a catalog file of devices or instances, by line and key."""

import re
from pathlib import Path

from hw_targets.catalog import declared
from hw_targets.catalog.shelf import shelf
from hw_targets.device import Device
from tonnage.blocks import MOST_BYTES, Blocks
from tonnage.errors import FormatError, TonnageError
from tonnage.toml_text import read_toml

LOWEST_BANDWIDTH_BYTES_PER_S = 1e9
"""A memory slower than 1 GB/s is a slip of the unit."""
LOWEST_PEAK_FLOP_PER_S = 1e9
HIGHEST_PEAK_FLOP_PER_S = 1e19


def problems(path: Path) -> tuple[str, ...]:
    """Return every problem of a file, each one line that names line and key; none if it can be used.

    Raises
    ------
    FileProblem
        If the file cannot be read.
    """
    try:
        blocks = Blocks.read(path)
        read_toml(path, max_bytes=MOST_BYTES)
    except FormatError as problem:
        return (str(problem),)
    if not len(blocks):
        return (f"{path}: holds no block; a device starts with [its-id]",)
    return tuple(line for name in blocks for line in _block_problems(blocks, name))


def _block_problems(blocks: Blocks, name: str) -> list[str]:
    block = blocks[name]
    try:
        if declared.is_instance(block):
            device = block.get("device")
            declared.instance(name, block, where=_where(blocks, name))
            unknown = shelf().why_not(device) if device and device not in blocks else None
            return [f"{_where(blocks, name, 'device')}: device = '{device}': {unknown}"] if unknown else []
        below = shelf(with_user=False).device_blocks.get(name)
        merged = {**(below[-1][name] if below else {}), **block}
        return [f"{_where(blocks, name)}: {doubt}" for doubt in doubts(_device(blocks, name, merged))]
    except TonnageError as problem:
        return [_with_line(blocks, name, str(problem))]


def _device(blocks: Blocks, name: str, merged: dict[str, object]) -> Device:
    return declared.device(name, merged, where=_where(blocks, name))


def doubts(device: Device) -> list[str]:
    """Return figures of one device that cannot be right, or not together.

    Rates are dense: a narrower format is never slower than half of a wider one
    of the same unit, and never more than four times as fast per halving.
    """
    found = []
    bandwidth = device.memory_bandwidth_bytes_per_s
    if bandwidth is not None and bandwidth < LOWEST_BANDWIDTH_BYTES_PER_S:
        found.append(f"a memory bandwidth of {bandwidth:g} bytes/s is below 1 GB/s")
    for fmt, rate in device.peak:
        if rate is not None and not LOWEST_PEAK_FLOP_PER_S <= rate <= HIGHEST_PEAK_FLOP_PER_S:
            found.append(f"{fmt} at {rate:g} FLOP/s is outside of 1 GFLOP/s to 10 EFLOP/s")
    marketed, usable = device.memory_bytes, device.usable_memory_bytes
    if marketed and usable and not 0.85 <= usable / marketed <= 1.08:
        found.append(f"usable memory of {usable / 1e9:.1f} GB does not fit {marketed / 1e9:.1f} GB marketed")
    return found


def _where(blocks: Blocks, name: str, key: str | None = None) -> str:
    return f"{blocks.where}: line {_line(blocks, name, key)}: [{name}]"


def _line(blocks: Blocks, name: str, key: str | None) -> int:
    """Return the line of a key, or that of the block's header."""
    start = blocks.line_of(name)
    for offset, text in enumerate(blocks.text_of(name).splitlines()):
        if key and re.match(rf"\s*{re.escape(key)}\s*=", text):
            return start + offset
    return start


def _with_line(blocks: Blocks, name: str, message: str) -> str:
    """Replace the line of the header by that of the key that the message names."""
    head = f"{_where(blocks, name)}: "
    key = re.match(r"[\w-]+", message.removeprefix(head))
    if not message.startswith(head) or not key:
        return message
    return f"{_where(blocks, name, key[0])}: {message.removeprefix(head)}"
