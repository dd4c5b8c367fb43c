"""Periods, commitments, spot reserves, failure domains, quotas and API limits against enumeration."""

import itertools
import math

import numpy as np
import pytest

from planner.fleet.programme.problem import Kind, Metered, Period, Priced, Problem, UseLimit, cost_usd_per_h
from planner.fleet.solve import tied
from planner.fleet.solve.mix import cheapest, most_load
from tests.oracles.test_mix_brute_force import holds_two_classes

MOST = 5


def periods(rng: np.random.Generator, count: int, classes: int) -> tuple[Period, ...]:
    weights = rng.uniform(0.2, 1, count)
    scale = rng.choice([0.0, 0.3, 0.6, 1.0, 1.7], size=(count, classes))
    scale[0] = 1.0
    return tuple(
        Period(time_frac=float(w), scale=tuple(map(float, row)))
        for w, row in zip(weights / weights.sum(), scale, strict=True)
    )


def draw_one_class(rng: np.random.Generator) -> Problem:
    kinds = []
    for k in range(2):
        price, units = float(rng.uniform(0.5, 3)), int(rng.integers(1, 3))
        ways = [
            Priced(usd_per_h=price * units, units=units),
            Priced(usd_per_h=price * float(rng.uniform(0.3, 0.9)), committed=True, draws=(("quota", 1.0),)),
        ]
        if rng.random() < 0.5:
            ways.append(Priced(usd_per_h=0.4 * price, available_frac=0.75, draws=(("spot", 1.0),)))
        kinds.append(Kind(key=str(k), capacity=(float(rng.uniform(1, 5)),), purchases=tuple(ways)))
    domains = int(rng.integers(1, 4))
    limit = UseLimit(use=(float(rng.uniform(3, 8)),), at_most=float(rng.uniform(1, 4)))
    offer = Metered(
        key="api",
        usd_per_h=(float(rng.uniform(3, 25)),),
        limits=(limit,) if rng.random() < 0.6 else (),
    )
    return Problem(
        rates=(float(rng.uniform(1, 7)),),
        kinds=tuple(kinds),
        offers=(offer,) if rng.random() < 0.7 else (),
        periods=periods(rng, int(rng.integers(1, 4)), 1),
        stock={"quota": float(rng.integers(0, 4)), "spot": float(rng.integers(0, 3))},
        spare_units=int(rng.integers(0, 2)),
        domains=domains,
        spare_domains=int(rng.integers(0, domains)),
    )


def carried(problem: Problem, kind: Kind, counts: tuple[int, ...]) -> float:
    """Requests/s that are left when the fullest domains have failed and spares stand by."""
    left = 0.0
    for way, n in zip(kind.purchases, counts, strict=True):
        per_domain = sorted(n // problem.domains + (d < n % problem.domains) for d in range(problem.domains))
        survivors = sum(per_domain[: problem.domains - problem.spare_domains])
        left += survivors * way.units * way.available_frac
    return max(0.0, left - problem.spare_units) * kind.capacity[0]


def period_cost(problem: Problem, period: Period, fixed: tuple[int, ...]) -> float:
    """Cheapest hour of one period with given commitments (their price counted), by enumeration."""
    ways = [(k, way) for k, kind in enumerate(problem.kinds) for way in kind.purchases]
    limits = [range(fixed[k], fixed[k] + 1) if way.committed else range(MOST + 1) for k, way in ways]
    rate, best = problem.rates[0] * period.scale[0], math.inf
    for counts in itertools.product(*limits):
        drawn = dict.fromkeys(problem.stock, 0.0)
        cost, served, place = 0.0, 0.0, 0
        for (_, way), n in zip(ways, counts, strict=True):
            cost += n * way.usd_per_h
            for name, use in way.draws:
                drawn[name] += n * use
        if cost >= best or any(drawn[name] > there for name, there in problem.stock.items()):
            continue
        for kind in problem.kinds:
            served += carried(problem, kind, counts[place : place + len(kind.purchases)])
            place += len(kind.purchases)
        missing = max(0.0, 1 - served / rate) if rate else 0.0
        if missing > 1e-9:
            if not problem.offers:
                continue
            offer = problem.offers[0]
            if any(item.use[0] * period.scale[0] * missing > item.at_most + 1e-9 for item in offer.limits):
                continue
            cost += missing * period.scale[0] * (offer.usd_per_h[0] or 0.0)
        best = min(best, cost)
    return best


def cheapest_by_enumeration(problem: Problem) -> float:
    choices = itertools.product(range(MOST), repeat=len(problem.kinds))
    return min(
        sum(period.time_frac * period_cost(problem, period, fixed) for period in problem.periods)
        for fixed in choices
        if sum(fixed) <= problem.stock["quota"]
    )


@pytest.mark.parametrize("seed", range(10))
def test_one_class_over_periods_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    for _ in range(8):
        problem = draw_one_class(rng)
        if max(p.scale[0] for p in problem.periods) * problem.rates[0] > 8:
            continue  # more units than are enumerated might be needed
        mix, truth = cheapest(problem), cheapest_by_enumeration(problem)
        if mix is None:
            assert truth == math.inf
        elif max(n for part in mix.by_period for row in part.bought for n in row) < MOST:
            assert mix.usd_per_h == pytest.approx(truth, rel=3e-6, abs=1e-6)


def draw_two_classes(rng: np.random.Generator) -> Problem:
    kinds = tuple(
        Kind(
            key=str(k),
            capacity=tuple(float(c) for c in rng.choice([0.0, 1.0, 2.5, 4.0], size=2)),
            purchases=(
                Priced(usd_per_h=(price := float(rng.uniform(0.5, 3)))),
                Priced(usd_per_h=price * float(rng.uniform(0.4, 0.9)), committed=True),
            ),
        )
        for k in range(2)
    )
    rates = (float(rng.uniform(0.5, 3)), float(rng.uniform(0.5, 3)))
    return Problem(rates=rates, kinds=kinds, periods=periods(rng, 2, 2))


def two_classes_by_enumeration(problem: Problem) -> float:
    plain = tuple(Kind(key=k.key, capacity=k.capacity, purchases=k.purchases[:1]) for k in problem.kinds)
    needs = [
        range(math.ceil(1.7 * sum(r / c for r, c in zip(problem.rates, k.capacity, strict=True) if c)) + 1)
        for k in problem.kinds
    ]
    totals = list(itertools.product(*needs))
    holding = []
    for period in problem.periods:
        rates = tuple(r * s for r, s in zip(problem.rates, period.scale, strict=True))
        scaled = Problem(rates=rates, kinds=plain)
        holding.append([counts for counts in totals if holds_two_classes(scaled, counts)])
    best = math.inf
    for fixed in totals:
        cost = sum(n * k.purchases[1].usd_per_h for n, k in zip(fixed, problem.kinds, strict=True))
        for period, counts in zip(problem.periods, holding, strict=True):
            hourly = (
                sum(
                    max(0, n - f) * k.purchases[0].usd_per_h
                    for n, f, k in zip(row, fixed, problem.kinds, strict=True)
                )
                for row in counts
            )
            cost += period.time_frac * min(hourly, default=math.inf)
        best = min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(10))
