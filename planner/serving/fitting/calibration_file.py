"""From measured rows to the shipped coefficients: fit, cross-validate, and say how sure."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from planner.serving.coefficients import NAMES, PLATFORM, RELEASE, CoefficientFile, Provenance, Spread
from planner.serving.engines import resolve
from planner.serving.fitting.calibrate import Fitted, Problem, fit, leave_out
from planner.serving.fitting.measured import Row
from planner.serving.fitting.priors import ACROSS, EFFECTS, SHIPPED
from planner.serving.intervals import total, unseen
from planner.serving.placement import place
from tonnage.evidence import Z90

Array = NDArray[np.float64]
Say = Callable[[str], None]

FOLDS = 5
_FLOOR = 0.05
_METRIC = {"tpot_s": "tpot", "ttft_s": "ttft", "output_tokens_per_s": "throughput"}


def _quiet(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients, and the log error of every row by what its fit had not seen."""

    file: CoefficientFile
    errors: dict[str, Array]


def calibrate(
    rows: Sequence[Row], *, also: Sequence[Row] = (), apart: Sequence[Row] = (), say: Say = _quiet
) -> Calibration:
    """Fit all rows, and estimate the spread of what the fit has not seen.

    Parameters
    ----------
    rows : sequence of Row
        Measurements; see `measured.read_rows`.
    also : sequence of Row
        More of them, which take part in every fit that may see them, but not in the errors. What only
        they have seen counts as new, with the wider interval, for no held-out error tells how sure it is.
    apart : sequence of Row
        Measurements of other sources, which no fit sees: with the sources left out they say how uncertain
        a source is that was not measured.
    say : callable
        Told about progress and scores.
    """
    every = (*rows, *also)
    whole = fit(Problem(every))
    say(f"fitted {len(every)} rows")
    errors = {}
    for label, key in KEYS.items():
        structure = SHIPPED if label == "setting" else ACROSS
        only = _several_ways(rows) if label == "platform" else None
        errors[label] = leave_out(rows, key, also=also, structure=structure, only=only)
        say(f"refitted without each {label}")
    scores = {
        f"{label}, {metric}": score(values[inside])
        for label, values in errors.items()
        for metric, inside in _by_metric(rows).items()
    }
    for name, text in scores.items():
        say(f"left out by {name}: {text}")
    file = CoefficientFile(
        base={name: _round(float(np.exp(whole.theta[i]))) for i, name in enumerate(NAMES)},
        effects=effects(whole),
        spread={metric: _spread(errors, inside) for metric, inside in _by_metric(rows).items()},
        models=tuple(sorted({row.case.model for row in rows})),
        devices=tuple(sorted({row.case.device for row in rows})),
        engines=tuple(sorted({_engine(row) for row in rows})),
        pairs=tuple(sorted({f"{_engine(row)}|{row.case.device}" for row in rows})),
        runs=tuple(sorted({place(row.case).groups.run for row in rows})),
        releases=tuple(sorted({place(row.case).groups.level(RELEASE) for row in rows})),
        platforms=tuple(sorted({_platform(row) for row in rows})),
        streams=tuple(sorted({_engine(row) for row in rows if row.stratum == "single"})),
        provenance=Provenance(
            rows=dict(Counter(row.source for row in every)),
            fitted_on=datetime.now(UTC).date().isoformat(),
            scores=scores,
        ),
    )
    return Calibration(_pooled(file, whole, apart, rows, errors["source"]) if apart else file, errors)


def _pooled(
    file: CoefficientFile, whole: Fitted, apart: Sequence[Row], rows: Sequence[Row], held_out: Array
) -> CoefficientFile:
    """Let intervals of new sources hold 80 % of rows apart and of sources left out, together.

    Then those of engines on devices of which neither was measured hold 80 % of such rows apart: engines
    that are left out leave their devices behind with others, so that held-out errors say nothing of it.
    """
    problem = Problem(apart)
    errors = whole.log_predicted(problem) - problem.log_measured
    streams = [file.is_stream(row.case, _engine(row)) for row in apart]
    named = [
        replace(row, stratum="single" if alone else "") for row, alone in zip(apart, streams, strict=True)
    ]
    spread, own = dict(file.spread), _by_metric(rows)
    for name, inside in _by_metric(named).items():
        if name not in spread:
            continue
        new = [unseen(place(apart[i].case), file) for i in inside]
        known = [total(spread[name], one - {"new_source", "new_stack"}) for one in new]
        lacking = (errors[inside] / Z90) ** 2 - np.array(known) ** 2
        left_out = (held_out[own[name]] / Z90) ** 2 - total(spread[name], {"new_run"}) ** 2
        needed = _needed(np.concatenate([lacking, left_out]))
        strange = lacking[["new_stack" in one for one in new]] - needed**2
        spread[name] = spread[name].model_copy(
            update={"new_source": _round(needed), "new_stack": _round(_needed(strange))}
        )
    return file.model_copy(update={"spread": spread})


def _needed(lacking: Array) -> float:
    """Sigma that gives 80 % of the rows the variance that they lack; zero where there are none."""
    found = lacking[np.isfinite(lacking)]
    return float(np.sqrt(max(np.quantile(found, 0.8), 0.0))) if found.size else 0.0


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


def _engine(row: Row) -> str:
    return resolve(row.case.engine, kind="gpu")[0].name


KEYS: dict[str, Callable[[Row], str]] = {
    "setting": _fold,
    "model": lambda row: row.case.model,
    "device": lambda row: row.case.device,
    "engine": _engine,
    "run": _run_fold,
    "source": _source,
    "platform": _platform,
}
"""What is left out: fifths of the settings, whole models, devices and engines, fifths of the runs, sources,
and engines on one compute API of several."""


def _by_metric(rows: Sequence[Row]) -> dict[str, NDArray[np.intp]]:
    """Rows of each metric; single streams apart."""
    names = np.array([_METRIC[row.metric] + ("_single" if row.stratum == "single" else "") for row in rows])
    return {str(name): np.flatnonzero(names == name) for name in sorted(set(names))}


def effects(fitted: Fitted) -> dict[str, dict[str, dict[str, float]]]:
    """Deviations by coefficient, grouping and level; those that round to zero are left out."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    for effect, levels in zip(EFFECTS, fitted.layout.levels, strict=True):
        found = {name: _round(float(fitted.theta[i])) for name, i in levels.items()}
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
        return _round(float(np.sqrt(max(width[name] ** 2 - than**2, 0.0))))

    return Spread(
        known=_round(known),
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


def _round(value: float) -> float:
    return float(f"{value:.4g}")
