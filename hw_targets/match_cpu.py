"""Which catalog CPU a processor is, or why none can be named."""

import re

from hw_targets.catalog.resolve import candidates
from hw_targets.catalog.shelf import Shelf
from hw_targets.device import DeviceKind
from hw_targets.facts import CpuFacts, SystemFacts

EC2_CORES = {
    "Arm Neoverse V1": "aws-graviton3",
    "Arm Neoverse V2": "aws-graviton4",
    "Arm Neoverse V3": "aws-graviton5",
}
"""Arm cores name no product; on EC2 each is one generation of Graviton (AWS, "Graviton processors")."""
GRACE_CORES = 72
_NOISE = re.compile(r"\d+-core|processor|\bcpu\b|@.*$|with radeon.*$|w/ radeon.*$", re.IGNORECASE)


def match_cpu(cpu: CpuFacts, system: SystemFacts, shelf: Shelf) -> tuple[str | None, str | None]:
    """Return the catalog id, and the reason if there is none."""
    if not cpu.model:
        return None, "the processor does not tell its model"
    by_core = _by_core(cpu, system)
    if by_core:
        return (by_core, None) if by_core in shelf.device_blocks else (None, f"{by_core} is in no catalog")
    if cpu.model.startswith("Arm "):
        return None, f"{cpu.model} cores are in several products, and nothing seen tells them apart"
    plain = _NOISE.sub(" ", cpu.model)
    telling = re.search(r"\d", plain)
    if not telling:
        hidden = "; its virtual machine hides it" if system.virtualized else ""
        return None, f"'{cpu.model}' does not say which model it is{hidden}"
    listed = candidates(plain)
    found = [one for one in listed if shelf.device(one).kind is DeviceKind.CPU]
    if len(found) == 1:
        return found[0], None
    if found:
        return None, f"'{cpu.model}' may be any of {', '.join(found)}"
    if listed:
        return None, f"'{cpu.model}' is listed with its GPU as {', '.join(listed)}, not as a processor"
    return None, f"'{cpu.model}' is in no catalog; describe it in a devices.toml of your own"


def _by_core(cpu: CpuFacts, system: SystemFacts) -> str | None:
    if system.maker == "Amazon EC2":
        return EC2_CORES.get(cpu.model or "")
    if cpu.model == "Arm Neoverse V2" and not system.virtualized and cpu.physical_cores:
        if cpu.physical_cores == GRACE_CORES:
            return "nvidia-grace-72c"
        if cpu.physical_cores == 2 * GRACE_CORES:
            return "nvidia-grace-superchip"
    return None
