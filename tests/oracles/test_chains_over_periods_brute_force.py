"""Chains over periods with commitments against enumeration of every commitment and purchase.

With what is committed given, and a price q of right ends, the periods do not depend on each other, and
each is enumerated. The least spend per right end is where the spend less q for every right end is 0.
"""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from planner.fleet.programme.problem import Period, Priced, Problem
from planner.fleet.solve.ratio import right_per_h
from planner.fleet.solve.task_solve import Aim
from tests.oracles.test_chains_brute_force import draw, of_units, solved


def drawn(rng: np.random.Generator) -> Problem:
    """One class with tasks, sometimes a plain one, two or three periods, and a way to commit to each kind."""
    problem = draw(rng, levels=2)
    weights = rng.uniform(0.2, 1, int(rng.integers(2, 4)))
    kinds = []
    for kind in problem.kinds:
        hourly = kind.purchases[0]
        committed = Priced(
            usd_per_h=hourly.usd_per_h * float(rng.uniform(0.4, 0.9)),
            committed=True,
            pool="all",
            pool_use=1,
        )
        kinds.append(replace(kind, purchases=(hourly, committed)))
    return replace(
        problem,
        kinds=tuple(kinds),
        periods=tuple(
            Period(
                time_frac=float(weight),
                scale=tuple(float(s) for s in rng.choice([0.3, 0.6, 1.0], len(problem.rates))),
            )
            for weight in weights / weights.sum()
        ),
        stock={"all": min(3, int(problem.stock["all"]))},
    )


def in_period(problem: Problem, period: Period, right_usd: float) -> Problem:
    """Return one period with the whole of its load, units for nothing, and right ends paid for."""
    scale, rules = period.scale[0], problem.tasks
    return replace(
        problem,
        rates=tuple(rate * s for rate, s in zip(problem.rates, period.scale, strict=True)),
        kinds=tuple(
            replace(kind, purchases=(replace(kind.purchases[0], usd_per_h=0.0),)) for kind in problem.kinds
        ),
        offers=tuple(
            replace(one, usd_per_h=tuple(p if p is None else scale * p for p in one.usd_per_h))
            for one in problem.offers
        ),
        periods=(),
        tasks=replace(
            rules,
            chains=tuple(
                replace(
                    chain,
                    usd_per_h=scale * (chain.usd_per_h - right_usd * chain.right_per_h),
                    tasks_per_h=scale * chain.tasks_per_h,
                    right_per_h=scale * chain.right_per_h,
                )
                for chain in rules.chains
            ),
        ),
    )


def truth(problem: Problem, right_usd: float = 0.0) -> float:
    """Return the least spend less what right ends are worth [USD/h]; infinite where there is none."""
    stock = int(problem.stock["all"])
    vectors = [
        counts
        for counts in itertools.product(range(stock + 1), repeat=len(problem.kinds))
        if sum(counts) <= stock
    ]
    posed = [in_period(problem, period, right_usd) for period in problem.periods]
    running = [{n: of_units(one, n, budget=math.inf, ratio=False) for n in vectors} for one in posed]
    hourly, committed = (np.array([kind.purchases[p].usd_per_h for kind in problem.kinds]) for p in (0, 1))
    best = math.inf
    for fixed in vectors:
        cost = float(committed @ fixed)
        for period, found in zip(problem.periods, running, strict=True):
            cost += period.time_frac * min(
                (
                    value + float(hourly @ (np.array(n) - fixed))
                    for n, value in found.items()
                    if all(np.array(n) >= fixed)
                ),
                default=math.inf,
            )
        best = min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(4))
def test_least_spend_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(900 + seed)
    feasible = 0
    for _ in range(6):
        problem = drawn(rng)
        mix, least = solved(problem, Aim(per_right=False)), truth(problem)
        feasible += mix is not None
        assert (mix.usd_per_h if mix else math.inf) == pytest.approx(least, rel=3e-6)
    assert feasible


@pytest.mark.parametrize("seed", range(4))
def test_no_plan_spends_less_per_right_end(seed: int) -> None:
    rng = np.random.default_rng(950 + seed)
    feasible = 0
    for _ in range(6):
        problem = drawn(rng)
        mix = solved(problem, Aim(per_right=True))
        if mix is None:
            assert truth(problem) == math.inf
            continue
        feasible += 1
        per_right = mix.usd_per_h / right_per_h(problem, mix)
        assert truth(problem, per_right) == pytest.approx(0.0, abs=1e-5 * mix.usd_per_h)
    assert feasible
