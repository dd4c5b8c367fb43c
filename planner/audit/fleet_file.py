"""The fleet that somebody runs, as a TOML file says it."""

from pathlib import Path

from planner.deployment import Deployment
from tonnage.errors import InvalidInput
from tonnage.files import Record
from tonnage.toml_text import read_toml
from workloads.scenario_toml import values as read

SECTIONS = ("name", "unit", "growth_per_month")
WORDS = ("device", "model", "weights", "kv", "engine", "engine_version")
UNIT = (*WORDS, "devices_per_unit", "tp", "pp", "count", "usd_per_h")
MOST_GROWTH = 2.0
"""Per month; more is percent written without the sign."""


class Running(Record):
    """Units that run the same thing."""

    deployment: Deployment
    count: int
    usd_per_h: float | None = None
    """What one unit costs; None leaves it to the catalog."""

    @property
    def label(self) -> str:
        """What runs where, in the words of the file."""
        what = self.deployment
        return f"{what.model} {what.weights} on {what.devices} x {what.device}"


class RunningFleet(Record):
    """Everything that runs, and how fast its load grows."""

    name: str = ""
    units: tuple[Running, ...]
    growth_per_month: float | None = None


def read_fleet(path: Path | str) -> RunningFleet:
    """Read a fleet file.

    Raises
    ------
    FileProblem, FormatError, InvalidInput, UnknownName
        One line that names the key, its value and what to write instead.
    """
    path = Path(path)
    data = read_toml(path)
    top = read.table(data, SECTIONS, where=str(path))
    rows = read.tables(top.get("unit", []), where="unit")
    if not rows:
        raise InvalidInput(
            f"{path}: has no [[unit]]; give each kind of unit with device, model, weights and count"
        )
    return RunningFleet(
        name=read.text(top["name"], where="name") if "name" in top else path.stem,
        units=tuple(
            _running(row, where=f"unit[{place}]", folder=path.parent) for place, row in enumerate(rows)
        ),
        growth_per_month=growth(top["growth_per_month"]) if "growth_per_month" in top else None,
    )


def growth(value: object) -> float:
    """Read a growth per month such as 0.08, "8%" or "8%/month"."""
    where = "growth_per_month"
    given = read.number(value, where=where)
    text = str(given).strip().removesuffix("/month").strip()
    percent = text.endswith("%")
    parsed = read.share(text.removesuffix("%").strip() or text, where=where) * (0.01 if percent else 1.0)
    if not -1 < parsed <= MOST_GROWTH:
        raise InvalidInput(f'{where} = {given} is {parsed:.0%} a month; write e.g. "8%" or 0.08')
    return parsed


def _running(row: object, *, where: str, folder: Path) -> Running:
    given = read.table(row, UNIT, where=where)
    for key in ("device", "model", "weights"):
        if key not in given:
            raise InvalidInput(f"{where} has no {key}; a unit needs device, model, weights and count")
    words = {key: read.text(given[key], where=f"{where}.{key}") for key in WORDS if key in given}
    cut = {key: read.whole(given.get(key, 1), where=f"{where}.{key}", at_least=1) for key in ("tp", "pp")}
    devices = read.whole(
        given.get("devices_per_unit", cut["tp"] * cut["pp"]), where=f"{where}.devices_per_unit", at_least=1
    )
    if devices % (cut["tp"] * cut["pp"]):
        raise InvalidInput(
            f"{where} has {devices} devices per unit, which tp = {cut['tp']} times "
            f"pp = {cut['pp']} does not divide"
        )
    words["device"] = _path(words["device"], folder)
    words["model"] = _path(words["model"], folder)
    price = (
        read.usd_per_h(given["usd_per_h"], where=f"{where}.usd_per_h", or_zero=True)
        if "usd_per_h" in given
        else None
    )
    return Running(
        deployment=Deployment.parse(dict[str, object](words) | cut | {"devices": devices}, where=where),
        count=read.whole(given.get("count", 1), where=f"{where}.count", at_least=1),
        usd_per_h=price,
    )


def _path(name: str, folder: Path) -> str:
    """Let a relative path of a profile or model start where the file is."""
    return str(folder / name) if name.endswith((".json", ".gguf")) else name
