"""Devices and rentable hosts of the catalog on the terminal, one with all its sources."""

from collections.abc import Iterator, Sequence

from hw_targets.device import Device, Instance
from reports.numbers import UNKNOWN
from reports.price_age import price_age
from reports.terminal.console import console, note, print_fitted, prose, table
from tonnage.units import human


def show_devices(devices: Sequence[Device]) -> None:
    """Print one line per device; figures are those of one addressable device."""
    grid = table("", "!id", "!kind", ">memory", ">bandwidth", ">BF16", ">FP8", ">INT8", ">power", ">$/h")
    for one in devices:
        grid.add_row(
            one.id,
            one.kind.value,
            _size(one.memory_bytes),
            human(one.memory_bandwidth_bytes_per_s, "B/s") if one.memory_bandwidth_bytes_per_s else "-",
            *(_rate(rate) for rate in (one.peak.bf16, one.peak.fp8, one.peak.int8)),
            f"{one.tdp_w:g} W" if one.tdp_w else "-",
            f"{one.rent_usd_per_h:.2f}" if one.rent_usd_per_h else "-",
        )
    print_fitted(grid, without=("power", "kind", "INT8", "FP8"))
    console().print(
        note(f"{len(devices)} listed; dense rates; '-' is unknown; sources: tonnage catalog show ID")
    )


def show_instances(instances: Sequence[Instance]) -> None:
    """Print one line per rentable host, with the date of its price."""
    grid = table(
        "", "!host", "!region", "!devices", ">vCPUs", ">memory", ">on demand", ">reserved", ">spot", "!as of"
    )
    for one in instances:
        grid.add_row(
            f"{one.provider} {one.name}",
            one.region or "-",
            f"{one.device_count:g} × {one.device_id}" if one.device_id else "no device of the catalog",
            f"{one.vcpus:g}" if one.vcpus else "-",
            _size(one.memory_bytes),
            *(_price(rate) for rate in (one.on_demand_usd_per_h, one.reserved_usd_per_h, one.spot_usd_per_h)),
            f"{one.as_of or UNKNOWN}{' (unverified)' if one.unverified else ''}",
        )
    print_fitted(grid, without=("reserved", "vCPUs", "memory", "region", "as of"))
    age = price_age(one.as_of for one in instances)
    console().print(note(f"USD per hour; {len(instances)} listed; {age}; '-' is unknown"))


def show_hosts(instances: Sequence[Instance]) -> None:
    """Print hosts with where their prices were read."""
    show_instances(instances)
    out = console()
    out.print()
    out.print("Sources")
    for one in instances:
        prose(note(f"  {one.id}: {one.source or UNKNOWN}"))
        if one.notes:
            prose(note(f"  {one.notes}"))


def show_device(
    device: Device, *, sources: Sequence[tuple[str, str | None]], instances: Sequence[Instance]
) -> None:
    """Print all that is known of one device, and where it was read."""
    out = console()
    grid = table(f"{device.name}  [{device.id}]", "!what", "figure")
    for what, figure in _figures(device):
        grid.add_row(what, figure)
    out.print(grid)
    if device.notes:
        prose(note(device.notes))
    out.print()
    out.print(f"Sources (gathered {device.retrieved or UNKNOWN})")
    for title, retrieved in sources:
        prose(note(f"  {title}" + (f" ({retrieved})" if retrieved else "")))
    if instances:
        out.print()
        show_instances(instances)


def _figures(device: Device) -> Iterator[tuple[str, str]]:
    doubtful = {
        **dict.fromkeys(device.derived, " (derived)"),
        **dict.fromkeys(device.unverified, " (unverified)"),
    }

    def mark(field: str) -> str:
        return doubtful.get(field, "")

    yield "kind", ", ".join([device.kind.value, device.architecture or UNKNOWN, str(device.year or UNKNOWN)])
    if device.devices_per_card > 1:
        yield "one device is", f"1 of {device.devices_per_card} on a card; all figures are of one"
    if device.sold_as:
        yield "sold as", f"{device.sold_as}; at least {device.minimum_devices} together"
    usable = f", {device.usable_memory_bytes / 2**30:.1f} GiB usable" if device.usable_memory_bytes else ""
    yield "memory", f"{_size(device.memory_bytes)} {device.memory_type or ''}{usable}{mark('memory_bytes')}"
    yield (
        "bandwidth",
        human(device.memory_bandwidth_bytes_per_s, "B/s") + mark("memory_bandwidth_bytes_per_s"),
    )
    yield "on chip", human(device.sram_bytes, "B")
    for fmt, rate in device.peak:
        if rate is not None:
            unit = "OP/s" if fmt.startswith("int") else "FLOP/s"
            yield fmt, f"{human(rate, unit)} dense{mark(f'peak.{fmt}')}"
    if device.link:
        yield "link", f"{device.link.name}, {human(device.link.bandwidth_bytes_per_s, 'B/s')} one way"
    if device.pcie_generation:
        yield "PCIe", f"{device.pcie_generation}.0 x{device.pcie_lanes or UNKNOWN}"
    yield "power", (f"{device.tdp_w:g} W" if device.tdp_w else UNKNOWN) + mark("tdp_w")
    yield "instruction set", " ".join([device.isa or UNKNOWN, *device.isa_features]) + mark("isa")
    yield "PCI ids", " ".join(device.pci_ids) or "none known"
    yield "price", (f"{device.price_usd:,.0f} USD" if device.price_usd else UNKNOWN) + mark("price_usd")
    if device.rent_usd_per_h:
        yield (
            "rent",
            f"{device.rent_usd_per_h:.2f} USD/h, {device.rent_basis or UNKNOWN}{mark('rent_usd_per_h')}",
        )


def _size(size_bytes: float | None) -> str:
    return f"{size_bytes / 1e9:g} GB" if size_bytes else "-"


def _rate(flop_per_s: float | None) -> str:
    return human(flop_per_s, "") if flop_per_s else "-"


def _price(usd_per_h: float | None) -> str:
    return f"{usd_per_h:,.2f}" if usd_per_h else "-"
