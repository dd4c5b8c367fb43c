"""Conditions of a host that spoil measurements or serving; each check reads, judges and advises.

finding      what a check says
processor    governor, turbo, load, heat, quota, time stolen by the hypervisor
memory       huge pages, NUMA balancing, swap, shared memory, locked memory
devices      drivers, permissions, links, power caps
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hw_targets.checks import devices, memory, processor
from hw_targets.checks.finding import Checkup, Finding, Verdict
from hw_targets.host import Host
from hw_targets.machine import Machine

Check = Callable[[Host, Machine], list[Finding]]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "governor": processor.governor,
        "turbo": processor.turbo,
        "load": processor.load,
        "heat": processor.heat,
        "quota": processor.quota,
        "stolen time": processor.stolen_time,
        "huge pages": memory.huge_pages,
        "NUMA balancing": memory.numa_balancing,
        "swap": memory.swap,
        "shared memory": memory.shared_memory,
        "locked memory": memory.locked_memory,
        "devices": devices.refused,
        "driver": devices.driver,
        "PCIe link": devices.link,
        "power cap": devices.power_cap,
    }
)


def check_up(host: Host, machine: Machine) -> Checkup:
    """Run every check; one that finds nothing to read says so by its absence."""
    found = [finding for check in CHECKS.values() for finding in check(host, machine)]
    return Checkup(machine=machine, findings=tuple(found))


__all__ = ["CHECKS", "Check", "Checkup", "Finding", "Verdict", "check_up"]
