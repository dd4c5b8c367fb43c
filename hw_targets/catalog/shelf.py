"""The catalog's files, and the user's own over them; a block is parsed when it is asked for."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from hw_targets.catalog import declared
from hw_targets.device import Device, Instance
from tonnage.blocks import Blocks
from tonnage.errors import FormatError, UnknownName
from tonnage.files import Record

SHIPPED = Path(__file__).parent

LIST_THEM = "'tonnage catalog devices' lists them"
"""What to do where a device is not known and no name is near."""

_HEADLINE = re.compile(r"^(name|memory_type|memory_gb|pci_ids)[ \t]*=[ \t]*(\[[^\]]*\]|[^\n]*)", re.MULTILINE)
_PCI_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")


class Source(Record):
    """Where figures were read, and its date where it carries one."""

    title: str
    retrieved: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What a device is looked up by, read without parsing its block."""

    id: str
    name: str
    memory_type: str
    memory_gb: float | None
    pci_ids: tuple[str, ...]


@dataclass
class Shelf:
    """Blocks of all catalog files; a later file corrects an earlier one key by key."""

    folders: tuple[Path, ...]
    _devices: dict[str, Device] = field(default_factory=dict)

    @cached_property
    def device_blocks(self) -> dict[str, list[Blocks]]:
        """Files that hold each device, in the order in which they apply."""
        return self._stack("devices")

    @cached_property
    def instance_blocks(self) -> dict[str, list[Blocks]]:
        """Files that hold each instance, in the order in which they apply."""
        return self._stack("instances")

    @property
    def corrected(self) -> tuple[str, ...]:
        """Ids of devices that a user's file adds or corrects."""
        return tuple(
            name
            for name, stack in self.device_blocks.items()
            if not Path(stack[-1].where).is_relative_to(SHIPPED)
        )

    @cached_property
    def headlines(self) -> tuple[Headline, ...]:
        """All devices by what they are looked up by."""
        return tuple(_headline(name, stack) for name, stack in self.device_blocks.items())

    @cached_property
    def pci_index(self) -> Mapping[str, tuple[str, ...]]:
        """Device ids behind each `vvvv:dddd`."""
        index: dict[str, tuple[str, ...]] = {}
        for line in self.headlines:
            for pci_id in line.pci_ids:
                index[pci_id] = (*index.get(pci_id, ()), line.id)
        return index

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """All rentable hosts."""
        return tuple(
            declared.instance(name, _merged(name, stack), where=_where(name, stack))
            for name, stack in self.instance_blocks.items()
        )

    def device(self, device_id: str) -> Device:
        """Return one device; an unknown id lists the near ones."""
        if device_id not in self.device_blocks:
            raise UnknownName("device", device_id, self.device_blocks, hint=LIST_THEM)
        if device_id not in self._devices:
            stack = self.device_blocks[device_id]
            self._devices[device_id] = declared.device(
                device_id, _merged(device_id, stack), where=_where(device_id, stack)
            )
        return self._devices[device_id]

    def why_not(self, device_id: str) -> str | None:
        """Return why there is no such device, or None if there is."""
        if device_id in self.device_blocks:
            return None
        return str(UnknownName("device", device_id, self.device_blocks, hint=LIST_THEM))

    def _stack(self, kind: str) -> dict[str, list[Blocks]]:
        stacks: dict[str, list[Blocks]] = {}
        for path in _files(self.folders, kind):
            blocks = Blocks.read(path)
            for name in blocks:
                stack = stacks.setdefault(name, [])
                if stack and Path(stack[-1].where).is_relative_to(SHIPPED) and path.is_relative_to(SHIPPED):
                    raise FormatError(f"{path}: [{name}] stands in {stack[-1].where} too")
                stack.append(blocks)
        return stacks


def _files(folders: tuple[Path, ...], kind: str) -> Iterator[Path]:
    """Yield `devices/*.toml` and `devices*.toml` of each folder, or the same for instances."""
    for folder in folders:
        yield from sorted(folder.glob(f"{kind}*.toml"))
        yield from sorted((folder / kind).glob("*.toml"))


def _merged(name: str, stack: list[Blocks]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for blocks in stack:
        merged |= blocks[name]
    return merged


def _where(name: str, stack: list[Blocks]) -> str:
    last = stack[-1]
    return f"{last.where}: line {last.line_of(name)}: [{name}]"


def _headline(name: str, stack: list[Blocks]) -> Headline:
    found: dict[str, str] = {}
    for blocks in stack:
        found |= dict(_HEADLINE.findall(blocks.text_of(name)))
    memory = found.get("memory_gb", "").split("#")[0].strip()
    return Headline(
        id=name,
        name=found.get("name", name).strip().strip('"'),
        memory_type=found.get("memory_type", "").strip().strip('"'),
        memory_gb=float(memory) if re.fullmatch(r"[0-9.]+", memory) else None,
        pci_ids=tuple(_PCI_ID.findall(found.get("pci_ids", ""))),
    )


def user_folders() -> tuple[Path, ...]:
    """Return the user's own catalog folders: `~/.config/tonnage`, then `$TONNAGE_DATA` over it.

    Each may hold `devices*.toml`, `instances*.toml`, or folders of these names.
    """
    config = os.environ.get("XDG_CONFIG_HOME")
    folders = [Path(config) if config else Path.home() / ".config"]
    folders[0] /= "tonnage"
    if os.environ.get("TONNAGE_DATA"):
        folders.append(Path(os.environ["TONNAGE_DATA"]))
    return tuple(folders)


@cache
def _open(folders: tuple[Path, ...]) -> Shelf:
    return Shelf(folders)


@cache
def _sources() -> Blocks:
    return Blocks.read(SHIPPED / "sources.toml")


def shelf(*, with_user: bool = True) -> Shelf:
    """Return the catalog's files, with the user's over them."""
    return _open((SHIPPED, *user_folders()) if with_user else (SHIPPED,))


def names() -> tuple[str, ...]:
    """Return the ids of all devices."""
    return tuple(shelf().device_blocks)


def get(device_id: str) -> Device:
    """Return one device by its id.

    Raises
    ------
    UnknownName
        With the near ids, if there is no such device.
    FormatError
        If its block in a user's file cannot be read.

    Examples
    --------
    >>> get("nvidia-h100-sxm5-80gb").memory_bandwidth_bytes_per_s
    3350000000000.0
    """
    return shelf().device(device_id)


def why_not(device_id: str) -> str | None:
    """Return why there is no such device, or None if there is."""
    return shelf().why_not(device_id)


def matching(glob: str) -> tuple[str, ...]:
    """Return the ids that match a shell pattern such as `nvidia-h100-*`."""
    return tuple(name for name in names() if fnmatchcase(name, glob.lower()))


def by_pci(pci_id: str) -> tuple[Device, ...]:
    """Return the devices that carry a PCI id `vvvv:dddd`; several share one, most ids have none."""
    opened = shelf()
    return tuple(opened.device(name) for name in opened.pci_index.get(pci_id.lower(), ()))


def instances(device_id: str | None = None) -> tuple[Instance, ...]:
    """Return rentable hosts, or those with one device."""
    return tuple(one for one in shelf().instances if device_id is None or one.device_id == device_id)


def source(key: str) -> Source:
    """Return what a name in `Device.sources` stands for; anything else stands for itself."""
    blocks = _sources()
    return Source.parse(blocks[key], where=f"sources.toml [{key}]") if key in blocks else Source(title=key)
