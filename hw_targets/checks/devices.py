"""Conditions of accelerators: refusals, driver age, PCIe links below their best, power caps."""

import re

from hw_targets import catalog
from hw_targets.checks.finding import Finding, finding
from hw_targets.host import Host
from hw_targets.machine import Accelerator, Machine
from hw_targets.probes.nvidia import driver_version
from hw_targets.probes.pci import DEVICES

OLDEST_NVIDIA = 525
"""First driver branch that runs CUDA 12 (CUDA Toolkit release notes, "CUDA Driver")."""
CAPPED_FRAC = 0.95


def refused(host: Host, machine: Machine) -> list[Finding]:
    """Say which devices are seen but cannot be used, and why."""
    reasons = {(one.name, one.why_not or ""): one for one in machine.devices if not one.usable}
    found = [
        finding(
            "device",
            f"{name} cannot be used",
            bad=True,
            why="it is in the machine, but no program can run on it",
            advice=reason or "look into the kernel's messages (dmesg)",
        )
        for name, reason in reasons
    ]
    usable = sum(1 for one in machine.devices if one.usable)
    if usable:
        found.append(
            finding("devices", f"{usable} usable", bad=False, why="programs can address them", advice="")
        )
    return found


def driver(host: Host, machine: Machine) -> list[Finding]:
    """Compare the NVIDIA driver with what today's libraries need."""
    version = driver_version(host)
    branch = re.match(r"\d{3,4}", version or "")
    if version is None or not branch or not any(one.vendor == "NVIDIA" for one in machine.devices):
        return []
    return [
        finding(
            "NVIDIA driver",
            version,
            bad=int(branch[0]) < OLDEST_NVIDIA,
            why=f"CUDA 12 needs a driver of branch {OLDEST_NVIDIA} or later",
            advice="install a newer driver of the vendor, then reboot",
        )
    ]


def link(host: Host, machine: Machine) -> list[Finding]:
    """Compare the width of each PCIe link with the best of the device; its speed is low at idle."""
    found = []
    for one in _on_bus(machine):
        best = host.number(f"{DEVICES}/{one.pci_address}/max_link_width")
        now = host.number(f"{DEVICES}/{one.pci_address}/current_link_width")
        if best and now and 0 < now <= best <= 32:
            found.append(
                finding(
                    "PCIe link",
                    f"x{now} of x{best} at {one.pci_address}",
                    bad=now < best,
                    why="transfers to and from the host take as many times longer",
                    advice="reseat the card or riser, or move it to a slot with all lanes wired",
                )
            )
    return [one for one in found if one.advice] or found[:1]


def power_cap(host: Host, machine: Machine) -> list[Finding]:
    """Compare power limits with the catalog's board power."""
    found = []
    for one in machine.devices:
        device = catalog.get(one.catalog_id) if one.catalog_id else None
        if device is None or not device.tdp_w or not one.power_limit_w:
            continue
        best = device.tdp_w * (device.devices_per_card if _cap_is_of_card(one) else 1)
        found.append(
            finding(
                "power cap",
                f"{one.power_limit_w:g} W of {best:g} W on {one.name}",
                bad=one.power_limit_w < CAPPED_FRAC * best,
                why="a capped device lowers its clock under load, however well it is used",
                advice="if cooling allows, raise it: nvidia-smi -pl, or amd-smi set --power-cap",
            )
        )
    return [one for one in found if one.advice] or found[:1]


def _cap_is_of_card(one: Accelerator) -> bool:
    """AMD's driver reports the cap of the card at each of its devices."""
    return one.driver == "amdgpu"


def _on_bus(machine: Machine) -> list[Accelerator]:
    return list({one.pci_address: one for one in machine.devices if one.pci_address}.values())
