"""The processor: model, vector and matrix extensions, cores, caches and NUMA nodes, from /proc and sysfs."""

import os
import platform
import re
from collections.abc import Iterator

from hw_targets import cpulist
from hw_targets.facts import CpuFacts, Facts
from hw_targets.host import TABLE_BYTES, Host, whole

CPUS = "/sys/devices/system/cpu"
MOST_CPUS = 4096
"""Topology is read for this many CPUs; Linux on x86 allows 8192 (NR_CPUS)."""

ISA_FLAGS = frozenset(
    "avx avx2 fma f16c avx_vnni avx_vnni_int8 avx_ne_convert avx512f avx512bw avx512dq avx512vl avx512_vnni "  # noqa: SIM905
    "avx512_bf16 avx512_fp16 avx512vbmi avx512_vbmi2 amx_tile amx_int8 amx_bf16 amx_fp16 "
    "asimd asimdhp asimddp i8mm bf16 sve sve2 svei8mm svebf16 sme sme2 rvv".split()
)
"""Flags that decide how fast inference can be, as /proc/cpuinfo spells them."""

ARM_VENDORS = {0x41: "Arm", 0x42: "Broadcom", 0x48: "HiSilicon", 0x4E: "NVIDIA", 0x50: "APM",
               0x51: "Qualcomm", 0x53: "Samsung", 0x61: "Apple", 0x6D: "Microsoft",
               0xC0: "Ampere"}  # fmt: skip
"""`CPU implementer` codes, from the MIDR_EL1 description in the Arm Architecture Reference Manual and
util-linux lscpu-arm.c."""
ARM_CORES = {
    (0x41, 0xD03): "Arm Cortex-A53", (0x41, 0xD07): "Arm Cortex-A57", (0x41, 0xD08): "Arm Cortex-A72",
    (0x41, 0xD0B): "Arm Cortex-A76", (0x41, 0xD42): "Arm Cortex-A78AE", (0x41, 0xD0C): "Arm Neoverse N1",
    (0x41, 0xD40): "Arm Neoverse V1", (0x41, 0xD49): "Arm Neoverse N2", (0x41, 0xD4F): "Arm Neoverse V2",
    (0x41, 0xD84): "Arm Neoverse V3", (0x41, 0xD85): "Arm Cortex-X925", (0x41, 0xD87): "Arm Cortex-A725",
    (0x48, 0xD01): "HiSilicon Kunpeng 920", (0xC0, 0xAC3): "Ampere-1",
}  # fmt: skip
"""Cores by `CPU implementer` and `CPU part`, from util-linux lscpu-arm.c, and Linux arch/arm64 cputype.h for
those since Neoverse V3."""
VENDORS = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD", "HygonGenuine": "Hygon"}
_SIZE = re.compile(r"(\d{1,9})([KMG]?)")


