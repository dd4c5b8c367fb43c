"""Conditions of the processor: governor, turbo, load, heat, quota, time stolen by the hypervisor."""

import re

from hw_targets.checks.finding import Finding, finding
from hw_targets.host import Host
from hw_targets.machine import Machine

CPUS = "/sys/devices/system/cpu"
BUSY_FRAC = 0.2
"""A load above this share of the usable CPUs is felt by a benchmark that wants all of them (ASSUMED)."""
HOT_MILLIDEGREES = 95_000
"""Desktop and server processors throttle at 95 to 105 degrees Celsius (Intel and AMD data sheets)."""
STOLEN_FRAC = 0.02
"""Share of time the hypervisor gave to others since boot, above which latencies wander (ASSUMED)."""


def governor(host: Host, machine: Machine) -> list[Finding]:
    """Read the frequency governors of the first CPUs."""
    read = (
        host.line(f"{CPUS}/cpu{cpu}/cpufreq/scaling_governor")
        for cpu in range(min(machine.cpu.logical_cpus or 1, 256))
    )
    governors = sorted({one for one in read if one})
    if not governors:
        return []
    return [
        finding(
            "governor",
            ", ".join(governors),
            bad=governors != ["performance"],
            why="with any other governor the clock follows the load, and short kernels run slow",
            advice="sudo cpupower frequency-set -g performance",
        )
    ]


def turbo(host: Host, machine: Machine) -> list[Finding]:
    """Read whether the clock may rise above its base."""
    off = host.number(f"{CPUS}/intel_pstate/no_turbo")
    on = host.number(f"{CPUS}/cpufreq/boost")
    if off is None and on is None:
        return []
    disabled = off == 1 or on == 0
    return [
        finding(
            "turbo",
            "off" if disabled else "on",
            bad=disabled,
            why="without turbo every compute-bound kernel is slower than the same machine can be",
            advice="enable it in the firmware, or: echo 0 | sudo tee " + f"{CPUS}/intel_pstate/no_turbo",
        )
    ]


def load(host: Host, machine: Machine) -> list[Finding]:
    """Compare the load of the last minute with the usable CPUs."""
    text = host.line("/proc/loadavg") or ""
    first = re.match(r"(\d{1,6}\.\d+)", text)
    usable = machine.cpu.usable_cpus
    if not first or not usable:
        return []
    busy_frac = float(first[1]) / usable
    return [
        finding(
            "load",
            f"{first[1]} on {usable:g} usable CPUs",
            bad=busy_frac > BUSY_FRAC,
            why="other work takes cores and memory bandwidth from what is measured",
            advice="stop other programs (top), then measure again",
        )
    ]


def heat(host: Host, machine: Machine) -> list[Finding]:
    """Read the hottest thermal zone, and whether cores were throttled since boot."""
    zones = [name for name in host.names("/sys/class/thermal") if name.startswith("thermal_zone")]
    read = [host.number(f"/sys/class/thermal/{zone}/temp") for zone in zones[:64]]
    hottest = max((one for one in read if one is not None and 0 < one < 200_000), default=None)
    throttled = host.number(f"{CPUS}/cpu0/thermal_throttle/core_throttle_count")
    if hottest is None and throttled is None:
        return []
    words = [
        f"{hottest / 1000:.0f} degrees Celsius" if hottest is not None else None,
        f"throttled {throttled} times since boot" if throttled is not None else None,
    ]
    return [
        finding(
            "heat",
            ", ".join(word for word in words if word),
            bad=(hottest or 0) >= HOT_MILLIDEGREES,
            why="a hot processor lowers its clock, and the same kernel takes longer minute by minute",
            advice="let it cool down, check fans and dust, then measure again",
        )
    ]


def quota(host: Host, machine: Machine) -> list[Finding]:
    """Compare usable CPUs with those of the host."""
    usable, logical = machine.cpu.usable_cpus, machine.cpu.logical_cpus
    if usable is None or not logical:
        return []
    fractional = usable != int(usable)
    return [
        finding(
            "CPU quota",
            f"{usable:g} of {logical} CPUs usable",
            bad=fractional,
            why="under a quota that is no whole number the kernel stops all threads for part of each period",
            advice="give the container whole CPUs: a cpuset, or a limit without fraction",
        )
    ]


def stolen_time(host: Host, machine: Machine) -> list[Finding]:
    """Read the share of time since boot in which the hypervisor ran somebody else."""
    line = next((row for row in (host.text("/proc/stat") or "").splitlines() if row.startswith("cpu ")), "")
    ticks = [int(word) for word in line.split()[1:9] if word.isdigit() and len(word) < 19]
    if not machine.virtualized or len(ticks) < 8 or not sum(ticks):
        return []
    stolen_frac = ticks[7] / sum(ticks)
    return [
        finding(
            "stolen time",
            f"{stolen_frac:.1%} since boot",
            bad=stolen_frac > STOLEN_FRAC,
            why="time given to other guests shows up as latency that no change here can cure",
            advice="take an instance with dedicated CPUs, or measure at another time",
        )
    ]
