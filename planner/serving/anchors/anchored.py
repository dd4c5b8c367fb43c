"""Bands moved by measured points: gathers anchors by who shares them, updates, and says so."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case
from planner.serving import intervals, placement
from planner.serving.anchors import anchor
from planner.serving.anchors.anchor import METRICS, Moved, Outlook
from planner.serving.anchors.anchor_points import Point
from planner.serving.coefficients import CoefficientFile
from planner.serving.intervals import Band
from planner.serving.placed import Placed
from planner.serving.steady_state import Service, State
from tonnage.evidence import Z90, Evidence

Array = NDArray[np.float64]
MEASURED_HERE = 0.995
"""Nearness from which the very setting was measured."""
MEASURED_NEAR = 0.3
_SMALL = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """Everything predicted of some cases."""

    cases: Sequence[Case]
    placed: Sequence[Placed]
    ready: Service
    state: State
    at: dict[str, Array]
    """Request percentiles."""
    bands: dict[str, Band]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an anchored prediction says of itself."""

    note: str
    nearness: float
    power_w: float | None = None
    """Mean draw that was measured of this very setting [W]."""

    def evidence(self, before: Evidence) -> Evidence:
        """Evidence of a prediction with measured points near it."""
        if self.nearness >= MEASURED_HERE:
            return Evidence.MEASURED
        stronger = before.rank > Evidence.FITTED.rank and self.nearness >= MEASURED_NEAR
        return Evidence.FITTED if stronger else before


Foresee = Callable[[Sequence[Case], Sequence[Placed], CoefficientFile], Foresight]


def anchored(
    seen: Foresight, points: Sequence[tuple[Point, ...]], file: CoefficientFile, foresee: Foresee
) -> tuple[Foresight, dict[int, Told]]:
    """Move predictions by the points of each case.

    Parameters
    ----------
    seen : Foresight
        Predictions without anchors; its arrays are not changed.
    points : sequence
        Measured runs of each case; cases with the same tuple are updated together.
    foresee : callable
        Predicts the measured runs themselves.

    Returns
    -------
    Foresight, dict
        Predictions after the update, and what to say of the cases that have points, by position.
    """
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for position, own in enumerate(points):
        if own:
            groups[id(own)].append(position)
    bands = {
        name: Band(band.low.copy(), band.mid.copy(), band.high.copy()) for name, band in seen.bands.items()
    }
    at = {name: values.copy() for name, values in seen.at.items()}
    told: dict[int, Told] = {}
    for members in groups.values():
        index = np.array(members, dtype=np.intp)
        own = points[members[0]]
        runs = [case for case, _ in own]
        there = foresee(runs, [placement.place(case) for case in runs], file)
        targets, anchors = _outlook(seen, index), _outlook(there, np.arange(len(runs)))
        moved = anchor.update(targets, anchors, [measured for _, measured in own], file)
        _move(bands, at, seen, index, moved)
        drawn = [(case, found.power_w) for case, found in own if found.power_w is not None]
        for row, position in enumerate(members):
            told[position] = _told(targets, moved, row, len(own), drawn)
    found = Foresight(
        cases=seen.cases, placed=seen.placed, ready=seen.ready, state=seen.state, at=at, bands=bands
    )
    return found, told


def _outlook(seen: Foresight, index: NDArray[np.intp]) -> Outlook:
    steps = np.maximum(seen.ready.situation.demand.output - 1.0, 0.0)
    later = steps * seen.state.tpot_s
    share = later / np.maximum(seen.state.ttft_s + later, 1e-12)
    median = {name: seen.bands[name].mid[index] for name in METRICS}
    high = {name: seen.bands[name].high[index] for name in METRICS}
    return Outlook(
        cases=[seen.cases[i] for i in index],
        placed=[seen.placed[i] for i in index],
        median=median,
        sigma={name: np.log(high[name] / median[name]) / Z90 for name in METRICS},
        decode_share=share[index],
    )


def _move(
    bands: dict[str, Band], at: dict[str, Array], seen: Foresight, index: NDArray[np.intp], moved: Moved
) -> None:
    """Write the moved bands of some cases; what physics allows still holds."""
    later_floor, first_floor = (floor[index] for floor in intervals.floors(seen.ready))
    output = intervals.demand_output(seen.ready)[index]
    floors = {"tpot_s": later_floor, "ttft_s": first_floor}
    for name, floor in floors.items():
        mid = bands[name].mid[index] * np.exp(moved.shift[name])
        _put(bands[name], index, intervals.times(mid, moved.sigma[name], floor))
        for key in at:
            if key.startswith(name[:4]):
                at[key][index] *= np.exp(moved.shift[name])
    whole = first_floor + np.maximum(output - 1.0, 0.0) * later_floor
    fastest = seen.state.running[index] / np.maximum(whole, 1e-12)
    factor = np.exp(Z90 * moved.sigma["output_tokens_per_s"])
    rate = bands["requests_per_s"].mid[index] * np.exp(moved.shift["output_tokens_per_s"])
    requests = Band(*(np.minimum(r, np.maximum(fastest, rate)) for r in (rate / factor, rate, rate * factor)))
    _put(bands["requests_per_s"], index, requests)
    tokens = Band(requests.low * output, requests.mid * output, requests.high * output)
    _put(bands["output_tokens_per_s"], index, tokens)


def _put(band: Band, index: NDArray[np.intp], part: Band) -> None:
    band.low[index], band.mid[index], band.high[index] = part.low, part.mid, part.high


def _told(targets: Outlook, moved: Moved, row: int, count: int, drawn: Sequence[tuple[Case, float]]) -> Told:
    changes = []
    for metric, word in zip(METRICS, ("TPOT", "TTFT", "tokens/s"), strict=True):
        before, after = targets.sigma[metric][row], moved.sigma[metric][row]
        shift = float(np.exp(moved.shift[metric][row]))
        if before > 0 and (abs(shift - 1) > _SMALL or after < (1 - _SMALL) * before):
            changes.append(f"{word} x {shift:.2f}, interval {100 * (1 - after / before):.0f} % narrower")
    what = "; ".join(changes) or "too far away to say anything"
    return Told(
        note=f"anchored to {count} measured run{'s' if count > 1 else ''}: {what}",
        nearness=float(moved.nearness[row]),
        power_w=_power_w(targets.cases[row], drawn),
    )


def _power_w(asked: Case, drawn: Sequence[tuple[Case, float]]) -> float | None:
    """Geometric mean of the draws that were measured of this very case; None without any."""
    own = asked.model_dump(exclude={"id", "anchor"})
    logs = [np.log(watts) for case, watts in drawn if case.model_dump(exclude={"id", "anchor"}) == own]
    return float(np.exp(np.mean(logs))) if logs else None