def probe(host: Host) -> Facts:
    """Read the processor of a Linux host."""
    first, listed = _cpuinfo(host)
    online = cpulist.parse(host.line(f"{CPUS}/online")) or cpulist.of(range(listed))
    cores = tuple(_cores(host, online))
    caches = _cache_totals(host, online)
    sockets = {package for package, _ in cores if package is not None}
    vendor, model = _names(first)
    frequency_khz = host.number(f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq")
    return Facts(
        cpu=CpuFacts(
            model=model or host.line("/proc/device-tree/model"),
            vendor=vendor,
            architecture=_architecture(host, first),
            sockets=len(sockets) or None,
            physical_cores=len(cores) or _cores_by_cpuinfo(first, listed),
            logical_cpus=cpulist.count(online) or None,
            isa=_isa(first),
            l1d_bytes=caches.get((1, "Data")),
            l2_bytes=caches.get((2, "Unified")),
            l3_bytes=caches.get((3, "Unified")),
            numa_nodes=_numa_nodes(host),
            max_frequency_hz=frequency_khz * 1e3 if frequency_khz and frequency_khz > 0 else None,
            performance_cores=_hybrid(host, "cpu_core", cores),
            efficiency_cores=_hybrid(host, "cpu_atom", cores),
        )
    )


def _cpuinfo(host: Host) -> tuple[dict[str, str], int]:
    """Return the fields of the first processor and the number of processors listed."""
    text = host.text("/proc/cpuinfo", max_bytes=TABLE_BYTES) or ""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and len(fields) < 64:
            fields.setdefault(key.strip(), value.strip())
    return fields, len(re.findall(r"^processor\s*:", text, re.MULTILINE))


def _names(first: dict[str, str]) -> tuple[str | None, str | None]:
    if "vendor_id" in first:
        vendor = first["vendor_id"]
        return VENDORS.get(vendor, vendor), first.get("model name") or None
    implementer = whole(first.get("CPU implementer"), base=0)
    part = whole(first.get("CPU part"), base=0)
    if implementer is None or part is None:
        return None, first.get("model name")
    return ARM_VENDORS.get(implementer), first.get("model name") or ARM_CORES.get((implementer, part))


def _architecture(host: Host, first: dict[str, str]) -> str | None:
    if host.live:
        return platform.machine() or None
    if "flags" in first:
        return "x86_64" if " lm " in f" {first['flags']} " else "i686"
    if first.get("CPU architecture") in ("8", "AArch64"):
        return "aarch64"
    return "riscv64" if first.get("isa", "").startswith("rv64") else None


def _isa(first: dict[str, str]) -> tuple[str, ...]:
    listed = (first.get("flags") or first.get("Features") or "").split()
    return tuple(flag for flag in dict.fromkeys(listed) if flag in ISA_FLAGS)


def _cores(
    host: Host, online: tuple[cpulist.Range, ...]
) -> Iterator[tuple[int | None, tuple[cpulist.Range, ...]]]:
    """Yield package and sibling CPUs of every physical core, reading each core once."""
    seen: set[int] = set()
    for cpu in cpulist.members(online, at_most=MOST_CPUS):
        if cpu in seen:
            continue
        topology = f"{CPUS}/cpu{cpu}/topology"
        siblings = cpulist.parse(host.line(f"{topology}/thread_siblings_list"))
        if not siblings:
            continue
        seen.update(cpulist.members(siblings, at_most=64))
        yield host.number(f"{topology}/physical_package_id"), siblings


def _cores_by_cpuinfo(first: dict[str, str], listed: int) -> int | None:
    per_socket, siblings = whole(first.get("cpu cores")), whole(first.get("siblings"))
    if per_socket and siblings and listed:
        return max(1, listed * per_socket // siblings)
    return None


def _cache_totals(host: Host, online: tuple[cpulist.Range, ...]) -> dict[tuple[int, str], int]:
    """Return the total size of every cache level and type: distinct caches, each counted once."""
    totals: dict[tuple[int, str], int] = {}
    for index in host.names(f"{CPUS}/cpu0/cache"):
        if not re.fullmatch(r"index\d", index):
            continue
        covered: set[int] = set()
        for cpu in cpulist.members(online, at_most=MOST_CPUS):
            if cpu in covered:
                continue
            cache = f"{CPUS}/cpu{cpu}/cache/{index}"
            size, level = _size_bytes(host.line(f"{cache}/size")), host.number(f"{cache}/level")
            if size is None or level is None:
                continue
            shared = cpulist.parse(host.line(f"{cache}/shared_cpu_list")) or cpulist.of((cpu,))
            covered.update(cpulist.members(shared, at_most=MOST_CPUS))
            kind = (level, host.line(f"{cache}/type") or "Unified")
            totals[kind] = totals.get(kind, 0) + size
    return totals


def _size_bytes(text: str | None) -> int | None:
    found = _SIZE.fullmatch(text or "")
    return int(found[1]) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[found[2]] if found else None


def _numa_nodes(host: Host) -> int | None:
    """Count NUMA nodes with CPUs; nodes of memory alone are no place to run."""
    nodes = [name for name in host.names("/sys/devices/system/node") if re.fullmatch(r"node\d+", name)]
    lists = [host.text(f"/sys/devices/system/node/{name}/cpulist") for name in nodes]
    return sum(1 for listed in lists if listed is None or listed) or None


def _hybrid(
    host: Host, kind: str, cores: tuple[tuple[int | None, tuple[cpulist.Range, ...]], ...]
) -> int | None:
    """Count the cores of one kind of a hybrid processor (`cpu_core`: fast, `cpu_atom`: small)."""
    cpus = cpulist.parse(host.line(f"/sys/devices/{kind}/cpus"))
    if not cpus:
        return None
    return sum(1 for _, siblings in cores if cpulist.common(siblings, cpus))


def probe_portable(host: Host) -> Facts:
    """Read what the interpreter itself knows, on systems without /proc."""
    if not host.live or host.exists("/proc/cpuinfo"):
        return Facts()
    return Facts(
        cpu=CpuFacts(
            model=platform.processor() or None,
            architecture=platform.machine() or None,
            logical_cpus=os.cpu_count(),
        )
    )
