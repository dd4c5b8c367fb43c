"""From measured rows to the shipped coefficients: fit, cross-validate, and say how sure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.serving.coefficients import NAMES, PLATFORM, RELEASE, CoefficientFile, Provenance, Spread
from planner.serving.fitting.calibrate import Fitted, Problem, fit, leave_out
from planner.serving.fitting.measured import Row, by_metric, engine_of
from planner.serving.fitting.new_sources import Unseen, rounded, widths
from planner.serving.fitting.priors import ACROSS, SHIPPED
from planner.serving.fitting.wider import held_out, widened
from planner.serving.placement import place
from tonnage.evidence import Z90

Array = NDArray[np.float64]
Say = Callable[[str], None]

FOLDS = 5
_FLOOR = 0.05


def _quiet(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients, and the log error of every row by what its fit had not seen."""

    file: CoefficientFile
    errors: dict[str, Array]


def calibrate(rows: Sequence[Row], *, wider: Sequence[Sequence[Row]] = (), say: Say = _quiet) -> Calibration:
    """Fit all rows, and estimate the spread of what the fit has not seen.

    Parameters
    ----------
    rows : sequence of Row
        Measurements; see `measured.read_rows`.
    wider : sequence of sequence of Row
        Measurements of other collections, in parts that share no run. What they alone know is fitted to
        them last (`wider.widened`); each part under a fit that saw the others says, with the sources left
        out, how uncertain a source is that was not measured.
    say : callable
        Told about progress and scores.
    """
    known = Problem(rows)
    whole = fit(known)
    say(f"fitted {len(rows)} rows")
    errors = {}
    for label, key in KEYS.items():
        structure = SHIPPED if label == "setting" else ACROSS
        only = _several_ways(rows) if label == "platform" else None
        errors[label] = leave_out(rows, key, structure=structure, only=only)
        say(f"refitted without each {label}")
    scores = {
        f"{label}, {metric}": score(values[inside])
        for label, values in errors.items()
        for metric, inside in by_metric(rows).items()
    }
    for name, text in scores.items():
        say(f"left out by {name}: {text}")
    file = CoefficientFile(
        **summed_up(whole, rows),
        spread={metric: _spread(errors, inside) for metric, inside in by_metric(rows).items()},
        provenance=Provenance(
            rows=dict(Counter(row.source for row in rows)),
            fitted_on=datetime.now(UTC).date().isoformat(),
            scores=scores,
        ),
    )
    if wider:
        file = with_wider(file, whole, known, wider, rows=rows, errors=errors["source"])
    return Calibration(file, errors)


