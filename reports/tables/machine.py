"""What the measured machine is and what it reached."""

from hw_targets.machine import Machine
from planner.laws.cost_model import CostModel, Law
from profiler.profile import BenchConditions, Conditions, Profile
from reports.content import Table, headings
from reports.numbers import UNKNOWN, count, percent, quantity
from reports.tables.reasons import by_reason, few
from tonnage.units import gib, human

NONE = "–"


def facts(machine: Machine) -> Table:
    """Tabulate what the machine is made of, as far as it can be seen."""
    cpu, memory = machine.cpu, machine.memory
    rows = [
        ("Processor", cpu.model or UNKNOWN),
        ("Cores", _cores(machine)),
        ("Instruction sets", ", ".join(cpu.isa) or UNKNOWN),
        ("Caches", _caches(machine)),
        ("Memory", f"{gib(memory.usable_bytes)} usable of {gib(memory.total_bytes)}"),
        *(_accelerator(index, machine) for index in range(len(machine.devices))),
        ("Runs in", _surroundings(machine)),
    ]
    return Table(columns=headings("What", "Observed"), rows=tuple(rows), title="What it is")


def _cores(machine: Machine) -> str:
    cpu = machine.cpu
    physical = f"{count(cpu.physical_cores)} physical" if cpu.physical_cores is not None else ""
    usable = f"{count(cpu.usable_cpus)} logical usable here" if cpu.usable_cpus is not None else ""
    return ", ".join(part for part in (physical, usable) if part) or UNKNOWN


def _caches(machine: Machine) -> str:
    cpu = machine.cpu
    sizes = (("L1d", cpu.l1d_bytes), ("L2", cpu.l2_bytes), ("L3", cpu.l3_bytes))
    return ", ".join(f"{name} {_mib(size)}" for name, size in sizes if size is not None) or UNKNOWN


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.3g} MiB" if size_bytes >= 2**20 else f"{size_bytes / 2**10:,.3g} KiB"


def _accelerator(index: int, machine: Machine) -> tuple[str, str]:
    device = machine.devices[index]
    parts = [device.name]
    if device.memory_bytes is not None:
        parts.append(gib(device.memory_bytes))
    parts.append("usable" if device.usable else f"not usable: {device.why_not or 'no reason known'}")
    return f"Device {index}", ", ".join(parts)


def _surroundings(machine: Machine) -> str:
    virtual = (
        f"a virtual machine ({machine.hypervisor or 'hypervisor unknown'})" if machine.virtualized else ""
    )
    container = f"a container ({machine.container_runtime or 'runtime unknown'})" if machine.container else ""
    return ", in ".join(part for part in (container, virtual) if part) or "bare metal, as far as can be seen"


def ceilings(profile: Profile) -> Table:
    """Tabulate the best that any kernel reached, and which one."""
    found = profile.ceilings
    rows = [
        (dtype, quantity(rate, "FLOP/s"), found.reached_by.get(dtype, UNKNOWN))
        for dtype, rate in found.peak_flop_per_s.items()
    ]
    memory = [
        (f"memory {kind}", quantity(rate, "B/s"), found.memory_by(kind) or UNKNOWN)
        for kind, rate in found.bandwidth_bytes_per_s.items()
    ]
    if not memory and found.memory_bandwidth_bytes_per_s is not None:
        bandwidth = quantity(found.memory_bandwidth_bytes_per_s, "B/s")
        memory = [("memory bandwidth", bandwidth, found.reached_by.get("memory", UNKNOWN))]
    return Table(
        columns=headings("Ceiling", ">Measured", "Reached by"),
        rows=(*memory, *rows),
        title="Measured ceilings",
    )


