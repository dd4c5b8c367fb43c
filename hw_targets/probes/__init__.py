"""One source of truth about a host each; a probe reads what is there and says nothing of the rest.

cpu memory limits system    what every Linux host tells about itself
pci makers                  every accelerator on the bus, by the ids of its maker
nvidia nvml amd amdsmi intel  what drivers and their libraries add: memory, partitions, tiles, links
neuron tenstorrent apple    likewise
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hw_targets.facts import Facts
from hw_targets.host import Host
from hw_targets.probes import (
    amd,
    amdsmi,
    apple,
    cpu,
    intel,
    limits,
    memory,
    neuron,
    nvidia,
    nvml,
    pci,
    system,
    tenstorrent,
)

Probe = Callable[[Host], Facts]

PROBES: Mapping[str, Probe] = MappingProxyType(
    {
        "nvml": nvml.probe,
        "nvidia": nvidia.probe,
        "amd": amd.probe,
        "amdsmi": amdsmi.probe,
        "intel": intel.probe,
        "tenstorrent": tenstorrent.probe,
        "neuron": neuron.probe,
        "apple": apple.probe,
        "pci": pci.probe,
        "limits": limits.probe,
        "cpu": cpu.probe,
        "memory": memory.probe,
        "system": system.probe,
        "portable cpu": cpu.probe_portable,
        "portable memory": memory.probe_portable,
    }
)
"""The most trusted first: what two probes say differently, the earlier one decides."""
