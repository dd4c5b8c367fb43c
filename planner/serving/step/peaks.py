"""Peak rates that a device states, and what stands in where it states none."""

from hw_targets.device import Device, DeviceKind
from planner.serving.step.core_peaks import CLOCK_HZ, core_peaks

BALANCE_FLOP_PER_BYTE = {"cpu": 12.0}
"""Peak over bandwidth where no peak is published. CPU: fp32 of the catalog's Granite Rapids and
Grace entries (1, 24 and 26 flop/byte), geometric middle."""


def peaks(device: Device, bandwidth: float) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return peaks by dtype [flop/s], never none, and a note on each that is assumed."""
    peak = {name: value for name, value in device.peak.model_dump().items() if value and name != "fp64"}
    if peak:
        return _with_half(peak, device)
    if found := core_peaks(device):
        clock = f"{CLOCK_HZ / 1e9:g} GHz"
        note = f"no peak rate is published for {device.name}: cores x vector width at {clock} assumed"
        return found, (note,)
    ratio = BALANCE_FLOP_PER_BYTE.get(device.kind.value, 100.0)
    note = f"no peak rate is published for {device.name}: {ratio:g} flop per byte of bandwidth assumed"
    return {"fp32": ratio * bandwidth}, (note,)


def _with_half(peak: dict[str, float], device: Device) -> tuple[dict[str, float], tuple[str, ...]]:
    """Add a rate for 16 bits where an accelerator states narrower ones alone.

    Half of the 8-bit rate is the middle of the catalog's devices that state both; consumer cards and some
    NPUs have a quarter to a third of it, a few others all of it.
    """
    if device.kind is DeviceKind.CPU or "fp16" in peak or "bf16" in peak:
        return peak, ()
    missing = f"no 16-bit rate is published for {device.name}"
    narrow = max(peak.get("fp8", 0.0), peak.get("int8", 0.0))
    if narrow:
        half = {"fp16": narrow / 2, "bf16": narrow / 2}
        return {**peak, **half}, (f"{missing}: half of its 8-bit one assumed",)
    return peak, (f"{missing}: {'/'.join(peak)} rate assumed",)