def laws(model: CostModel) -> Table:
    """Tabulate the fitted laws with the error on shapes they had not seen."""
    ordered = sorted(model.laws, key=lambda law: (law.kernel, law.backend, law.dtype, law.format or ""))
    rows = tuple(_law(law) for law in ordered)
    columns = headings(
        "Kernel", "Backend", "!Number format", ">Arithmetic", ">Bandwidth", ">Overhead", ">Shapes",
        ">Error, median", ">90 %", "*Evidence",
    )  # fmt: skip
    note = (
        "Arithmetic and bandwidth: what large work approaches. Errors: of shapes left out of the fit, "
        "relative to their measured median time; a law of one or two shapes has none."
    )
    return Table(columns=columns, rows=rows, title="Fitted laws", note=note)


def _law(law: Law) -> tuple[str, ...]:
    return (
        law.kernel,
        law.backend,
        f"{law.dtype} {law.format or ''}".strip(),
        quantity(law.peak_flop_per_s, "FLOP/s") if law.peak_flop_per_s else NONE,
        quantity(law.bandwidth_bytes_per_s, "B/s") if law.bandwidth_bytes_per_s else NONE,
        human(law.overhead_s, "s"),
        count(law.n_shapes),
        *(_left_out(law, frac) for frac in (law.loo_median_error_frac, law.loo_p90_error_frac)),
        law.evidence.value,
    )


def _left_out(law: Law, frac: float | None) -> str:
    return NONE if frac is None or not law.is_checked else percent(frac, digits=2)


def conditions(bench: BenchConditions) -> Table:
    """Tabulate the state of the host before and after the measurements."""
    after = bench.after
    fields = [
        ("Time (UTC)", [_moment(one) for one in (bench.before, after)]),
        ("Load, 1 min", [_number(one, "load_1min") for one in (bench.before, after)]),
        ("CPU frequency", [_number(one, "cpu_frequency_hz", "Hz") for one in (bench.before, after)]),
        ("Governor", [(one.governor if one else None) or UNKNOWN for one in (bench.before, after)]),
        ("Temperature", [_number(one, "temperature_c", "°C") for one in (bench.before, after)]),
        ("Stolen CPU time", [percent(one.steal_frac if one else None) for one in (bench.before, after)]),
        (
            "Memory available",
            [gib(one.memory_available_bytes if one else None) for one in (bench.before, after)],
        ),
    ]
    rows = tuple((name, *values) for name, values in fields if set(values) - {UNKNOWN, NONE})
    return Table(
        columns=headings("Condition", ">Before", ">After"), rows=rows, title="Conditions of the measurement"
    )


def _moment(stamp: Conditions | None) -> str:
    return NONE if stamp is None else stamp.taken_at.replace("T", " ").removesuffix("Z")[:19]


def _number(stamp: Conditions | None, field: str, unit: str = "") -> str:
    value = getattr(stamp, field) if stamp is not None else None
    return UNKNOWN if value is None else quantity(float(value), unit).strip()


def skipped(profile: Profile) -> Table:
    """Tabulate what was not measured, by kernel and reason."""
    groups = by_reason(profile.skipped, lambda one: f"{one.kernel} {one.backend} {one.why}")
    rows = tuple((group[0].kernel, group[0].backend, count(len(group)), group[0].why) for group in groups)
    columns = headings("Kernel", "Backend", ">Shapes", "Why, e.g.")
    return Table(columns=columns, rows=rows, title="Not measured")


def unstable(profile: Profile) -> Table:
    """Tabulate why measurements did not become stable, the most frequent reason first."""
    shaky = [one for one in profile.measurements if not one.stable]
    groups = by_reason(shaky, lambda one: one.why_unstable or UNKNOWN)
    rows = tuple(
        (count(len(group)), group[0].why_unstable or UNKNOWN, few(one.kernel for one in group))
        for group in groups
    )
    columns = headings(">Measurements", "Not stable because, e.g.", "Kernels")
    note = "Their medians are used all the same; their samples and reasons are in the profile."
    return Table(columns=columns, rows=rows, title="Not stable", note=note)
