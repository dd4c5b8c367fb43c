"""A machine on the terminal: processor, memory, accelerators, and why any of them is refused."""

from itertools import groupby

from rich.text import Text

from hw_targets.machine import Accelerator, Machine
from reports.numbers import UNKNOWN
from reports.terminal.console import console, evidence, note, prose, table
from tonnage.units import gib


def show_machine(machine: Machine) -> None:
    """Print what a machine is to stdout."""
    out = console()
    facts = table(f"{machine.hostname or 'this machine'}", "!what", "reading")
    for what, reading in _facts(machine):
        facts.add_row(what, reading)
    out.print(facts)
    if machine.devices:
        out.print()
        out.print(_devices(machine))
        for line in _reasons(machine):
            prose(note(line))
    else:
        out.print(note("No accelerator is seen: models run on the processor here."))
    for doubt in machine.notes:
        prose(note(f"Note: {doubt}"))


def _facts(machine: Machine) -> list[tuple[str, str]]:
    cpu, memory = machine.cpu, machine.memory
    around = [
        f"virtual machine ({machine.hypervisor})" if machine.virtualized else None,
        f"container ({machine.container_runtime})" if machine.container else None,
        machine.cloud_instance,
    ]
    return [
        ("processor", f"{cpu.model or UNKNOWN}" + (f"  [{cpu.catalog_id}]" if cpu.catalog_id else "")),
        ("cores", _cores(machine)),
        ("extensions", " ".join(cpu.isa) or "none that matter here"),
        (
            "caches",
            f"L1d {_cache(cpu.l1d_bytes)}, L2 {_cache(cpu.l2_bytes)}, L3 {_cache(cpu.l3_bytes)} in all",
        ),
        ("memory", f"{gib(memory.usable_bytes)} usable of {gib(memory.total_bytes)}"),
        ("system", ", ".join([machine.os or UNKNOWN, *(word for word in around if word)])),
    ]


def _cores(machine: Machine) -> str:
    cpu = machine.cpu
    words = [
        f"{cpu.physical_cores or UNKNOWN} physical",
        f"{cpu.logical_cpus or UNKNOWN} logical",
        f"{cpu.usable_cpus:g} usable here" if cpu.usable_cpus is not None else f"{UNKNOWN} usable here",
    ]
    if cpu.efficiency_cores:
        words.append(f"{cpu.performance_cores} fast and {cpu.efficiency_cores} small")
    if cpu.numa_nodes and cpu.numa_nodes > 1:
        words.append(f"{cpu.numa_nodes} NUMA nodes")
    return ", ".join(words)


def _cache(size_bytes: int | None) -> str:
    if size_bytes is None:
        return UNKNOWN
    return f"{size_bytes / 2**20:g} MiB" if size_bytes >= 2**20 else f"{size_bytes / 2**10:g} KiB"


def _devices(machine: Machine) -> object:
    grid = table("Accelerators", ">", "device", "!catalog", ">memory", "known by", "usable", "link")
    for (one, *_), count in _runs(machine.devices):
        shared = ", the host's own" if one.shares_host_memory else ""
        grid.add_row(
            f"{count} x" if count > 1 else "",
            _label(one),
            one.catalog_id or "-",
            gib(one.memory_bytes) + shared,
            evidence(one.evidence),
            Text("yes", style="green") if one.usable else Text("no", style="red"),
            one.link or "-",
        )
    return grid


def _runs(devices: tuple[Accelerator, ...]) -> list[tuple[list[Accelerator], int]]:
    """Put neighbours together that differ in their place only."""
    runs = [
        list(group)
        for _, group in groupby(
            devices, key=lambda one: (_label(one), one.catalog_id, one.memory_bytes, one.usable)
        )
    ]
    return [(run, len(run)) for run in runs]


def _label(one: Accelerator) -> str:
    """Name a device; slices of one device differ in their number only."""
    if one.partition is None:
        return one.name
    return f"{one.name.partition(' (')[0]} ({_slices(one.partition)})"


def _slices(partition: str) -> str:
    return f"{partition.split()[0]} slice"


def _reasons(machine: Machine) -> list[str]:
    reasons: dict[str, None] = {}
    for one in machine.devices:
        if one.why_not:
            why = one.why_not.replace(one.partition, _slices(one.partition)) if one.partition else one.why_not
            reasons[f"Note: {_label(one)}: {why}"] = None
    return list(reasons)
