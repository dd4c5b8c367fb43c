"""Where one model's curve falls below another's, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from planner.compare.comparison import Crossing, Metric, ModelCurve, Pair
from tonnage.evidence import Quantiles


@dataclass(frozen=True, slots=True)
class _Stand:
    """Two models at one context: logarithm of the ratio of medians, and who is surely lower."""

    context_tokens: float
    log_ratio: float
    surely: int

    @property
    def sign(self) -> int:
        return -1 if self.log_ratio < 0 else 1


def pairs(curves: Sequence[ModelCurve]) -> tuple[Pair, ...]:
    """Compare every two models by every metric."""
    return tuple(_pair(a, b, metric) for metric in Metric for a, b in combinations(curves, 2))


def _pair(first: ModelCurve, second: ModelCurve, metric: Metric) -> Pair:
    stands = _stands(first, second, metric)
    names = (first.model, second.model)
    if not stands:
        return Pair(metric=metric, models=names)
    unequal = [stand for stand in stands if stand.log_ratio != 0]
    runs = _runs(unequal)
    return Pair(
        metric=metric,
        models=names,
        lower=_lower(names, unequal[0]) if unequal else None,
        from_tokens=stands[0].context_tokens,
        to_tokens=stands[-1].context_tokens,
        apart_from_tokens=_first_sure(runs[0]) if runs else None,
        crossings=tuple(_crossing(first, second, before, after) for before, after in pairwise(runs)),
    )


def _stands(first: ModelCurve, second: ModelCurve, metric: Metric) -> list[_Stand]:
    stands = []
    for one, other in zip(first.points, second.points, strict=True):
        a, b = one.value(metric), other.value(metric)
        if a is not None and b is not None:
            stands.append(_Stand(one.context_tokens, math.log(a.p50 / b.p50), _surely(a, b)))
    return stands


def _surely(a: Quantiles, b: Quantiles) -> int:
    """Return -1 where `a` is lower beyond the intervals, 1 where `b` is, 0 where they overlap."""
    return -1 if a.p90 < b.p10 else 1 if b.p90 < a.p10 else 0


def _lower(names: tuple[str, str], stand: _Stand) -> str:
    return names[0] if stand.sign < 0 else names[1]


def _runs(stands: Sequence[_Stand]) -> list[list[_Stand]]:
    """Split into runs in which the same model is lower."""
    runs: list[list[_Stand]] = []
    for stand in stands:
        if runs and runs[-1][-1].sign == stand.sign:
            runs[-1].append(stand)
        else:
            runs.append([stand])
    return runs


def _first_sure(run: Sequence[_Stand]) -> float | None:
    return next((stand.context_tokens for stand in run if stand.surely == stand.sign), None)


def _crossing(
    first: ModelCurve, second: ModelCurve, before: Sequence[_Stand], after: Sequence[_Stand]
) -> Crossing:
    at = _meeting(before[-1], after[0])
    passed = [c.model for c in (first, second) if c.max_context_tokens and at > c.max_context_tokens]
    return Crossing(
        context_tokens=at,
        lower_after=_lower((first.model, second.model), after[0]),
        apart_until_tokens=_first_sure(before[::-1]),
        apart_from_tokens=_first_sure(after),
        beyond_max_context=tuple(passed),
    )


def _meeting(before: _Stand, after: _Stand) -> float:
    """Return where the logarithm of the ratio passes zero, linear in the logarithm of the context."""
    share = before.log_ratio / (before.log_ratio - after.log_ratio)
    low, high = math.log(before.context_tokens), math.log(after.context_tokens)
    return math.exp(low + share * (high - low))
