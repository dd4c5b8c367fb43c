"""Apple silicon by sysctl: one processor whose GPU shares the host's memory."""

import platform
import re

from hw_targets.facts import CpuFacts, Facts, MemoryFacts, Sighting
from hw_targets.host import Host, whole

ISA = {
    "hw.optional.neon": "asimd", "hw.optional.arm.FEAT_FP16": "asimdhp",
    "hw.optional.arm.FEAT_DotProd": "asimddp",    "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_BF16": "bf16", "hw.optional.arm.FEAT_SME": "sme",
}  # fmt: skip
"""Apple's feature keys and the Linux flags that mean the same."""

SMALLER_PARTS = {("Apple M3 Max", 14): "30-core GPU", ("Apple M4 Max", 14): "32-core GPU"}
"""Parts of one brand string with fewer GPU cores and slower memory, by their CPU cores (Apple, press
releases of 2023-10-30 and 2024-10-30)."""


def probe(host: Host) -> Facts:
    """Read processor, memory and GPU of a Mac."""
    if host.live and platform.system() != "Darwin":
        return Facts()
    told = dict(
        re.findall(r"^([\w.]+): (.+)$", host.tool("sysctl", "hw", "machdep.cpu", "iogpu") or "", re.MULTILINE)
    )
    brand = told.get("machdep.cpu.brand_string")
    if not brand:
        return Facts()
    cores = whole(told.get("hw.physicalcpu"))
    memory_bytes = whole(told.get("hw.memsize"))
    cpu = CpuFacts(
        model=brand,
        vendor="Apple" if brand.startswith("Apple") else None,
        architecture="arm64" if brand.startswith("Apple") else "x86_64",
        physical_cores=cores,
        logical_cpus=whole(told.get("hw.logicalcpu")),
        usable_cpus=whole(told.get("hw.activecpu")) or whole(told.get("hw.logicalcpu")),
        isa=tuple(flag for key, flag in ISA.items() if told.get(key) == "1"),
        performance_cores=whole(told.get("hw.perflevel0.physicalcpu")),
        efficiency_cores=whole(told.get("hw.perflevel1.physicalcpu")),
    )
    return Facts(cpu=cpu, memory=MemoryFacts(total_bytes=memory_bytes), devices=_gpu(brand, cores, told))


def _gpu(brand: str, cores: int | None, told: dict[str, str]) -> tuple[Sighting, ...]:
    if not brand.startswith("Apple"):
        return ()
    smaller = SMALLER_PARTS.get((brand, cores or 0))
    limit_mib = whole(told.get("iogpu.wired_limit_mb"))
    return (
        Sighting(
            place="apple-gpu",
            name=f"{brand} ({smaller})" if smaller else brand,
            vendor="Apple",
            kind="apu",
            driver="Metal",
            memory_bytes=limit_mib * 2**20 if limit_mib else None,
            shares_host_memory=True,
        ),
    )
