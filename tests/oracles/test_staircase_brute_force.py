"""Months with commitments that stay, against enumeration of what is added in each month."""

import itertools
import math

import numpy as np
import pytest

from planner.fleet.programme.problem import Kind, Metered, Period, Priced, Problem
from planner.fleet.solve import tied
from planner.fleet.solve.staircase import stairs

MOST = 4
"""Commitments of a kind that are enumerated; the load never needs more."""


def draw(rng: np.random.Generator) -> Problem:
    kinds = []
    for k in range(int(rng.integers(1, 3))):
        price = float(rng.uniform(0.5, 3))
        ways = (
            Priced(usd_per_h=price),
            Priced(usd_per_h=price * float(rng.uniform(0.3, 1.1)), committed=True, draws=(("quota", 1.0),)),
        )
        kinds.append(Kind(key=str(k), capacity=(float(rng.uniform(2, 5)),), purchases=ways))
    offer = Metered(key="api", usd_per_h=(float(rng.uniform(3, 12)),))
    weights = rng.uniform(0.2, 1, int(rng.integers(1, 3)))
    return Problem(
        rates=(float(rng.uniform(1, 6)),),
        kinds=tuple(kinds),
        offers=(offer,) if rng.random() < 0.5 else (),
        periods=tuple(
            Period(time_frac=float(w), scale=(float(rng.choice([0.3, 0.6, 1.0])),))
            for w in weights / weights.sum()
        ),
        stock={"quota": float(rng.integers(0, 5))},
    )


def hour(problem: Problem, rate: float, there: tuple[int, ...], scale: float) -> float:
    """Cheapest hour at a rate, with commitments paid already."""
    best = math.inf
    needs = [range(math.ceil(rate / kind.capacity[0]) + 1) for kind in problem.kinds]
    for counts in itertools.product(*needs):
        served = sum(
            (n + m) * kind.capacity[0] for n, m, kind in zip(counts, there, problem.kinds, strict=True)
        )
        cost = sum(n * kind.purchases[0].usd_per_h for n, kind in zip(counts, problem.kinds, strict=True))
        missing = max(0.0, 1 - served / rate)
        if missing > 1e-9:
            if not problem.offers:
                continue
            cost += missing * scale * (problem.offers[0].usd_per_h[0] or 0.0)
        best = min(best, cost)
    return best


def month(problem: Problem, load: float, there: tuple[int, ...]) -> float:
    own = sum(m * kind.purchases[1].usd_per_h for m, kind in zip(there, problem.kinds, strict=True))
    return own + sum(
        period.time_frac
        * hour(problem, problem.rates[0] * load * period.scale[0], there=there, scale=load * period.scale[0])
        for period in problem.periods
    )


def by_enumeration(problem: Problem, loads: list[float]) -> float:
    """Cheapest mean over the months, over all ways in which commitments can grow."""
    levels = [
        there
        for there in itertools.product(range(MOST + 1), repeat=len(problem.kinds))
        if sum(there) <= problem.stock["quota"]
    ]
    best = {there: month(problem, loads[0], there) for there in levels}
    for load in loads[1:]:
        costs = {there: month(problem, load, there) for there in levels}
        best = {
            there: costs[there]
            + min(
                cost for below, cost in best.items() if all(b <= t for b, t in zip(below, there, strict=True))
            )
            for there in levels
        }
    return min(best.values()) / len(loads)


def mean_of(problem: Problem, loads: list[float]) -> float:
    found = stairs(problem, loads)
    return math.inf if found is None else sum(found.usd_per_h) / len(loads)


@pytest.mark.parametrize("branched", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_the_staircase_is_the_cheapest_one(
    seed: int, branched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if branched:
        monkeypatch.setattr(tied, "DIRECT_PART", 0.0)
        monkeypatch.setattr(tied, "OWN_PART", 0.0)
    rng = np.random.default_rng(7000 + seed)
    for _ in range(6):
        problem = draw(rng)
        loads = [float(load) for load in rng.choice([0.5, 0.8, 1.0, 1.4, 2.0], size=3)]
        if max(loads) * problem.rates[0] > MOST * min(kind.capacity[0] for kind in problem.kinds):
            continue
        truth, found = by_enumeration(problem, loads), stairs(problem, loads)
        assert found is not None
        cost = sum(found.usd_per_h) / len(loads)
        assert cost * (1 - found.gap_frac) * (1 - 3e-6) <= truth <= cost * (1 + 3e-6)
        assert found.gap_frac <= 5e-3 * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_growth_costs_what_its_parts_say(seed: int) -> None:
    """More load in a month never costs less; a month more at the same load changes no month's mean."""
    problem = draw(np.random.default_rng(8000 + seed))
    slack = 1 + 2 * 5e-3
    loads = [0.5, 0.7, 1.0]
    plain = mean_of(problem, loads)
    assert mean_of(problem, [0.5, 0.9, 1.0]) * slack >= plain
    assert mean_of(problem, [1.0, 1.0]) == pytest.approx(mean_of(problem, [1.0]), rel=2 * 5e-3)
    without = Problem(
        rates=problem.rates,
        kinds=tuple(
            Kind(key=kind.key, capacity=kind.capacity, purchases=kind.purchases[:1]) for kind in problem.kinds
        ),
        offers=problem.offers,
        periods=problem.periods,
    )
    assert mean_of(without, loads) * slack >= plain
