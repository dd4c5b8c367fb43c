"""What a choice by predictions costs: the best measured configuration under a limit on TPOT.

A question is a model with its lengths, on one device type, and a limit; its candidates are all
configurations that were measured there (engine, cut, format, users). The predictor picks the one with
the most predicted tokens per second and device among those whose predicted TPOT, times a margin, keeps
the limit. It violates if the measured TPOT of its pick exceeds the limit by more than 5 %; else it
loses what the best measured one within the limit would have had more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.serving.fitting.measured import Row

Array = NDArray[np.float64]

LIMITS_S = (0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1)
TOLERATED = 1.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """Over all questions.

    Attributes
    ----------
    questions, unanswered : int
        With at least one candidate within the limit and one beyond; those for which nothing was picked.
    violated_frac : float
        Of the answered ones.
    lost_frac : float
        Mean share of the possible throughput that was lost where the limit was kept.
    """

    questions: int
    unanswered: int
    violated_frac: float
    lost_frac: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    measured_tpot_s: float
    predicted_tpot_s: float
    measured_rate: float
    predicted_rate: float


def outcome(rows: Sequence[Row], errors: Array, *, margin: float = 1.0) -> Outcome:
    """Ask all questions of closed loops.

    Parameters
    ----------
    rows : sequence of Row
        Measurements.
    errors : ndarray
        Held-out log errors of the rows.
    margin : float
        Factor on predicted TPOT before it is held against the limit.
    """
    asked = unanswered = violated = 0
    lost: list[float] = []
    for candidates in _questions(rows, errors).values():
        for limit in LIMITS_S:
            inside = [c.measured_rate for c in candidates if c.measured_tpot_s <= limit]
            if not inside or len(inside) == len(candidates):
                continue
            asked += 1
            kept = [c for c in candidates if c.predicted_tpot_s * margin <= limit]
            if not kept:
                unanswered += 1
                continue
            pick = max(kept, key=lambda c: c.predicted_rate)
            if pick.measured_tpot_s > TOLERATED * limit:
                violated += 1
            else:
                lost.append(max(0.0, 1.0 - pick.measured_rate / max(inside)))
    answered = max(asked - unanswered, 1)
    return Outcome(asked, unanswered, violated / answered, float(np.mean(lost)) if lost else 0.0)


def _questions(rows: Sequence[Row], errors: Array) -> dict[tuple[object, ...], list[_Candidate]]:
    """Candidates by model, device type and lengths."""
    both: dict[str, dict[str, tuple[float, float]]] = {}
    cases = {}
    for row, error in zip(rows, errors, strict=True):
        if row.stratum == "closed" and np.isfinite(error):
            both.setdefault(row.case.id, {})[row.metric] = (row.measured, row.measured * float(np.exp(error)))
            cases[row.case.id] = row.case
    found: dict[tuple[object, ...], list[_Candidate]] = {}
    for name, values in both.items():
        case = cases[name]
        if {"tpot_s", "ttft_s"} <= set(values):
            rates = [
                case.concurrency * case.osl / case.devices
                / (values["ttft_s"][k] + (case.osl - 1) * values["tpot_s"][k])
                for k in (0, 1)
            ]  # fmt: skip
            key = (case.model, case.device, case.isl, case.osl)
            found.setdefault(key, []).append(_Candidate(*values["tpot_s"], *rates))
    return found


def table(rows: Sequence[Row], errors: dict[str, Array], margins: Sequence[float]) -> str:
    """Outcomes by what was left out and by margin."""
    lines = [
        "| left out | margin on TPOT | questions | unanswered | violations | throughput lost |",
        "|---|---|---|---|---|---|",
    ]
    for label in ("setting", "model", "device"):
        for margin in margins:
            o = outcome(rows, errors[label], margin=margin)
            lines.append(
                f"| {label} | {margin:g} | {o.questions} | {o.unanswered} | {100 * o.violated_frac:.0f} % "
                f"| {100 * o.lost_frac:.1f} % |"
            )
    return "\n".join(lines)
