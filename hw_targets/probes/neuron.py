"""AWS Inferentia and Trainium as the Neuron driver shows them: cores of each device."""

import re

from hw_targets.facts import Facts, Sighting
from hw_targets.host import Host
from hw_targets.probes.pci import DEVICES, functions_of

DRIVER = "/sys/devices/virtual/neuron_device"


def probe(host: Host) -> Facts:
    """Read the number of NeuronCores; all devices of an instance are alike."""
    devices = [name for name in host.names(DRIVER) if re.fullmatch(r"neuron\d+", name)]
    if not devices:
        return Facts()
    cores = host.number(f"{DRIVER}/{devices[0]}/core_count")
    bound = [one for one in functions_of(host, "1d0f") if host.link(f"{DEVICES}/{one}/driver") == "neuron"]
    notes: tuple[str, ...] = ()
    if len(bound) != len(devices):
        notes = (f"the Neuron driver lists {len(devices)} devices, the PCI bus {len(bound)}",)
    return Facts(
        devices=tuple(Sighting(place=address, vendor="AWS", compute_units=cores) for address in bound),
        notes=notes,
    )
