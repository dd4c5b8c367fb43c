"""One block of a catalog file becomes one record: human units in, SI units out."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from hw_targets.device import Device, Instance, PeakRates
from tonnage.errors import FormatError, InvalidInput
from tonnage.files import Record, first_problem
from tonnage.units import si_key

RecordT = TypeVar("RecordT", bound=Record)

COUNTS = frozenset(
    {
        "year", "cores", "memory_channels", "pcie_generation", "pcie_lanes", "max_devices_per_node",
        "devices_per_card", "devices_per_pci_function", "minimum_devices", "compute_units",
        "device_count", "vcpus",
    }
)  # fmt: skip
"""Keys whose number has no unit."""

OF_A_CARD = (
    "memory_bytes", "usable_memory_bytes", "memory_bandwidth_bytes_per_s", "sram_bytes", "tdp_w",
    "price_usd", "rent_usd_per_h", "compute_units",
)  # fmt: skip
"""Figures that a card of several addressable devices divides among them."""


def device(name: str, block: Mapping[str, Any], *, where: str) -> Device:
    """Read one device block.

    Figures of a card with several addressable devices (`figures_per = "card"`)
    are shared out evenly, so that a record always describes one such device.

    Parameters
    ----------
    name : str
        Catalog id: the header of the block.
    block : mapping
        The parsed block, keys with human units.
    where : str
        Names the block in messages.

    Raises
    ------
    FormatError
        Naming the key of the file that does not fit.
    """
    data = dict(block)
    per = data.pop("figures_per", None)
    if per not in (None, "card", "device") or (per is None and data.get("devices_per_card", 1) != 1):
        raise FormatError(
            f'{where}: figures_per = {per!r}: a card of several devices says "card" or "device" here'
        )
    fields, origin = _si_fields(data, where=where)
    peak = {fmt: fields.pop(f"{fmt}_flop_per_s", None) for fmt in PeakRates.model_fields}
    link_name, link_rate = fields.pop("link", None), fields.pop("link_bytes_per_s", None)
    link = {"name": link_name, "bandwidth_bytes_per_s": link_rate} if link_name is not None else None
    share = fields.get("devices_per_card", 1) if per == "card" else 1
    if share != 1:
        fields |= {key: fields[key] / share for key in OF_A_CARD if _is_number(fields.get(key))}
        peak = {fmt: rate / share if _is_number(rate) else rate for fmt, rate in peak.items()}
        if link and _is_number(link_rate):
            link["bandwidth_bytes_per_s"] = link_rate / share
    for marks in ("derived", "unverified"):
        fields[marks] = tuple(_record_field(key, where=where) for key in fields.get(marks, ()))
    origin |= {f"peak.{fmt}": origin.get(f"{fmt}_flop_per_s", fmt) for fmt in peak}
    origin |= {"link.name": "link", "link.bandwidth_bytes_per_s": origin.get("link_bytes_per_s", "link")}
    return _validated(Device, {**fields, "id": name, "peak": peak, "link": link}, origin, where=where)


def instance(name: str, block: Mapping[str, Any], *, where: str) -> Instance:
    """Read one instance block; raises FormatError as `device` does."""
    fields, origin = _si_fields(dict(block), where=where)
    fields["device_id"] = fields.pop("device", None)
    fields["unverified"] = tuple(_record_field(key, where=where) for key in fields.get("unverified", ()))
    record = _validated(Instance, fields, {**origin, "device_id": "device"}, where=where)
    if record.id != name:
        raise FormatError(f"{where}: provider, name and region say '{record.id}', the header '{name}'")
    return record


def is_instance(block: Mapping[str, Any]) -> bool:
    """Tell an instance block from a device block."""
    return "provider" in block


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _si_fields(data: Mapping[str, Any], *, where: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the block with SI keys, and the key of the file behind each of them."""
    fields: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for key, value in data.items():
        field, converted = key, value
        if key not in COUNTS and _is_number(value):
            try:
                field, converted = si_key(key, value)
            except InvalidInput as problem:
                raise FormatError(f"{where}: {key} = {value}: {problem}") from None
        if field in fields:
            raise FormatError(f"{where}: {key} and {origin[field]} say the same twice")
        fields[field], origin[field] = converted, key
    return fields, origin


def _record_field(key: object, *, where: str) -> str:
    """Return the record's field behind a key of the file: `bf16_tflop_per_s` -> `peak.bf16`."""
    try:
        field, _ = si_key(str(key), 1.0)
    except InvalidInput:
        field = str(key)
    stem = field.removesuffix("_flop_per_s")
    if stem in PeakRates.model_fields:
        return f"peak.{stem}"
    if field == "link_bytes_per_s":
        return "link.bandwidth_bytes_per_s"
    if field not in Device.model_fields and field not in Instance.model_fields:
        raise FormatError(f"{where}: '{key}' is listed as doubtful, but is no key of a block")
    return field


def _validated(
    record: type[RecordT], fields: Mapping[str, Any], origin: Mapping[str, str], *, where: str
) -> RecordT:
    try:
        return record.model_validate(fields)
    except ValidationError as problem:
        path = ".".join(str(part) for part in problem.errors(include_url=False)[0]["loc"])
        key = origin.get(path, origin.get(path.split(".")[0], path))
        text = first_problem(problem).split(" = ", 1)[-1]
        raise FormatError(f"{where}: {key} = {text}") from None