def test_two_classes_over_periods_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(2000 + seed)
    for _ in range(12):
        problem = draw_two_classes(rng)
        mix, truth = cheapest(problem), two_classes_by_enumeration(problem)
        if mix is None:
            assert truth == math.inf
        else:
            assert mix.usd_per_h == pytest.approx(truth, rel=3e-6)


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_load_over_periods_is_the_largest(seed: int) -> None:
    """At the budget that a load needs, just this load can be had; at less, less."""
    problem = draw_two_classes(np.random.default_rng(3000 + seed))
    mix = cheapest(problem)
    if mix is None:
        return
    whole = most_load(problem, usd_per_h=mix.usd_per_h * (1 + 1e-6))
    assert whole is not None
    assert whole.served_frac == pytest.approx(1.0, rel=1e-5)
    less = most_load(problem, usd_per_h=mix.usd_per_h * (1 - 1e-3))
    assert less is None or less.served_frac < 1 - 1e-6


CLOSE_FRAC = 2e-3


@pytest.mark.parametrize("seed", range(10))
def test_branching_on_commitments_against_enumeration(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the programme of everything at first, what is proven of the mix is true."""
    monkeypatch.setattr(tied, "DIRECT_PART", 0.0)
    monkeypatch.setattr(tied, "OWN_PART", 0.0)
    rng = np.random.default_rng(4000 + seed)
    for _ in range(12):
        problem = draw_two_classes(rng)
        truth = two_classes_by_enumeration(problem)
        mix = tied.close_to_cheapest(problem, gap_frac=CLOSE_FRAC, time_limit_s=20.0)
        if mix is None:
            assert truth == math.inf
        else:
            assert mix.usd_per_h * (1 - mix.gap_frac) * (1 - 1e-6) <= truth <= mix.usd_per_h * (1 + 1e-6)
            assert mix.gap_frac <= CLOSE_FRAC * (1 + 1e-6)
            assert mix.usd_per_h == pytest.approx(cost_usd_per_h(problem, mix), rel=1e-9)


def test_branching_keeps_stock_for_what_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commitments draw from a quota in every period, also where they stand idle."""
    monkeypatch.setattr(tied, "DIRECT_PART", 0.0)
    monkeypatch.setattr(tied, "OWN_PART", 0.0)
    rng = np.random.default_rng(5000)
    seen = 0
    while seen < 40:
        problem = draw_one_class(rng)
        heaviest = max(p.scale[0] for p in problem.periods) * problem.rates[0]
        if len(problem.periods) < 2 or heaviest > 8 or problem.spare_domains:
            continue
        seen += 1
        truth = cheapest_by_enumeration(problem)
        mix = tied.close_to_cheapest(problem, gap_frac=CLOSE_FRAC, time_limit_s=20.0)
        if mix is None:
            assert truth == math.inf
        elif max(n for part in mix.by_period for row in part.bought for n in row) < MOST:
            assert mix.usd_per_h * (1 - mix.gap_frac) * (1 - 1e-6) <= truth <= mix.usd_per_h * (1 + 1e-6)
            assert mix.gap_frac <= CLOSE_FRAC * (1 + 1e-6)
