"""Prices shared out over periods: bounds that hold, rise, and sum to the price of a commitment."""

import numpy as np
import pytest

from planner.fleet.programme.columns import Columns
from planner.fleet.programme.problem import Problem
from planner.fleet.solve.ascent import Ascent
from planner.fleet.solve.box import everything
from planner.fleet.solve.boxes import PERIOD_GAP_FRAC, Periods
from planner.fleet.solve.mix import cheapest
from planner.fleet.solve.tied import _commitments
from tests.oracles.test_periods_brute_force import draw_two_classes

FOREVER_S = float("inf")


def ascent_of(problem: Problem, rng: np.random.Generator) -> Ascent | None:
    """Start at prices shared out at random."""
    periods = Periods(problem, _commitments(Columns(problem)))
    shared = periods.fair(rng.uniform(0, 1, periods.present.shape))
    box = everything(periods.ways)
    parts = periods.solve(box, shared, ends_at_s=FOREVER_S)
    return None if parts is None else Ascent(periods, box, shared, parts)


@pytest.mark.parametrize("seed", range(8))
def test_steps_raise_a_bound_that_no_mix_undercuts(seed: int) -> None:
    rng = np.random.default_rng(6000 + seed)
    risen = 0
    for _ in range(6):
        problem = draw_two_classes(rng)
        ascent, mix = ascent_of(problem, rng), cheapest(problem)
        if ascent is None or mix is None:
            continue
        for _ in range(12):
            before = ascent.lowest_usd_per_h
            better = ascent.step(ends_at_s=FOREVER_S)
            risen += better
            assert ascent.lowest_usd_per_h > before if better else ascent.lowest_usd_per_h == before
            assert ascent.shared.min() >= 0
            assert ascent.shared.sum(axis=1) == pytest.approx(ascent.periods.prices)
            if ascent.is_over:
                break
        assert ascent.lowest_usd_per_h <= mix.usd_per_h * (1 + 3e-6)
    assert risen


@pytest.mark.parametrize("seed", range(6))
def test_what_is_known_of_a_period_bounds_it_in_smaller_boxes(seed: int) -> None:
    """A cut is no less than what the period costs at other prices and with more commitments at least."""
    rng = np.random.default_rng(7000 + seed)
    checked = 0
    for _ in range(6):
        problem = draw_two_classes(rng)
        ascent = ascent_of(problem, rng)
        if ascent is None:
            continue
        periods = ascent.periods
        box = everything(periods.ways).at_least(0, 1.0)
        shared = periods.fair(rng.uniform(0, 1, ascent.shared.shape))
        cuts = [list(periods.cuts(t, box)) for t in range(len(problem.spans))]
        parts = periods.solve(box, shared, ends_at_s=FOREVER_S)
        if parts is None:
            continue
        for t, part in enumerate(parts):
            for wanted, usd in cuts[t]:
                checked += 1
                assert part.lowest_usd <= usd + float(shared[:, t] @ wanted) + 2 * PERIOD_GAP_FRAC * (
                    1 + part.lowest_usd
                )
    assert checked
