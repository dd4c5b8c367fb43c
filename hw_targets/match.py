"""Which catalog device an accelerator is, or why none can be named."""

from dataclasses import dataclass

from hw_targets.catalog.resolve import MEMORY_TOLERANCE, candidates
from hw_targets.catalog.shelf import Shelf
from hw_targets.device import Device, DeviceKind
from hw_targets.facts import Sighting

USABLE_TOLERANCE = 0.03
"""Drivers of one card differ by this much in what they report (L40S: 45776 to 46068 MiB)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A catalog device, or the reason why there is none.

    Attributes
    ----------
    device : Device or None
        What it is; for a slice, what it is a slice of.
    is_whole : bool
        Whether the device's figures apply.
    why_not : str or None
        Why no catalog id can be given.
    """

    device: Device | None = None
    is_whole: bool = False
    why_not: str | None = None

    @property
    def catalog_id(self) -> str | None:
        """Id to report: only of a whole device."""
        return self.device.id if self.device is not None and self.is_whole else None


def match(seen: Sighting, shelf: Shelf) -> Match:
    """Name the catalog device behind all that was seen of one accelerator.

    The PCI id proposes, name, memory size and compute units decide. An id that
    several parts share is only resolved by what tells them apart, never by order.
    """
    proposed = _proposed(seen, shelf)
    if not proposed:
        return Match(why_not=_unlisted(seen))
    if seen.slice is not None:
        whole = proposed[0] if len(proposed) == 1 else None
        of = whole.name if whole else " or ".join(device.name for device in proposed)
        return Match(device=whole, why_not=f"{seen.slice} of {of}: figures of the whole do not apply to it")
    fitting = [device for device in proposed if _fits(device, seen)]
    if len(fitting) == 1:
        return Match(device=fitting[0], is_whole=True)
    if fitting:
        ids = ", ".join(device.id for device in fitting)
        return Match(
            why_not=f"{seen.pci_id or seen.name} is shared by {ids}, and nothing seen tells them apart"
        )
    return Match(why_not=_misfit(proposed, seen))


def _proposed(seen: Sighting, shelf: Shelf) -> list[Device]:
    """Return the devices with this PCI id, narrowed by the name, or those of this name."""
    by_id = shelf.pci_index.get(seen.pci_id or "", ())
    by_name = candidates(seen.name) if seen.name else ()
    ids = [one for one in by_id if one in by_name] or by_id or by_name
    devices = [shelf.device(one) for one in ids]
    return [one for one in devices if one.kind is not DeviceKind.CPU and _same_vendor(one, seen)]


def _same_vendor(device: Device, seen: Sighting) -> bool:
    return seen.vendor is None or device.vendor.lower() == seen.vendor.lower()


def _fits(device: Device, seen: Sighting) -> bool:
    return _memory_fits(device, seen) and _units_fit(device, seen)


def _memory_fits(device: Device, seen: Sighting) -> bool:
    """Compare sizes; a part with unified memory is sold with many."""
    if seen.memory_bytes is None or device.memory_bytes is None or device.kind is DeviceKind.APU:
        return True
    behind = device.devices_per_pci_function if seen.part is None else 1
    size = seen.memory_bytes / behind
    if device.usable_memory_bytes and abs(size / device.usable_memory_bytes - 1) <= USABLE_TOLERANCE:
        return True
    return abs(size / device.memory_bytes - 1) <= MEMORY_TOLERANCE


def _units_fit(device: Device, seen: Sighting) -> bool:
    if seen.compute_units is None or device.compute_units is None:
        return True
    return seen.compute_units == device.compute_units


def _unlisted(seen: Sighting) -> str:
    what = f"PCI id {seen.pci_id}" if seen.pci_id else f"the name '{seen.name}'"
    return f"{what} is in no catalog; describe the device in a devices.toml of your own"


def _misfit(proposed: list[Device], seen: Sighting) -> str:
    listed = ", ".join(
        f"{device.id} ({device.memory_bytes / 1e9:.0f} GB)" for device in proposed if device.memory_bytes
    )
    size = f"{seen.memory_bytes / 1e9:.1f} GB" if seen.memory_bytes is not None else "unknown memory"
    units = f" and {seen.compute_units} compute units" if seen.compute_units else ""
    return f"{seen.pci_id or seen.name} with {size}{units} is none of {listed}"
