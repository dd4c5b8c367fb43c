"""The programme against enumeration of every purchase."""

import itertools
import math

import numpy as np
import pytest

from planner.fleet.programme.problem import Kind, Metered, Priced, Problem
from planner.fleet.solve.mix import cheapest, most_load


def draw_two_classes(rng: np.random.Generator) -> Problem:
    n_kinds = int(rng.integers(1, 4))
    kinds = tuple(
        Kind(
            key=f"k{k}",
            capacity=tuple(float(c) for c in rng.choice([0.0, 1.0, 2.5, 4.0, 7.0], size=2)),
            purchases=(Priced(usd_per_h=float(rng.uniform(0.2, 5.0))),),
        )
        for k in range(n_kinds)
    )
    return Problem(rates=(float(rng.uniform(0.5, 9)), float(rng.uniform(0.5, 9))), kinds=kinds)


def holds_two_classes(problem: Problem, counts: tuple[int, ...]) -> bool:
    """Whether the counts can serve both classes: give the first class the units that are best at it."""
    pairs = [(n, kind.capacity) for n, kind in zip(counts, problem.kinds, strict=True) if n]
    pairs.sort(key=lambda pair: -pair[1][0] / pair[1][1] if pair[1][1] else -math.inf)
    wanted, second = problem.rates[0], 0.0
    for n, (first_capacity, second_capacity) in pairs:
        busy = min(float(n), wanted / first_capacity) if first_capacity else 0.0
        wanted -= busy * first_capacity
        second += (n - busy) * second_capacity
    return wanted <= 1e-9 and second >= problem.rates[1] - 1e-9


def cheapest_by_enumeration(problem: Problem) -> float:
    best = math.inf
    limits = []
    for kind in problem.kinds:
        needs = [rate / c for rate, c in zip(problem.rates, kind.capacity, strict=True) if c]
        limits.append(range(math.ceil(sum(needs)) + 1))
    for counts in itertools.product(*limits):
        cost = sum(n * kind.purchases[0].usd_per_h for n, kind in zip(counts, problem.kinds, strict=True))
        if cost < best and holds_two_classes(problem, counts):
            best = cost
    return best


@pytest.mark.parametrize("seed", range(6))
def test_cost_of_two_classes_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(40):
        problem = draw_two_classes(rng)
        mix, truth = cheapest(problem), cheapest_by_enumeration(problem)
        if mix is None:
            assert truth == math.inf
        else:
            assert mix.usd_per_h == pytest.approx(truth, rel=2e-6)


def draw_one_class(rng: np.random.Generator) -> Problem:
    kinds = tuple(
        Kind(
            key=f"k{k}",
            capacity=(float(rng.uniform(0.5, 6)),),
            purchases=(
                Priced(usd_per_h=float(rng.uniform(0.2, 4)), units=int(rng.integers(1, 5))),
                Priced(usd_per_h=float(rng.uniform(0, 1)), pool="owned", pool_use=int(rng.integers(1, 3))),
            ),
        )
        for k in range(2)
    )
    return Problem(
        rates=(float(rng.uniform(1, 12)),),
        kinds=kinds,
        offers=(Metered(key="api", usd_per_h=(float(rng.uniform(1, 20)),)),) if rng.random() < 0.6 else (),
        stock={"owned": int(rng.integers(0, 4))},
        spare_units=int(rng.integers(0, 3)),
    )


def cheapest_of_one_class(problem: Problem) -> float:
    """Enumerate purchases; what they cannot serve goes to the offer, if there is one."""
    best, rate = math.inf, problem.rates[0]
    limits = [
        range(math.ceil(rate / kind.capacity[0]) + problem.spare_units + 1)
        for kind in problem.kinds
        for _ in kind.purchases
    ]
    for counts in itertools.product(*limits):
        rows = list(zip(counts[::2], counts[1::2], problem.kinds, strict=True))
        if sum(owned * kind.purchases[1].pool_use for _, owned, kind in rows) > problem.stock["owned"]:
            continue
        cost = sum(
            rented * kind.purchases[0].usd_per_h + owned * kind.purchases[1].usd_per_h
            for rented, owned, kind in rows
        )
        served = sum(
            max(0, rented * kind.purchases[0].units + owned - problem.spare_units) * kind.capacity[0]
            for rented, owned, kind in rows
        )
        missing_frac = max(0.0, 1 - served / rate)
        if missing_frac > 1e-9 and not problem.offers:
            continue
        overflow = missing_frac * (problem.offers[0].usd_per_h[0] or 0.0) if problem.offers else 0.0
        best = min(best, cost + overflow)
    return best


@pytest.mark.parametrize("seed", range(3))
def test_cost_with_spares_stock_instances_and_an_offer_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    for _ in range(20):
        problem = draw_one_class(rng)
        mix, truth = cheapest(problem), cheapest_of_one_class(problem)
        if mix is None:
            assert truth == math.inf
        else:
            assert mix.usd_per_h == pytest.approx(truth, rel=2e-6, abs=1e-6)


def test_largest_load_within_a_budget_against_enumeration() -> None:
    rng = np.random.default_rng(7)
    for _ in range(60):
        problem = draw_two_classes(rng)
        if cheapest(problem) is None:
            continue
        budget = float(rng.uniform(0.3, 1.0)) * cheapest_by_enumeration(problem)
        mix = most_load(problem, usd_per_h=budget)
        part = mix.served_frac if mix else 0.0
        affordable = [
            counts
            for counts in itertools.product(*(range(12) for _ in problem.kinds))
            if sum(n * k.purchases[0].usd_per_h for n, k in zip(counts, problem.kinds, strict=True)) <= budget
        ]

        def holds(share: float, problem: Problem = problem, affordable: list = affordable) -> bool:
            smaller = Problem(rates=tuple(rate * share for rate in problem.rates), kinds=problem.kinds)
            return any(holds_two_classes(smaller, counts) for counts in affordable)

        assert part < 1e-3 or holds(part * (1 - 1e-4))
        assert part > 0.999 or not holds(part + 1e-3)
