"""How errors fall with the rows that are fitted, and what each part of the structure is worth.

Both on rows of serving engines (closed and saturated). The learning curve fits random deployments outside
one fifth of the settings and predicts that fifth; the ablation leaves parts of the structure out and
predicts three models that the fit has not seen.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from planner.serving.fitting.calibrate import Problem, fit, leave_out
from planner.serving.fitting.calibration_file import KEYS
from planner.serving.fitting.measured import METRICS, Row
from planner.serving.fitting.priors import ACROSS, Effect, Prior, Structure

Array = NDArray[np.float64]

SIZES = (25, 50, 100, 200, 400, 800)
MODELS = ("llama-3.1-70b", "minimax-m2", "qwen3-32b")
_OFF = 1e-6


def _without(test: Callable[[Effect], bool]) -> Structure:
    return replace(ACROSS, effects=tuple(effect for effect in ACROSS.effects if not test(effect)))


def _fixed(centres: Mapping[str, float]) -> Structure:
    priors = {**ACROSS.priors, **{name: Prior(value, 1e-3) for name, value in centres.items()}}
    kept = tuple(effect for effect in ACROSS.effects if effect.coefficient not in centres)
    return Structure(priors, kept)


PARTS: Mapping[str, Structure] = {
    "everything": ACROSS,
    "no deviations at all": _without(lambda effect: True),
    "none of a run's own": _without(lambda effect: "model" in effect.grouping),
    "none by device": _without(lambda effect: effect.grouping in ("device", "engine+device", "generation")),
    "none by engine": _without(lambda effect: "engine" in effect.grouping),
    "memory holds what it says": _fixed({"room_frac": 1.0}),
    "no waiting for decode steps": _fixed({"wait_steps": _OFF}),
    "no first wave": _fixed({"wave_share": _OFF}),
    "no wait for other prompts in a step": _fixed({"prompt_passes": 1.0}),
    "no strain of the peak": _fixed({"strain_power": _OFF}),
    "no cost per sequence": _fixed({"sequence_s": 1e-9}),
}


def serving(rows: Sequence[Row]) -> list[Row]:
    """Rows of serving engines."""
    return [row for row in rows if row.stratum in ("closed", "saturated")]


def cell(errors: Array) -> str:
    """Median and geometric mean error."""
    if not errors.size:
        return "-"
    return (
        f"{100 * np.median(np.abs(np.expm1(errors))):.1f} / {100 * np.expm1(np.mean(np.abs(errors))):.1f} %"
    )


def _cells(rows: Sequence[Row], errors: Array) -> str:
    known = np.isfinite(errors)
    metric = np.array([row.metric for row in rows])
    return " | ".join(cell(errors[known & (metric == name)]) for name in METRICS)


def learning_curve(rows: Sequence[Row]) -> str:
    """Errors on one fifth of the settings by deployments fitted, as a table."""
    rows = serving(rows)
    test = [row for row in rows if KEYS["setting"](row) == "0"]
    rest = [row for row in rows if KEYS["setting"](row) != "0"]
    names = sorted({row.case.id for row in rest})
    random.Random(1).shuffle(names)
    problem = Problem(test)
    lines = ["| runs fitted | closed TPOT | closed TTFT | saturated |", "|---|---|---|---|"]
    for size in (*SIZES, len(names)):
        kept = set(names[:size])
        found = fit(Problem([row for row in rest if row.case.id in kept]))
        lines.append(f"| {size} | {_cells(test, found.log_predicted(problem) - problem.log_measured)} |")
    return "\n".join(lines)


def ablation(rows: Sequence[Row]) -> str:
    """Errors on models left out, with parts of the structure left out, as a table."""
    rows = serving(rows)
    lines = ["| without | closed TPOT | closed TTFT | saturated |", "|---|---|---|---|"]
    for name, structure in PARTS.items():
        errors = leave_out(rows, lambda row: row.case.model, structure=structure, only=MODELS)
        lines.append(f"| {name} | {_cells(rows, errors)} |")
    return "\n".join(lines)
