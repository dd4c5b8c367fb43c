"""What a device tells of itself while it works: energy, clock, heat, and why it slows down; NVML here."""

from dataclasses import dataclass
from typing import Any

SLOWED_BY = {
    "nvmlClocksThrottleReasonSwPowerCap": "its power limit",
    "nvmlClocksThrottleReasonHwSlowdown": "the board (heat or power)",
    "nvmlClocksThrottleReasonSwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonHwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": "the power supply",
}
"""Bits of NVML's clock event reasons that make the same kernel slower (NVML API reference,
nvmlClocksEventReasons), and what to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One reading; None where the device does not tell.

    Attributes
    ----------
    energy_j : float or None
        Counter since the driver was loaded. [J]
    clock_hz : float or None
        Of the multiprocessors, now.
    temperature_c : float or None
        Of the die. [degrees Celsius]
    slowed_by : tuple of str
        What keeps the clock down now.
    """

    energy_j: float | None = None
    clock_hz: float | None = None
    temperature_c: float | None = None
    slowed_by: tuple[str, ...] = ()


def slowed(gauge: Gauge | None) -> str | None:
    """Say what kept the device's clock down, and what would help; None if nothing did."""
    if gauge is None or not gauge.slowed_by:
        return None
    blamed = " and ".join(gauge.slowed_by)
    return f"the device's clock was kept down by {blamed}; cool it or raise its power limit, and repeat"


def used_between_j(before: Gauge | None, after: Gauge | None) -> float | None:
    """Return the energy used between two readings [J]; None if a counter is missing or was reset."""
    if before is None or after is None or before.energy_j is None or after.energy_j is None:
        return None
    used_j = after.energy_j - before.energy_j
    return used_j if used_j >= 0 else None


class NvmlGauge:
    """Reads one NVIDIA device by its PCI address.

    Parameters
    ----------
    nvml : module
        `pynvml`, or a stand-in with its functions.
    address : str
        PCI address as CUDA tells it: `0000:01:00.0`.

    Raises
    ------
    OSError
        If NVML does not answer, or knows no such device.
    """

    def __init__(self, nvml: Any, address: str) -> None:
        self._nvml = nvml
        try:
            nvml.nvmlInit()
            self._handle = nvml.nvmlDeviceGetHandleByPciBusId(address.encode())
        except nvml.NVMLError as problem:
            raise OSError(f"NVML does not tell about {address}: {problem}") from None

    def read(self) -> Gauge:
        """Return one reading."""
        nvml = self._nvml
        energy_mj = self._ask("nvmlDeviceGetTotalEnergyConsumption")
        clock_mhz = self._ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM)
        reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons") or 0
        slowed = [word for name, word in SLOWED_BY.items() if reasons & getattr(nvml, name, 0)]
        return Gauge(
            energy_j=energy_mj * 1e-3 if energy_mj is not None else None,
            clock_hz=clock_mhz * 1e6 if clock_mhz is not None else None,
            temperature_c=self._ask("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
            slowed_by=tuple(dict.fromkeys(slowed)),
        )

    def _ask(self, name: str, *arguments: Any) -> Any:
        try:
            return getattr(self._nvml, name)(self._handle, *arguments)
        except (self._nvml.NVMLError, AttributeError):
            return None