def summed_up(whole: Fitted, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the fields of a coefficient file that say what a fit found, and of what."""
    groups = [place(row.case).groups for row in rows]
    return {
        "base": {name: rounded(float(np.exp(whole.theta[i]))) for i, name in enumerate(NAMES)},
        "effects": effects(whole),
        "models": _distinct(row.case.model for row in rows),
        "devices": _distinct(row.case.device for row in rows),
        "engines": _distinct(engine_of(row) for row in rows),
        "pairs": _distinct(f"{engine_of(row)}|{row.case.device}" for row in rows),
        "runs": _distinct(one.run for one in groups),
        "releases": _distinct(one.level(RELEASE) for one in groups),
        "platforms": _distinct(one.level(PLATFORM) for one in groups),
        "streams": _distinct(engine_of(row) for row in rows if row.stratum == "single"),
    }


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def with_wider(
    file: CoefficientFile,
    whole: Fitted,
    known: Problem,
    wider: Sequence[Sequence[Row]],
    *,
    rows: Sequence[Row],
    errors: Array,
) -> CoefficientFile:
    """Return a file that knows what wider rows alone know, and how uncertain sources are that none has seen.

    Parameters
    ----------
    file, whole, known
        Coefficients, fit and problem of `rows`.
    wider : sequence of sequence of Row
        See `calibrate`.
    rows, errors
        Rows of the fit, and their log errors with their source left out.
    """
    seen = tuple(
        Unseen(part, errors, _knowing(file, rest)) for part, rest, errors in held_out(whole, known, wider)
    )
    every = [row for part in wider for row in part]
    told = widened(whole, known, Problem(every))
    knowing = _knowing(file, every)
    counts = Counter(file.provenance.rows) + Counter(row.source for row in every)
    return knowing.model_copy(
        update={
            "effects": effects(told),
            "spread": widths(file.spread, seen, rows, errors),
            "provenance": file.provenance.model_copy(update={"rows": dict(counts)}),
        }
    )


def _knowing(file: CoefficientFile, rows: Sequence[Row]) -> CoefficientFile:
    """Return a file that counts engines, devices and compute APIs of wider rows as measured.

    Models, releases and runs of theirs stay new: clients and settings were not stated, so that no
    held-out error tells how sure a prediction of them is.
    """
    pairs = (f"{engine_of(row)}|{row.case.device}" for row in rows)
    return file.model_copy(
        update={
            "engines": _distinct([*file.engines, *(engine_of(row) for row in rows)]),
            "devices": _distinct([*file.devices, *(row.case.device for row in rows)]),
            "pairs": _distinct([*file.pairs, *pairs]),
            "platforms": _distinct([*file.platforms, *(_platform(row) for row in rows)]),
        }
    )


def _fold(row: Row) -> str:
    """Keep settings of one deployment together, so that a fold holds no twin of a training row."""
    case = row.case
    name = f"{case.model}|{case.weights}|{case.device}|{case.engine}|{case.tp}|{case.isl}|{case.osl}"
    return str(sum(name.encode()) % FOLDS)


def _run_fold(row: Row) -> str:
    """Fifths of the runs: a release on a device with a model and a format, with all of its settings."""
    return str(sum(place(row.case).groups.run.encode()) % FOLDS)


def _source(row: Row) -> str:
    """Return the source; of closed loops, which came in one collection, a fifth of the releases."""
    if row.stratum != "closed":
        return row.source
    return str(sum(place(row.case).groups.level(RELEASE).encode()) % FOLDS)


def _platform(row: Row) -> str:
    return place(row.case).groups.level(PLATFORM)


def _several_ways(rows: Sequence[Row]) -> list[str]:
    """Return platforms whose engine was measured on others too; without those of the rest it is new."""
    ways = Counter(name.split("|")[0] for name in {_platform(row) for row in rows})
    return [name for name in {_platform(row) for row in rows} if ways[name.split("|")[0]] > 1]


KEYS: dict[str, Callable[[Row], str]] = {
    "setting": _fold,
    "model": lambda row: row.case.model,
    "device": lambda row: row.case.device,
    "engine": engine_of,
    "run": _run_fold,
    "source": _source,
    "platform": _platform,
}
"""What is left out: fifths of the settings, whole models, devices and engines, fifths of the runs, sources,
and engines on one compute API of several."""


def effects(fitted: Fitted) -> dict[str, dict[str, dict[str, float]]]:
    """Deviations by coefficient, grouping and level; those that round to zero are left out."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    for effect, levels in zip(fitted.layout.effects, fitted.layout.levels, strict=True):
        found = {name: rounded(float(fitted.theta[i])) for name, i in levels.items()}
        found = {name: value for name, value in found.items() if abs(value) >= 0.002}
        if found:
            out.setdefault(effect.coefficient, {})[effect.grouping] = found
    return out


def _spread(errors: dict[str, Array], inside: NDArray[np.intp]) -> Spread:
    """Widths that hold 80 % of the held-out errors; what a new group adds, in quadrature.

    A new model, device or engine is a new run too.
    """
    width = {name: _width(values[inside]) for name, values in errors.items()}
    known = max(width["setting"], _FLOOR)
    run = max(width["run"], known)

    def more(name: str, than: float) -> float:
        return rounded(float(np.sqrt(max(width[name] ** 2 - than**2, 0.0))))

    return Spread(
        known=rounded(known),
        new_run=more("run", known),
        new_model=more("model", run),
        new_device=more("device", run),
        new_engine=more("engine", run),
        new_source=more("source", run),
        new_platform=more("platform", run),
    )


def _width(errors: Array) -> float:
    """Sigma whose 80 % interval holds 80 % of the errors; zero where there are none."""
    found = np.abs(errors[np.isfinite(errors)])
    return float(np.quantile(found, 0.8)) / Z90 if found.size else 0.0


def score(errors: Array) -> str:
    """Median and 90th percentile of the relative error, in words."""
    size = np.abs(np.expm1(errors[np.isfinite(errors)]))
    if not size.size:
        return "not known: nothing was left to fit"
    return f"median {100 * np.median(size):.1f} %, p90 {100 * np.quantile(size, 0.9):.1f} %, n {size.size}"
