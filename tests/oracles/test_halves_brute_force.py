"""Prefill and decode units in the programme against enumeration, with flows cut by Hall's theorem."""

import itertools
import math

import numpy as np
import pytest

from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.lanes import pairs
from planner.fleet.programme.problem import Kind, Metered, Priced, Problem
from planner.fleet.solve.mix import cheapest
from planner.role import HALVES, Role

MOST = 3
"""Units of a kind that are tried: capacities are drawn so that more are never of use."""


def draw(rng: np.random.Generator, *, classes: int = 1) -> Problem:
    kinds = []
    for number in range(int(rng.integers(2, 5))):
        role = (Role.WHOLE, *HALVES)[int(rng.choice(3, p=(0.2, 0.4, 0.4)))]
        kinds.append(
            Kind(
                key=f"k{number}",
                capacity=tuple(float(c) for c in rng.uniform(2.0, 7.0, size=classes)),
                purchases=(Priced(usd_per_h=float(rng.uniform(0.3, 4.0))),),
                role=role,
                lane="" if role is Role.WHOLE else f"lane {int(rng.random() < 0.3)}",
                rank=int(rng.integers(0, 3)),
            )
        )
    offers = (Metered(key="api", usd_per_h=tuple(rng.uniform(2.0, 20.0, size=classes))),)
    return Problem(
        rates=tuple(float(rate) for rate in rng.uniform(1.0, 6.0, size=classes)),
        kinds=tuple(kinds),
        offers=offers if rng.random() < 0.5 else (),
    )


def most_handed_over(kinds: list[tuple[Kind, float]]) -> float:
    """Return the largest flow from prefill to decode units: the least cut over sets of prefill kinds."""
    total = 0.0
    for lane in {kind.lane for kind, _ in kinds}:
        readers, writers = (
            [(kind.rank, size) for kind, size in kinds if kind.lane == lane and kind.role is role]
            for role in HALVES
        )
        cuts = []
        for chosen in itertools.product((False, True), repeat=len(readers)):
            reached = [rank for (rank, _), inside in zip(readers, chosen, strict=True) if inside]
            outside = sum(size for (_, size), inside in zip(readers, chosen, strict=True) if not inside)
            cuts.append(outside + sum(size for rank, size in writers if any(r <= rank for r in reached)))
        total += min(cuts)
    return total


def cheapest_by_enumeration(problem: Problem) -> float:
    best, rate = math.inf, problem.rates[0]
    for counts in itertools.product(range(MOST + 1), repeat=len(problem.kinds)):
        sizes = [(kind, n * kind.capacity[0]) for n, kind in zip(counts, problem.kinds, strict=True)]
        served = sum(size for kind, size in sizes if kind.role is Role.WHOLE)
        served += most_handed_over([(kind, size) for kind, size in sizes if kind.role in HALVES])
        missing = max(0.0, 1.0 - served / rate)
        if missing > 1e-9 and not problem.offers:
            continue
        cost = sum(n * kind.purchases[0].usd_per_h for n, kind in zip(counts, problem.kinds, strict=True))
        best = min(
            best, cost + (missing * (problem.offers[0].usd_per_h[0] or 0.0) if problem.offers else 0.0)
        )
    return best


@pytest.mark.parametrize("seed", range(6))
def test_cost_of_halves_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    split = 0
    for _ in range(60):
        problem = draw(rng)
        mix, truth = cheapest(problem), cheapest_by_enumeration(problem)
        if mix is None:
            assert truth == math.inf
            continue
        assert mix.usd_per_h == pytest.approx(truth, rel=2e-6)
        split += any(
            any(shares) and kind.role in HALVES
            for shares, kind in zip(mix.shares, problem.kinds, strict=True)
        )
    assert split > 5


@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_is_served_and_goes_only_where_it_may(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    split = 0
    for _ in range(40):
        problem = draw(rng, classes=2)
        mix = cheapest(problem)
        if mix is None:
            continue
        for klass in range(2):
            parts = [row[klass] for row in mix.shares]
            handed = list(pairs(problem.kinds, parts))
            split += bool(handed)
            for place, kind in enumerate(problem.kinds):
                if kind.role in HALVES:
                    own = 0 if kind.role is Role.PREFILL else 1
                    assert sum(one[2] for one in handed if one[own] == place) == pytest.approx(
                        parts[place], abs=1e-6
                    )
            for reader, writer, part in handed:
                first, second = problem.kinds[reader], problem.kinds[writer]
                assert first.lane == second.lane
                assert first.rank <= second.rank
                assert part > 0
            served = sum(
                part for part, kind in zip(parts, problem.kinds, strict=True) if kind.role is not Role.PREFILL
            )
            assert served + sum(row[klass] for row in mix.offer_shares) == pytest.approx(1.0, abs=1e-6)
    assert split > 5


@pytest.mark.parametrize("seed", range(4))
def test_halves_never_cost_more_than_whole_kinds_alone(seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    compared = 0
    for _ in range(40):
        problem = draw(rng, classes=2)
        whole = tuple(kind for kind in problem.kinds if kind.role is Role.WHOLE)
        alone = cheapest(Problem(rates=problem.rates, kinds=whole, offers=problem.offers))
        both = cheapest(problem)
        if alone is not None:
            assert both is not None
            assert both.usd_per_h <= alone.usd_per_h * (1 + 1e-6)
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("seed", range(4))
def test_leaving_out_what_others_replace_changes_no_cost(seed: int) -> None:
    rng = np.random.default_rng(300 + seed)
    dropped = 0
    for _ in range(40):
        problem = draw(rng, classes=2)
        found, smaller = cheapest(problem), reduce(problem)
        dropped += len(problem.kinds) - len(smaller.problem.kinds)
        again = cheapest(smaller.problem)
        assert (found is None) == (again is None)
        if found is not None and again is not None:
            assert again.usd_per_h == pytest.approx(found.usd_per_h, rel=2e-6)
    assert dropped > 5
