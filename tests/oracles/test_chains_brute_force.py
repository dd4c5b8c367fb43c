"""The programme with chains against enumeration of every purchase, with the ratio as one linear programme.

For given whole units the least spend per task that ends right is a linear-fractional programme;
A. Charnes and W. W. Cooper, "Programming with linear fractional functionals", 1962, turn it into a
linear one by scaling. That is done here for every vector of units, without the planner's rows:
tries are handed to owners one by one, level by level, instead of by nested sums.
"""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.fleet.programme.chain import Ask, Chain, Skill, TaskRules
from planner.fleet.programme.problem import Kind, Metered, Mix, Priced, Problem
from planner.fleet.solve.mix import cheapest
from planner.fleet.solve.ratio import right_per_h
from planner.fleet.solve.task_solve import Aim, best_for_tasks, bill_usd_per_h, without_extras

SOLVERS = ("small", "large")


def draw(rng: np.random.Generator, *, levels: int) -> Problem:
    """One class with tasks, and sometimes a plain one beside it; small enough to enumerate."""
    plain = bool(rng.random() < 0.4)
    n_kinds = int(rng.integers(1, 4))
    kinds = tuple(
        Kind(
            key=f"k{k}",
            capacity=(float(rng.uniform(1, 6)), float(rng.uniform(1, 6)))[: 1 + plain],
            purchases=(Priced(usd_per_h=float(rng.uniform(0.5, 4)), pool="all", pool_use=1),),
            skill=Skill(
                solver=(str(rng.choice(SOLVERS)), "")[: 1 + plain],
                level=(int(rng.integers(0, levels)), 0)[: 1 + plain],
            ),
        )
        for k in range(n_kinds)
    )
    offers = tuple(
        Metered(
            key=f"api {solver}",
            usd_per_h=(float(rng.uniform(3, 40)), None)[: 1 + plain],
            skill=Skill(
                solver=(solver, "")[: 1 + plain], level=(int(rng.integers(0, levels)), 0)[: 1 + plain]
            ),
        )
        for solver in SOLVERS
        if rng.random() < 0.6
    )
    chains = tuple(
        Chain(
            key=f"c{c}",
            klass=0,
            asks=tuple(
                Ask(solver=solver, level=int(rng.integers(0, levels)), tries=float(rng.uniform(0.2, 2)))
                for solver in SOLVERS
                if rng.random() < 0.75
            ),
            usd_per_h=float(rng.uniform(0, 5)),
            tasks_per_h=10.0,
            right_per_h=float(rng.uniform(3, 10)),
        )
        for c in range(int(rng.integers(1, 5)))
    )
    return Problem(
        rates=(float(rng.uniform(1, 6)), float(rng.uniform(0.5, 3)))[: 1 + plain],
        kinds=kinds,
        offers=offers,
        stock={"all": int(rng.integers(1, 5))},
        tasks=TaskRules(
            chains=chains,
            classes=frozenset({0}),
            right_min=(float(rng.choice([0.0, 0.0, 0.6])), 0.0)[: 1 + plain],
        ),
    )


