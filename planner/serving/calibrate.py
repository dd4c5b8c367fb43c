"""Fit engine coefficients to published measurements; check them on models and devices left out.

The logs of all base coefficients and deviations have normal priors centred on physics (base) or
on zero (deviations), so a group with few rows stays near the others. Loss: soft L1 on log errors.
The Jacobian goes through the coefficients of each row: one evaluation per coefficient, not per
parameter.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case, Load
from planner.serving import steady_state
from planner.serving.coefficients import FRAC_CEILING, NAMES, Groups
from planner.serving.placement import Placed, place
from planner.serving.situation import Situation, demand, situation
from tonnage.errors import FitRejected
from tonnage.files import read_text

Array = NDArray[np.float64]
Index = NDArray[np.intp]

METRICS = ("tpot_s", "ttft_s", "output_tokens_per_s")


@dataclass(frozen=True, slots=True)
class Prior:
    """Centre and log standard deviation of a base coefficient before any row was seen."""

    centre: float
    sigma: float


PRIORS = {
    "weight_frac": Prior(0.85, 0.10),
    "expert_frac": Prior(0.75, 0.20),
    "cache_frac": Prior(0.70, 0.20),
    "matmul_frac": Prior(0.60, 0.25),
    "attention_frac": Prior(0.35, 0.40),
    "dequant_flop": Prior(4.0, 0.7),
    "step_s": Prior(5e-4, 0.7),
    "layer_s": Prior(25e-6, 0.4),
    "moe_layer_s": Prior(30e-6, 0.5),
    "sequence_s": Prior(10e-6, 0.8),
    "all_reduce_s": Prior(6e-6, 0.5),
    "link_frac": Prior(0.4, 0.5),
    "prefill_share": Prior(1.0, 0.2),
    "request_s": Prior(15e-3, 1.0),
    "prompt_passes": Prior(1.3, 0.3),
    "wait_steps": Prior(2.0, 0.5),
    "wave_share": Prior(0.05, 1.0),
    "ramp_frac": Prior(0.9, 0.1),
}
"""ASSUMED before fitting: kernels reach 60-90 % of a ceiling (Williams et al. 2009 and vendors' own
GEMM and stream figures), launches cost microseconds, an HTTP request some milliseconds."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Deviations of a coefficient by the levels of a grouping, with their prior width."""

    coefficient: str
    grouping: str
    sigma: float


EFFECTS = (
    Effect("weight_frac", "weights", 0.10),
    Effect("weight_frac", "memory", 0.10),
    Effect("weight_frac", "engine", 0.05),
    Effect("expert_frac", "weights", 0.12),
    Effect("expert_frac", "engine", 0.15),
    Effect("cache_frac", "engine", 0.25),
    Effect("matmul_frac", "weights", 0.25),
    Effect("matmul_frac", "engine", 0.15),
    Effect("matmul_frac", "vendor", 0.25),
    Effect("matmul_frac", "device", 0.15),
    Effect("attention_frac", "engine", 0.4),
    Effect("dequant_flop", "vendor", 0.5),
    Effect("dequant_flop", "weights", 0.3),
    Effect("step_s", "engine", 0.5),
    Effect("layer_s", "engine", 0.5),
    Effect("layer_s", "vendor", 0.4),
    Effect("layer_s", "weights", 0.2),
    Effect("layer_s", "device", 0.2),
    Effect("moe_layer_s", "engine", 0.4),
    Effect("sequence_s", "engine", 0.5),
    Effect("all_reduce_s", "engine", 0.3),
    Effect("all_reduce_s", "link", 0.5),
    Effect("link_frac", "link", 0.4),
    Effect("prefill_share", "engine", 0.15),
    Effect("request_s", "engine", 0.7),
    Effect("prompt_passes", "engine", 0.3),
    Effect("wait_steps", "engine", 0.8),
    Effect("wait_steps", "engine+device", 0.5),
    Effect("wave_share", "engine", 0.7),
)

