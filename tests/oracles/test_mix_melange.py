"""The programme against Melange's formulation: slices of each size bucket, sent whole to one GPU type."""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from planner.fleet.programme.problem import Kind, Priced, Problem
from planner.fleet.solve.mix import cheapest

SLICES = 3


def melange_cost(rates, capacity, prices, slices) -> float | None:
    """Solve equations 1-5 of arXiv 2404.14527: x[s, g] assigns slice s to type g, y[g] counts."""
    n_slices, n_types = len(rates) * slices, len(prices)
    size = n_slices * n_types + n_types
    cost = np.concatenate([np.zeros(n_slices * n_types), prices])
    rows, lower, upper = [], [], []
    for s in range(n_slices):
        row = np.zeros(size)
        row[s * n_types : (s + 1) * n_types] = 1
        rows.append(row)
        lower.append(1)
        upper.append(1)
    for g in range(n_types):
        row = np.zeros(size)
        for s in range(n_slices):
            row[s * n_types + g] = rates[s // slices] / slices / capacity[g][s // slices]
        row[n_slices * n_types + g] = -1
        rows.append(row)
        lower.append(-np.inf)
        upper.append(0)
    most = np.concatenate([np.ones(n_slices * n_types), np.full(n_types, np.inf)])
    solved = milp(
        cost,
        integrality=np.ones(size),
        bounds=Bounds(0, most),
        constraints=LinearConstraint(np.array(rows), lower, upper),
        options={"mip_rel_gap": 1e-9},
    )
    return float(solved.fun) if solved.success else None


def draw(rng: np.random.Generator):
    n_buckets, n_types = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    rates = rng.uniform(0.5, 8, size=n_buckets)
    capacity = rng.uniform(0.5, 6, size=(n_types, n_buckets))
    prices = rng.uniform(0.5, 5, size=n_types)
    return rates, capacity, prices


def problem_of(rates, capacity, prices, *, whole_classes: bool) -> Problem:
    return Problem(
        rates=tuple(map(float, rates)),
        kinds=tuple(
            Kind(
                key=str(g),
                capacity=tuple(map(float, capacity[g])),
                purchases=(Priced(usd_per_h=float(prices[g])),),
            )
            for g in range(len(prices))
        ),
        whole_classes=whole_classes,
    )


@pytest.mark.parametrize("seed", range(40))
def test_fractional_routing_never_costs_more_than_melange(seed: int) -> None:
    rates, capacity, prices = draw(np.random.default_rng(seed))
    mix = cheapest(problem_of(rates, capacity, prices, whole_classes=False))
    theirs = melange_cost(rates, capacity, prices, SLICES)
    assert mix is not None
    assert theirs is not None
    assert mix.usd_per_h <= theirs * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_whole_slices_cost_the_same_as_melange(seed: int) -> None:
    rates, capacity, prices = draw(np.random.default_rng(seed))
    sliced = problem_of(
        np.repeat(rates / SLICES, SLICES), np.repeat(capacity, SLICES, axis=1), prices, whole_classes=True
    )
    mix = cheapest(sliced)
    theirs = melange_cost(rates, capacity, prices, SLICES)
    assert mix is not None
    assert mix.usd_per_h == pytest.approx(theirs, rel=2e-6)


def test_melange_example_of_two_buckets() -> None:
    """Short requests on the small GPU, long ones on the large: cheaper than either alone."""
    mixed = problem_of([6.0, 2.0], [[4.0, 0.4], [9.0, 4.0]], [1.0, 3.6], whole_classes=False)
    mix = cheapest(mixed)
    assert mix is not None
    assert mix.bought == ((1,), (1,))
    assert mix.usd_per_h == pytest.approx(4.6)