def of_units(problem: Problem, counts: tuple[int, ...], *, budget: float, ratio: bool) -> float:
    """Return the least ratio, or the least spend, with given units; infinite where there is none.

    Columns: z of each chain, a flow from every (chain, ask) to every owner, the plain class's
    shares, and the scale 1 / R of Charnes and Cooper (fixed at 1 for plain spend).
    """
    rules, owners = problem.tasks, (*problem.kinds, *problem.offers)
    flows = [
        (c, a, o)
        for c, chain in enumerate(rules.chains)
        for a, ask in enumerate(chain.asks)
        for o, owner in enumerate(owners)
        if owner.skill.of(0)[0] == ask.solver and owner.skill.of(0)[1] <= ask.level
    ]
    plain = list(range(len(problem.kinds))) if len(problem.rates) > 1 else []
    n = len(rules.chains) + len(flows) + len(plain) + 1
    scale, first_flow, first_plain = n - 1, len(rules.chains), len(rules.chains) + len(flows)
    cost, right = np.zeros(n), np.zeros(n)
    cost[scale] = sum(k * kind.purchases[0].usd_per_h for k, kind in zip(counts, problem.kinds, strict=True))
    bill = cost.copy()
    equal, to, upper, most = [], [], [], []
    one = np.zeros(n)
    for c, chain in enumerate(rules.chains):
        cost[c], right[c], one[c] = chain.usd_per_h, chain.right_per_h, 1.0
        for a, ask in enumerate(chain.asks):
            row = np.zeros(n)
            row[c] = -ask.tries
            for f, (other, which, _) in enumerate(flows):
                row[first_flow + f] = float((other, which) == (c, a))
            equal.append(row)
            to.append(0.0)
    one[scale] = -1.0
    equal.append(one)
    to.append(0.0)
    if plain:
        row = np.zeros(n)
        row[first_plain:scale] = 1.0
        row[scale] = -1.0
        equal.append(row)
        to.append(0.0)
    for f, (_, _, o) in enumerate(flows):
        if o >= len(problem.kinds):
            price = problem.offers[o - len(problem.kinds)].usd_per_h[0] or 0.0
            cost[first_flow + f] += price
            bill[first_flow + f] += price
    for k, kind in enumerate(problem.kinds):
        row = np.zeros(n)
        for f, (_, _, o) in enumerate(flows):
            row[first_flow + f] = problem.rates[0] / kind.capacity[0] * (o == k)
        for place, own in enumerate(plain):
            row[first_plain + place] = problem.rates[1] / kind.capacity[1] * (own == k)
        row[scale] = -counts[k]
        upper.append(row)
        most.append(0.0)
    if rules.right_min[0]:
        row = np.zeros(n)
        for c, chain in enumerate(rules.chains):
            row[c] = rules.right_min[0] - chain.right_per_h / chain.tasks_per_h
        upper.append(row)
        most.append(0.0)
    if math.isfinite(budget):
        row = bill.copy()
        row[scale] -= budget
        upper.append(row)
        most.append(0.0)
    equal.append(right if ratio else np.eye(n)[scale])
    to.append(1.0)
    found = linprog(cost, np.array(upper), most, np.array(equal), to, bounds=(0, None))
    return float(found.fun) if found.status == 0 else math.inf


def truth(problem: Problem, *, budget: float = math.inf, ratio: bool = True) -> float:
    stock = int(problem.stock["all"])
    return min(
        of_units(problem, counts, budget=budget, ratio=ratio)
        for counts in itertools.product(range(stock + 1), repeat=len(problem.kinds))
        if sum(counts) <= stock
    )


def solved(problem: Problem, aim: Aim) -> Mix | None:
    return best_for_tasks(problem, aim, lambda asked, fewest: cheapest(asked, fewest_kinds=fewest))


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("seed", range(6))
def test_spend_per_right_end_against_enumeration(seed: int, levels: int) -> None:
    rng = np.random.default_rng([seed, levels])
    feasible = 0
    for _ in range(25):
        problem = draw(rng, levels=levels)
        mix, least = solved(problem, Aim(per_right=True)), truth(problem)
        if mix is None:
            assert least == math.inf
            continue
        feasible += 1
        assert mix.usd_per_h / right_per_h(problem, mix) == pytest.approx(least, rel=2e-6)
        assert mix.gap_frac < 1e-5
    assert feasible >= 5


@pytest.mark.parametrize("seed", range(4))
def test_least_spend_with_a_floor_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(50 + seed)
    for _ in range(25):
        problem = draw(rng, levels=2)
        mix, least = solved(problem, Aim(per_right=False)), truth(problem, ratio=False)
        assert (mix.usd_per_h if mix else math.inf) == pytest.approx(least, rel=2e-6)


def test_a_budget_on_the_bill_against_enumeration() -> None:
    rng = np.random.default_rng(70)
    bound = 0
    for _ in range(160):
        problem = draw(rng, levels=2)
        free, cheap = solved(problem, Aim(per_right=True)), cheapest(without_extras(problem))
        if free is None or cheap is None:
            continue
        highest = bill_usd_per_h(problem, free)
        if cheap.usd_per_h >= highest * 0.99:
            continue
        budget = float(rng.uniform(cheap.usd_per_h, highest))
        mix, least = (
            solved(problem, Aim(per_right=True, budget_usd_per_h=budget)),
            truth(problem, budget=budget),
        )
        assert mix is not None
        bound += 1
        assert bill_usd_per_h(problem, mix) <= budget * (1 + 1e-6)
        assert mix.usd_per_h / right_per_h(problem, mix) == pytest.approx(least, rel=5e-6)
    assert bound >= 8


def test_a_budget_below_the_smallest_bill_is_answered_with_that_bill() -> None:
    problem = draw(np.random.default_rng(3), levels=1)
    cheap = cheapest(without_extras(problem))
    assert cheap is not None
    mix = solved(problem, Aim(per_right=True, budget_usd_per_h=0.5 * cheap.usd_per_h))
    assert mix is not None
    assert bill_usd_per_h(problem, mix) == pytest.approx(cheap.usd_per_h, rel=1e-6)
