"""AMD GPUs as ROCm's own library reports them, where it is: product name, ECC, compute units, power cap.

Its memory bandwidth is left out: the library computes it from the present memory clock, which is low at idle.
"""

import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from hw_targets.facts import Facts, Sighting
from hw_targets.host import Host
from hw_targets.probes.pci import ADDRESS, functions_of
from tonnage.errors import ProbeUnavailable

ROCM_PYTHON = ("/opt/rocm/share/amd_smi", "/opt/rocm/libexec/amdsmi_cli")
"""Where ROCm's packages put the library (ROCm installation guide, "AMD SMI"): not on Python's path."""


def probe(host: Host) -> Facts:
    """Ask the library about every device; only on a live host with an AMD function and the compute driver.

    Raises
    ------
    ProbeUnavailable
        If the library is there, but does not answer.
    """
    if not host.live or not host.exists("/dev/kfd") or not functions_of(host, "1002"):
        return Facts()
    library = _library(host)
    if library is None:
        return Facts()
    try:
        library.amdsmi_init()
    except Exception as problem:  # noqa: BLE001 - it raises classes of its own, which moved between versions
        raise ProbeUnavailable(f"the library does not answer ({problem})") from None
    try:
        found = [_device(library, handle) for handle in library.amdsmi_get_processor_handles()]
        return Facts(devices=tuple(one for one in found if one is not None))
    finally:
        library.amdsmi_shut_down()


def _library(host: Host) -> Any:
    """Return the library, or None if it is not there.

    The build on PyPI raises KeyError or OSError at import where ROCm is not installed.
    """
    places = [place for place in ROCM_PYTHON if host.exists(f"{place}/amdsmi")]
    sys.path[:0] = places
    try:
        if find_spec("amdsmi") is None:
            return None
        import amdsmi

        return amdsmi
    except (ImportError, KeyError, OSError, AttributeError) as problem:
        raise ProbeUnavailable(
            f"the library cannot be loaded ({type(problem).__name__}: {problem})"
        ) from None
    finally:
        for place in places:
            sys.path.remove(place)


def _device(library: Any, handle: Any) -> Sighting | None:
    address = _ask(library.amdsmi_get_gpu_device_bdf, handle)
    if not isinstance(address, str) or not ADDRESS.fullmatch(address.lower()):
        return None
    asic = _told(_ask(library.amdsmi_get_gpu_asic_info, handle))
    power = _told(_ask(library.amdsmi_get_power_cap_info, handle))
    units, protected = (
        _number(asic.get("num_compute_units")),
        _ask(library.amdsmi_get_gpu_ecc_enabled, handle),
    )
    cap_uw = _number(power.get("power_cap"))
    return Sighting(
        place=address.lower(),
        name=_name(asic.get("market_name")),
        vendor="AMD",
        pci_address=address.lower(),
        driver="amdgpu",
        ecc=protected != 0 if isinstance(protected, int) else None,
        compute_units=int(units) if units and units < MOST_UNITS else None,
        power_limit_w=cap_uw * 1e-6 if cap_uw and cap_uw >= LEAST_CAP_UW else None,
    )


LEAST_CAP_UW = 1e6
"""Some versions tell the cap in W instead of uW: less than 1 W is that, and is left to sysfs."""


def _ask(query: Callable[..., Any], handle: Any) -> Any:
    """Return one answer, or None if this device or version does not support the query."""
    try:
        return query(handle)
    except Exception:  # noqa: BLE001 - see `probe`
        return None


def _told(answer: Any) -> Mapping[str, Any]:
    return answer if isinstance(answer, Mapping) else {}


def _number(value: Any) -> float | None:
    """Return a positive number; "N/A" and the like are none."""
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < UNKNOWN
    return float(value) if known else None


UNKNOWN = 2**63
MOST_UNITS = 65535
"""The library fills what it does not know with all ones, in 64 or in 16 bits."""


def _name(value: Any) -> str | None:
    """Return a product name; some firmwares tell a bare id instead."""
    if not isinstance(value, str) or not value.strip() or value.strip() == "N/A" or value.startswith("0x"):
        return None
    return value.strip() if value.startswith("AMD") else f"AMD {value.strip()}"