SCALES = {"tpot_s": 0.10, "ttft_s": 0.60, "output_tokens_per_s": 0.12}
"""Log error beyond which a row counts as an outlier, by metric."""
SINGLE_TTFT_SCALE = 0.15


@dataclass(frozen=True, slots=True)
class Row:
    """One measured case."""

    case: Case
    metric: str
    measured: float
    source: str
    stratum: str


def read_rows(path: Path) -> list[Row]:
    """Read cases with a `measured` object from JSON lines; one row per metric.

    Raises
    ------
    FitRejected
        If no line has a measurement.
    """
    rows: list[Row] = []
    for line in read_text(path).splitlines():
        if not line.strip():
            continue
        data = json.loads(line)
        case = Case.parse(data, where=str(path))
        for metric, value in data.get("measured", {}).items():
            if metric in METRICS and value and value > 0:
                rows.append(Row(case, metric, value, data.get("source", ""), data.get("stratum", "")))
    if not rows:
        raise FitRejected(f"{path}: no line holds a 'measured' object; these are cases, not measurements")
    return rows


class Problem:
    """Rows lowered once, to be predicted under any coefficients."""

    def __init__(self, rows: Sequence[Row]) -> None:
        cases = [row.case for row in rows]
        self.placed: list[Placed] = [place(case) for case in cases]
        self.groups: list[Groups] = [placed.groups for placed in self.placed]
        self.situation: Situation = situation(self.placed, demand(cases))
        self.queued = np.array([case.load is Load.SATURATED for case in cases])
        self.metric = np.array([METRICS.index(row.metric) for row in rows])
        self.output = np.array([case.osl for case in cases])
        self.log_measured = np.log([row.measured for row in rows])
        self.scale = np.array([_scale(row) for row in rows])

    def log_predicted(self, logs: Array) -> Array:
        """Log of each row's metric under `logs`, shape (coefficients, rows)."""
        values = {name: np.exp(row) for name, row in zip(NAMES, logs, strict=True)}
        for name in NAMES:
            if name.endswith("_frac"):
                values[name] = np.minimum(values[name], FRAC_CEILING)
        ready = steady_state.service(self.situation, values)
        loop, full = steady_state.closed(ready), steady_state.saturated(ready)
        rate = np.where(self.queued, full.requests_per_s, loop.requests_per_s)
        chosen = np.choose(self.metric, [loop.tpot_s, loop.ttft_s, rate * self.output])
        return np.asarray(np.log(chosen))


def _scale(row: Row) -> float:
    return SINGLE_TTFT_SCALE if row.metric == "ttft_s" and row.case.osl <= 1 else SCALES[row.metric]


class Layout:
    """Where base coefficients and deviations stand in the parameter vector."""

    def __init__(self, groups: Iterable[Groups]) -> None:
        distinct = set(groups)
        self.levels: list[dict[str, int]] = []
        self.centres: list[float] = [float(np.log(PRIORS[name].centre)) for name in NAMES]
        self.sigmas: list[float] = [PRIORS[name].sigma for name in NAMES]
        for effect in EFFECTS:
            names = sorted({g.level(effect.grouping) for g in distinct})
            self.levels.append({name: len(self.centres) + i for i, name in enumerate(names)})
            self.centres += [0.0] * len(names)
            self.sigmas += [effect.sigma] * len(names)

    def places(self, groups: Sequence[Groups]) -> list[Index]:
        """Parameter of each row for each effect, -1 where its level was not fitted."""
        return [
            np.array([levels.get(g.level(effect.grouping), -1) for g in groups], dtype=np.intp)
            for effect, levels in zip(EFFECTS, self.levels, strict=True)
        ]


def row_logs(theta: Array, places: Sequence[Index], rows: int) -> Array:
    """Log coefficients of each row: base plus deviations; shape (coefficients, rows)."""
    logs = np.repeat(theta[: len(NAMES), None], rows, axis=1)
    padded = np.append(theta, 0.0)
    for effect, place_of in zip(EFFECTS, places, strict=True):
        logs[NAMES.index(effect.coefficient)] += padded[place_of]
    return logs


