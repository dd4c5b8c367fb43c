"""Predictions: cases in, answers with intervals out, many at a time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case, Load
from planner.prediction import Bound, Prediction, Refusal
from planner.serving import (
    coefficients,
    disaggregation,
    energy,
    intervals,
    open_load,
    placement,
    room,
    situation,
    speculation,
    steady_state,
)
from planner.serving.anchors import anchor_points
from planner.serving.anchors.anchor_points import Point
from planner.serving.anchors.anchored import Foresight, Told, anchored
from planner.serving.coefficients import CoefficientFile
from planner.serving.energy import Draw
from planner.serving.intervals import Band
from planner.serving.placed import Placed
from planner.serving.remarks import remarks
from planner.serving.steady_state import Service, State
from planner.serving.unchecked import unchecked
from tonnage.collector import uncollected
from tonnage.errors import InvalidInput, TonnageError
from tonnage.evidence import Evidence, Quantiles, weakest

Array = NDArray[np.float64]

_QUEUE_SHARE = 0.5
_SPREAD = 3.0
"""Standard deviations of a Poisson number of running sequences up to which decode steps are lowered."""
_NO_PERCENTILES = {f"{metric}_{p}_s": None for metric in ("ttft", "tpot") for p in ("p50", "p95", "p99")}
_GROUPS = (Bound.MEMORY, Bound.COMPUTE, Bound.NETWORK, Bound.OVERHEAD)


def predict(case: Case, *, anchors: Sequence[Point] = ()) -> Prediction:
    """Predict one case.

    Parameters
    ----------
    case : Case
        What is run where, under which load.
    anchors : sequence of (Case, Figures), optional
        Measured runs that the prediction is moved by, besides those of the case itself.

    Raises
    ------
    TonnageError
        With the reason why there is no answer.
    """
    _check(case)
    points = [_points(case, tuple(anchors))]
    return _answer([case], [placement.place(case)], points, coefficients.shipped())[0]


def predict_batch(
    cases: Sequence[Case], *, using: CoefficientFile | None = None, anchors: Sequence[Point] = ()
) -> list[Prediction | Refusal]:
    """Predict many cases in their order; one that has no answer gets a refusal of its own.

    Parameters
    ----------
    cases : sequence of Case
        Ids need not be unique.
    using : CoefficientFile, optional
        Coefficients other than those that come with Tonnage.
    anchors : sequence of (Case, Figures), optional
        Measured runs that all predictions are moved by.
    """
    shared = tuple(anchors)
    answers: list[Prediction | Refusal | None] = [None] * len(cases)
    good: list[int] = []
    placed: list[Placed] = []
    points: list[tuple[Point, ...]] = []
    for position, case in enumerate(cases):
        try:
            _check(case)
            own = _points(case, shared)
            placed.append(placement.place(case))
            points.append(own)
            good.append(position)
        except TonnageError as problem:
            answers[position] = Refusal(id=case.id, error=str(problem))
    if good:
        with uncollected():
            found = _answer([cases[i] for i in good], placed, points, using or coefficients.shipped())
        for position, answer in zip(good, found, strict=True):
            answers[position] = answer
    return [answer for answer in answers if answer is not None]


def _check(case: Case) -> None:
    if case.load is Load.OPEN and case.requests_per_s is None:
        raise InvalidInput(f"case '{case.id}': an open load needs requests_per_s (1/s)")
    drafts = (case.draft_weights, case.draft_tokens, case.acceptance_rate)
    if case.draft_model is None and any(value is not None for value in drafts):
        raise InvalidInput(f"case '{case.id}': drafting needs a draft_model, a model's id or 'mtp'")
    if case.disaggregated is not None:
        disaggregation.link(case.disaggregated)
    elif case.prefill_instances > 1:
        raise InvalidInput(f"case '{case.id}': prefill_instances need 'disaggregated', an interconnect")


def _points(case: Case, shared: tuple[Point, ...]) -> tuple[Point, ...]:
    """Measured runs that move a case; the very tuple `shared` where it brings none of its own."""
    own = anchor_points.of_case(case)
    for run, _ in own:
        placement.place(run)
    return own if not shared else shared + own if own else shared


def foresee(cases: Sequence[Case], placed: Sequence[Placed], file: CoefficientFile) -> Foresight:
    """Predict cases without any anchor."""
    ready = _ready(cases, placed, file)
    state, at = _states(cases, ready)
    state = disaggregation.capped(state, ready, cases)
    bands = intervals.bands(cases, placed, ready, state, file)
    return Foresight(cases=cases, placed=placed, ready=ready, state=state, at=at, bands=bands)


def _answer(
    cases: Sequence[Case],
    placed: Sequence[Placed],
    points: Sequence[tuple[Point, ...]],
    file: CoefficientFile,
) -> list[Prediction]:
    seen = foresee(cases, placed, file)
    told: dict[int, Told] = {}
    if any(points):
        seen, told = anchored(seen, points, file, foresee)
    limited = bounds(seen.ready, seen.state.queue_s, seen.state.ttft_s)
    rooms = room.answers(seen.ready.situation, seen.state, placed)
    draws = energy.draws(cases, placed, seen.ready, seen.state, seen.bands["output_tokens_per_s"])
    known = {id(one): evidence(one, file) for one in {id(one): one for one in placed}.values()}
    return [
        _prediction(
            i,
            seen,
            held=rooms[i],
            limited=limited[i],
            drawn=draws[i],
            known=known[id(placed[i])],
            told=told.get(i),
        )
        for i in range(len(cases))
    ]


def _ready(cases: Sequence[Case], placed: Sequence[Placed], file: CoefficientFile) -> Service:
    """Lower all cases; those under an open load twice, as their batch is known only once it is solved."""

    def lowered(asked: situation.Demand) -> Service:
        ready = steady_state.service(situation.situation(placed, asked), placement.values(placed, file))
        return disaggregation.apart(speculation.speculated(ready, placed), cases, placed)

    asked = situation.demand(cases)
    ready = lowered(asked)
    is_open = np.array([case.load is Load.OPEN for case in cases])
    if not is_open.any():
        return ready
    running = open_load.at_rate(ready, _rates(cases)).running
    most = running + _SPREAD * np.sqrt(running) + 1.0
    return lowered(replace(asked, users=np.where(is_open, most, asked.users)))


def _rates(cases: Sequence[Case]) -> Array:
    """Arrivals of open loads [1/s], hardly any for the others."""
    return np.array([case.requests_per_s or 1e-9 for case in cases])


def _states(cases: Sequence[Case], ready: Service) -> tuple[State, dict[str, Array]]:
    """Steady state of every case under its own load, and request percentiles of open loads."""
    loads = np.array([case.load for case in cases])
    state = steady_state.closed(ready)
    if (loads == Load.SATURATED).any():
        state = state.merged(steady_state.saturated(ready), loads == Load.SATURATED)
    at: dict[str, Array] = {}
    is_open = loads == Load.OPEN
    if is_open.any():
        tail = np.array([(case.isl_p95 or case.isl) / case.isl for case in cases])
        cv2 = np.array([open_load.length_cv2(case.isl, case.isl_p95) for case in cases])
        found = open_load.at_rate(ready, _rates(cases), tail_prompt=tail, prompt_cv2=cv2)
        state = state.merged(found, is_open)
        for p, name in ((0.50, "p50"), (0.95, "p95"), (0.99, "p99")):
            at[f"ttft_{name}_s"] = np.where(is_open, found.ttft_at[p], np.nan)
            at[f"tpot_{name}_s"] = np.where(is_open, found.tpot_at[p], np.nan)
    return state, at


def bounds(ready: Service, queue_s: Array, ttft_s: Array) -> list[Bound]:
    """Say what the larger part of a decode step goes to, or of the prefill where that is all."""
    generates = ready.situation.demand.output > 1.0
    parts = []
    for name in ("memory_s", "compute_s", "network_s", "overhead_s"):
        decode, prefill = getattr(ready.decode[0], name), getattr(ready.chunk, name)
        parts.append(np.where(generates, decode, prefill))
    largest = np.argmax(np.array(parts), axis=0)
    queued = queue_s > _QUEUE_SHARE * ttft_s
    return [Bound.QUEUE if q else _GROUPS[i] for q, i in zip(queued, largest, strict=True)]


def _prediction(
    i: int,
    seen: Foresight,
    *,
    held: room.Answer,
    limited: Bound,
    drawn: Draw,
    known: Evidence,
    told: Told | None,
) -> Prediction:
    case, placed, ready, bands = seen.cases[i], seen.placed[i], seen.ready, seen.bands
    if told is not None and told.power_w is not None:
        drawn = energy.measured(told.power_w, bands["output_tokens_per_s"].at(i))
    known = _stretched(known, ready, i)
    if case.draft_model is not None and case.acceptance_rate is None:
        known = weakest([known, Evidence.ASSUMED])
    notes = remarks(case, placed, ready, i, float(bands["requests_per_s"].mid[i]))
    if drawn.why_not is not None:
        notes = (*notes, drawn.why_not)
    waits = case.load is Load.SATURATED
    answer: dict[str, Any] = {
        "id": case.id,
        "ttft_s": None if waits else bands["ttft_s"].at(i),
        "tpot_s": bands["tpot_s"].at(i) if case.osl > 1 else None,
        "output_tokens_per_s": bands["output_tokens_per_s"].at(i),
        "requests_per_s": bands["requests_per_s"].at(i),
        **_NO_PERCENTILES,
        "memory_bytes": held.memory_bytes,
        "memory_parts": held.parts,
        "fits": held.fits,
        "max_context_tokens": held.max_context_tokens,
        "max_concurrency": held.max_concurrency,
        "energy_j_per_output_token": drawn.per_token,
        "power_w": drawn.power,
        "power_evidence": drawn.evidence,
        "bound": limited,
        "evidence": known if told is None else told.evidence(known),
        "notes": notes if told is None else (*notes, told.note),
    }
    for name, values in seen.at.items():
        answer[name] = _scaled(bands[name[:4] + "_s"], i, values[i])
    return unchecked(Prediction, answer)


def _scaled(band: Band, i: int, value: float) -> Quantiles | None:
    """Give a percentile the relative interval of its mean."""
    if not np.isfinite(value):
        return None
    low, high = float(band.low[i] / band.mid[i]), float(band.high[i] / band.mid[i])
    return unchecked(Quantiles, {"p10": value * low, "p50": float(value), "p90": value * high})


def evidence(placed: Placed, file: CoefficientFile) -> Evidence:
    """Say how a deployment's times are known."""
    if placed.target.is_measured:
        return placed.target.evidence
    if placed.engine.name not in file.engines or not placed.is_listed:
        return weakest([placed.target.evidence, Evidence.ASSUMED])
    fitted = file.has_measured(placed.groups) and not placed.target.notes
    return Evidence.FITTED if fitted else placed.target.evidence


def _stretched(known: Evidence, ready: Service, i: int) -> Evidence:
    """Measured laws that are used far outside their samples are no longer fitted ones."""
    s = ready.situation
    outside = bool(s.decode[0].outside[i] or s.prompt_chunk.outside[i])
    return weakest([known, Evidence.EXTRAPOLATED]) if outside else known
