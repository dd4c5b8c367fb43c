"""Accelerators on the PCI bus: identity, driver and device node, without any vendor's tool."""

import re
from fnmatch import fnmatchcase
from functools import lru_cache

from hw_targets.facts import Facts, Sighting
from hw_targets.host import Host
from hw_targets.probes.makers import Maker, maker

DEVICES = "/sys/bus/pci/devices"
ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
ROOT_PORT_GRAPHICS = "0000:00:02.0"
"""Where Intel's integrated graphics sits."""
MOST_FUNCTIONS = 4096
MOST_BRIDGES = 16
UNKNOWN_CLASSES = ("0302", "1200", "0b40")
"""Of a vendor that is not listed: 3D controllers, processing accelerators and co-processors.
A plain display adapter (0300) of an unlisted vendor is a server's screen."""


def probe(host: Host) -> Facts:
    """Read every PCI function and keep the accelerators."""
    if not host.names("/sys"):
        return Facts()
    addresses = [name for name in host.names(DEVICES) if ADDRESS.fullmatch(name)]
    if not addresses:
        return Facts(notes=("there is no PCI tree in /sys: accelerators on PCI cannot be seen from here",))
    found = (_sighting(host, address) for address in addresses[:MOST_FUNCTIONS])
    return Facts(devices=tuple(sighting for sighting in found if sighting))


def functions_of(host: Host, vendor: str) -> tuple[str, ...]:
    """Return the PCI addresses of one vendor's functions."""
    return _by_vendor(host).get(vendor, ())


@lru_cache(maxsize=4)
def _by_vendor(host: Host) -> dict[str | None, tuple[str, ...]]:
    """Read the vendor of every function once: most probes ask for one vendor."""
    found: dict[str | None, tuple[str, ...]] = {}
    for address in host.names(DEVICES)[:MOST_FUNCTIONS]:
        if ADDRESS.fullmatch(address):
            vendor = _hex(host, address, "vendor", 4)
            found[vendor] = (*found.get(vendor, ()), address)
    return found


def _hex(host: Host, address: str, attribute: str, digits: int) -> str | None:
    text = host.line(f"{DEVICES}/{address}/{attribute}")
    found = re.fullmatch(rf"0x([0-9a-fA-F]{{{digits}}})", text or "")
    return found[1].lower() if found else None


def _sighting(host: Host, address: str) -> Sighting | None:
    vendor, device = _hex(host, address, "vendor", 4), _hex(host, address, "device", 4)
    class_code = (_hex(host, address, "class", 6) or "")[:4]
    if vendor is None or device is None:
        return None
    by = maker(vendor)
    if not (by.builds(device, class_code) if by else class_code in UNKNOWN_CLASSES):
        return None
    driver = host.link(f"{DEVICES}/{address}/driver")
    is_function = host.link(f"{DEVICES}/{address}/physfn") is not None
    numa_node = host.number(f"{DEVICES}/{address}/numa_node")
    path = _path(host, address)
    return Sighting(
        place=address,
        part=0 if is_function else None,
        slice="SR-IOV virtual function" if is_function else None,
        name=_name(by, vendor, device, class_code),
        vendor=by.name if by else None,
        kind=by.product_kinds.get(device, by.kind) if by else None,
        pci_id=f"{vendor}:{device}",
        pci_address=address,
        driver=driver,
        shares_host_memory=True if vendor == "8086" and address == ROOT_PORT_GRAPHICS else None,
        numa_node=numa_node if numa_node is not None and numa_node >= 0 else None,
        link=_link(host, address, path),
        pcie_path=path,
        refusal="it is for a guest, not for this host" if is_function else _refusal(host, by, driver),
    )


def _name(by: Maker | None, vendor: str, device: str, class_code: str) -> str:
    if by is None:
        return f"unknown accelerator {vendor}:{device} (PCI class {class_code})"
    return by.products.get(device, f"{by.name} {vendor}:{device}")


def _path(host: Host, address: str) -> tuple[str, ...]:
    """Return the bridges above a device, the root first: sysfs nests what is behind a bridge below it."""
    parts = (host.real(f"{DEVICES}/{address}") or "").split("/")
    if parts[1:3] != ["sys", "devices"]:
        return ()
    bridges = [part for part in parts[3:-1] if part.startswith("pci") or ADDRESS.fullmatch(part)]
    return tuple(bridges[:MOST_BRIDGES])


def _link(host: Host, address: str, path: tuple[str, ...]) -> str | None:
    """Return the best link between device and root: the slowest and the narrowest on the way.

    What a link can do, not what it does: at idle it is slower.
    """
    own = _best(host, address)
    if own is None:
        return None
    above = [_best(host, bridge) for bridge in path[1:]]
    rates, widths = zip(own, *(one for one in above if one is not None), strict=True)
    return f"PCIe {min(rates):g} GT/s x{min(widths)}"


def _best(host: Host, address: str) -> tuple[float, int] | None:
    """Return speed [GT/s] and width that a port can have; virtual machines tell none or nonsense."""
    speed = host.line(f"{DEVICES}/{address}/max_link_speed") or ""
    width = host.number(f"{DEVICES}/{address}/max_link_width")
    rate = re.match(r"(\d{1,3}(?:\.\d+)?) GT/s", speed)
    if not rate or not float(rate[1]) or not width or not 0 < width <= 32:
        return None
    return float(rate[1]), width


def _refusal(host: Host, by: Maker | None, driver: str | None) -> str | None:
    """Return why a program cannot use the device, as far as driver and nodes tell."""
    if by is None:
        return "no known vendor: nothing here can program it"
    if driver is None:
        advice = f"; load {by.drivers[0]}" if by.drivers else ""
        return f"no kernel driver is bound to it{advice}"
    if driver not in by.drivers:
        bound = "it is passed to a virtual machine" if driver == "vfio-pci" else f"driver {driver} is bound"
        return f"{bound}; programs need {' or '.join(by.drivers) or 'the driver of its vendor'}"
    return _node_refusal(host, by)


def _node_refusal(host: Host, by: Maker) -> str | None:
    if not by.nodes or not host.names("/dev"):
        return None
    nodes = [node for pattern in by.nodes for node in _nodes(host, pattern)]
    if not nodes:
        shown = by.nodes[0].replace("[0-9]", "")
        return f"no device node /dev/{shown}: not passed into this container, or not made yet"
    if all(host.may_open(node) is False for node in nodes):
        return f"{nodes[0]} may not be opened by this user; join its group (ls -l {nodes[0]})"
    return None


def _nodes(host: Host, pattern: str) -> list[str]:
    folder, _, name = f"/dev/{pattern}".rpartition("/")
    return [f"{folder}/{found}" for found in host.names(folder) if fnmatchcase(found, name)]