@dataclass(frozen=True, slots=True)
class Fitted:
    """A parameter vector with its layout."""

    layout: Layout
    theta: Array

    def log_predicted(self, problem: Problem) -> Array:
        """Log predictions for any rows, known groups or not."""
        places = self.layout.places(problem.groups)
        return problem.log_predicted(row_logs(self.theta, places, len(problem.groups)))


def fit(problem: Problem, *, start: Fitted | None = None, rounds: int = 25) -> Fitted:
    """Fit all coefficients to the rows of a problem."""
    from scipy.optimize import least_squares

    layout = Layout(problem.groups)
    places = layout.places(problem.groups)
    centres, sigmas = np.array(layout.centres), np.array(layout.sigmas)
    rows = len(problem.groups)

    def residuals(theta: Array) -> Array:
        error = problem.log_predicted(row_logs(theta, places, rows)) - problem.log_measured
        return np.concatenate([_robust(error / problem.scale)[0], (theta - centres) / sigmas])

    def jacobian(theta: Array) -> Array:
        logs = row_logs(theta, places, rows)
        base = problem.log_predicted(logs)
        weight = _robust((base - problem.log_measured) / problem.scale)[1] / problem.scale
        out = np.zeros((rows + theta.size, theta.size))
        for number in range(len(NAMES)):
            column = _slope(problem.log_predicted, logs, number, base) * weight
            out[:rows, number] = column
            for effect, place_of in zip(EFFECTS, places, strict=True):
                if effect.coefficient == NAMES[number]:
                    out[np.arange(rows), place_of] += column
        out[rows:] = np.diag(1.0 / sigmas)
        return out

    guess = _start(layout, start) if start is not None else centres
    found = least_squares(residuals, guess, jac=jacobian, x_scale=sigmas, max_nfev=rounds)
    return Fitted(layout, np.asarray(found.x))


def _slope(function: Callable[[Array], Array], logs: Array, number: int, base: Array) -> Array:
    step = 1e-4
    moved = logs.copy()
    moved[number] += step
    return np.asarray((function(moved) - base) / step)


def _robust(z: Array) -> tuple[Array, Array]:
    """Signed square root of the soft L1 loss, and its slope."""
    root = np.sqrt(1.0 + z * z)
    value = np.sign(z) * np.sqrt(2.0 * np.maximum(root - 1.0, 0.0))
    slope = np.where(np.abs(z) < 1e-6, 1.0, z / np.maximum(root * np.abs(value), 1e-12) * np.sign(z))
    return np.asarray(value), np.asarray(slope)


def _start(layout: Layout, other: Fitted) -> Array:
    """Take over what another fit has for the same levels."""
    theta = np.array(layout.centres)
    theta[: len(NAMES)] = other.theta[: len(NAMES)]
    for mine, theirs in zip(layout.levels, other.layout.levels, strict=True):
        for name, position in mine.items():
            if name in theirs:
                theta[position] = other.theta[theirs[name]]
    return theta


def leave_out(
    rows: Sequence[Row], key: Callable[[Row], str], *, start: Fitted | None = None, rounds: int = 8
) -> Array:
    """Log error of every row under a fit that saw no row of its key (model, device ...).

    Not a number where one key has all rows, so that nothing is left to fit.
    """
    errors = np.full(len(rows), np.nan)
    for held in sorted({key(row) for row in rows}):
        inside = [position for position, row in enumerate(rows) if key(row) == held]
        others = [row for row in rows if key(row) != held]
        if not others:
            continue
        training = Problem(others)
        test = Problem([rows[position] for position in inside])
        fitted = fit(training, start=start, rounds=rounds)
        errors[inside] = fitted.log_predicted(test) - test.log_measured
    return errors
