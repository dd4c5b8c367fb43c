"""How often models solve the tasks of a benchmark, at the first try and in every one of several."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, model_validator

from tonnage.errors import FormatError, UnknownName
from tonnage.evidence import Evidence
from tonnage.files import Record
from tonnage.toml_text import read_toml
from workloads import shelf


class Success(Record):
    """What a source says of one model on one split of a benchmark.

    Attributes
    ----------
    model : str
        The name that the source uses.
    model_id : str or None
        Catalog id, or the name that hosted offers sell it under; None where
        the name does not tell which.
    weights : str or None
        Format of the weights, where the rate holds for that one alone.
    all_of, any_of : dict of int to float
        Share of tasks of which all of k tries (pass^k), or at least one
        (pass@k), are right.
    with_feedback : bool
        A later try sees what was wrong with the one before: such tries are not
        alike, and only the first counts here.
    tasks, trials : int or None
        Number of tasks, and of tries at each.
    usd_per_task, s_per_task : float or None
        What the run cost and took, where the source says so.
    """

    benchmark: str
    split: str = ""
    model: str
    model_id: str | None = None
    weights: str | None = None
    all_of: dict[int, float] = Field(default_factory=dict)
    any_of: dict[int, float] = Field(default_factory=dict)
    with_feedback: bool = False
    tasks: int | None = Field(default=None, ge=1)
    trials: int | None = Field(default=None, ge=1)
    usd_per_task: float | None = Field(default=None, ge=0)
    s_per_task: float | None = Field(default=None, ge=0)
    agent: str = ""
    setting: str = ""
    date: str = ""
    source: str
    verified: bool = True
    evidence: Evidence = Evidence.DATASHEET

    @model_validator(mode="after")
    def _shares_with_a_first_try(self) -> "Success":
        shares = (*self.all_of.values(), *self.any_of.values())
        if not all(0 <= share <= 1 for share in shares) or min(self.ks, default=1) < 1:
            raise ValueError("all_of and any_of map numbers of tries to shares between 0 and 1")
        if 1 not in self.ks:
            raise ValueError("the share that is right at the first try is missing")
        return self

    def __hash__(self) -> int:
        return hash((self.benchmark, self.split, self.model, self.weights, self.source, *self.all_of.items()))

    @property
    def ks(self) -> tuple[int, ...]:
        """Numbers of tries that are reported."""
        return (*self.all_of, *self.any_of)

    @property
    def first_try(self) -> float:
        """Share of tasks that one try solves."""
        return self.all_of[1] if 1 in self.all_of else self.any_of[1]

    @property
    def tries_per_task(self) -> int:
        """Tries at each task: as stated, else at least as many as were all right."""
        return self.trials or max(self.all_of, default=1)


def rates() -> tuple[Success, ...]:
    """Return every published rate of the catalog and of the user's own files."""
    return _rates(shelf.folders())


def benchmarks() -> tuple[str, ...]:
    """Return the benchmarks with published rates."""
    return tuple(dict.fromkeys(row.benchmark for row in rates()))


def splits(benchmark: str) -> tuple[str, ...]:
    """Return the splits of a benchmark.

    Raises
    ------
    UnknownName
        Listing the near names.
    """
    found = tuple(dict.fromkeys(row.split for row in rates() if row.benchmark == benchmark))
    if not found:
        raise UnknownName("benchmark", benchmark, benchmarks(), hint=f"there are {', '.join(benchmarks())}")
    return found


def success(model_id: str, benchmark: str, *, split: str | None = None) -> tuple[Success, ...]:
    """Return how often a model solves a benchmark's tasks, the rate to use first.

    Parameters
    ----------
    model_id : str
        Catalog id, or the name of a hosted model.
    benchmark : str
        One of `benchmarks()`.
    split : str or None
        One of `splits(benchmark)`; None is any.

    Returns
    -------
    tuple of Success
        Rates with more numbers of tries come first, since they tell how much
        tries are alike; then the latest; then the lowest.
    """
    found = [
        row
        for row in rates()
        if (row.model_id, row.benchmark) == (model_id, benchmark) and split in (None, row.split)
    ]
    found.sort(key=lambda row: row.first_try)
    found.sort(key=lambda row: (0 if row.with_feedback else len(row.ks), row.date), reverse=True)
    return tuple(found)


@lru_cache(maxsize=8)
def _rates(_folders: tuple[Path, ...]) -> tuple[Success, ...]:
    return tuple(row for path in shelf.files("tasks") for row in _read(path))


def _read(path: Path) -> tuple[Success, ...]:
    table = read_toml(path)
    benchmark, rows = table.get("benchmark"), table.get("rates", [])
    if not isinstance(benchmark, str) or not isinstance(rows, list):
        raise FormatError(f"{path}: a tasks file has a benchmark and a list of rates")
    return tuple(
        Success.parse({"benchmark": benchmark, **row} if isinstance(row, dict) else row, where=f"{path}: {n}")
        for n, row in enumerate(rows, start=1)
    )
