"""What a result file leaves out and its owner says: the device, the model, how it was cut."""

from dataclasses import dataclass
from typing import Any

from planner.deployment import Case
from planner.figures import Figures
from planner.imports.measured import Run
from planner.imports.named import device_id, model_id
from tonnage.errors import FormatError, InvalidInput
from workloads.stored import stored_format


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the owner of a file says; None leaves it to the file. Lengths in tokens."""

    device: str | None = None
    devices: int | None = None
    model: str | None = None
    weights: str | None = None
    kv: str | None = None
    engine: str | None = None
    tp: int | None = None
    pp: int | None = None
    isl: float | None = None
    osl: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who wrote a file, and where it lies."""

    tool: str
    file: str
    tool_version: str | None = None


def run(told: Told, origin: Origin, *, seen: dict[str, Any], measured: dict[str, Any], number: int) -> Run:
    """Build one run from what its file holds; what the owner says comes first.

    Parameters
    ----------
    seen : dict
        Fields of a `Case` as far as the file names them; `device` and `model` in the tool's words.
    measured : dict
        Fields of `Figures`.
    number : int
        Position in the file, for the id.

    Raises
    ------
    InvalidInput
        If neither names the device or the model, or a name may be several things.
    FormatError
        If a figure cannot be one.
    """
    where = f"{origin.file}: run {number}"
    asked = {name: value for name in Told.__slots__ if (value := getattr(told, name)) is not None}
    fields = {**{k: v for k, v in seen.items() if v is not None}, **asked}
    for name in ("device", "model"):
        if name not in fields:
            raise InvalidInput(f"{where}: {origin.tool} does not say the {name}; add --{name}")
    fields["device"] = device_id(str(fields["device"]), where=where)
    fields["model"] = model_id(str(fields["model"]), where=where)
    fields.setdefault("weights", stored_format(fields["model"]))
    notes = tuple(fields.pop("notes", ()))
    case = Case.parse({"id": f"{origin.file}#{number}", **fields}, where=where)
    figures = Figures.parse({k: v for k, v in measured.items() if v is not None}, where=where)
    if figures.is_empty and figures.power_w is None:
        raise FormatError(f"{where}: no figure was measured, neither a latency nor a rate")
    return Run(
        case=case,
        measured=figures,
        tool=origin.tool,
        tool_version=origin.tool_version,
        file=origin.file,
        notes=notes,
    )
