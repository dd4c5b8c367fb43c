"""Laws of the programme beyond its optimum: duality, ties, shadow prices, reductions."""

import numpy as np
import pytest

from planner.fleet.programme.columns import Columns
from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.problem import Kind, Metered, Priced, Problem, cost_usd_per_h, load_units
from planner.fleet.programme.solution import mix_of
from planner.fleet.solve.mix import cheapest, shadow_prices


def draw(rng: np.random.Generator, *, n_kinds: int, n_classes: int, spare_units: int = 0) -> Problem:
    return Problem(
        rates=tuple(rng.uniform(0.5, 20, n_classes)),
        kinds=tuple(
            Kind(
                key=str(k),
                capacity=tuple(rng.uniform(0.5, 8, n_classes)),
                purchases=tuple(
                    Priced(usd_per_h=float(rng.uniform(0.5, 20)), units=int(rng.integers(1, 9)))
                    for _ in range(rng.integers(1, 3))
                ),
            )
            for k in range(n_kinds)
        ),
        offers=(Metered(key="api", usd_per_h=tuple(rng.uniform(1, 60, n_classes))),),
        spare_units=spare_units,
    )


@pytest.mark.parametrize("seed", range(10))
def test_duals_times_right_hand_sides_are_the_cost(seed: int) -> None:
    """Strong duality: without stock, demand rows alone have a right-hand side."""
    problem = draw(np.random.default_rng(seed), n_kinds=6, n_classes=3)
    columns = Columns(problem)
    cost, duals, _ = columns.programme.relax(columns.cost)
    assert float(duals[: len(problem.rates)].sum()) == pytest.approx(cost, rel=1e-6)
    assert (duals[len(problem.rates) :] <= 1e-9).all()


@pytest.mark.parametrize("seed", range(10))
def test_shadow_prices_times_rates_bound_the_cost_from_below(seed: int) -> None:
    problem = draw(np.random.default_rng(seed), n_kinds=6, n_classes=3)
    prices, mix = shadow_prices(problem), cheapest(problem)
    bound = sum(price * rate for price, rate in zip(prices, problem.rates, strict=True))
    assert bound <= mix.usd_per_h * (1 + 1e-6)


@pytest.mark.parametrize("spare_units", [0, 1])
@pytest.mark.parametrize("seed", range(15))
def test_leaving_out_the_dominated_changes_no_cost(seed: int, spare_units: int) -> None:
    problem = draw(np.random.default_rng(seed), n_kinds=12, n_classes=2, spare_units=spare_units)
    columns = Columns(problem)
    solved = columns.programme.solve(columns.cost)
    whole = mix_of(columns, solved)
    assert cheapest(problem).usd_per_h == pytest.approx(whole.usd_per_h, rel=1e-5)
    assert len(reduce(problem).problem.kinds) < len(problem.kinds)


@pytest.mark.parametrize("seed", range(10))
def test_a_mix_keeps_every_row(seed: int) -> None:
    problem = draw(np.random.default_rng(seed), n_kinds=5, n_classes=3, spare_units=seed % 2)
    mix = cheapest(problem)
    shares = np.array(mix.shares + mix.offer_shares)
    assert shares.sum(axis=0) == pytest.approx(np.ones(3))
    assert mix.usd_per_h == pytest.approx(cost_usd_per_h(problem, mix))
    for kind, bought, row in zip(problem.kinds, mix.bought, mix.shares, strict=True):
        units = sum(n * way.units for n, way in zip(bought, kind.purchases, strict=True))
        busy = load_units(problem, row, kind)
        assert busy + problem.spare_units * (busy > 0) <= units + 1e-5


def test_of_two_mixes_that_cost_the_same_the_one_with_fewer_kinds_is_taken() -> None:
    """Class a on X and b on Y costs 2; so does both on two of Z."""
    kinds = (
        Kind(key="x", capacity=(1.0, 0.0), purchases=(Priced(usd_per_h=1.0),)),
        Kind(key="y", capacity=(0.0, 1.0), purchases=(Priced(usd_per_h=1.0),)),
        Kind(key="z", capacity=(1.0, 1.0), purchases=(Priced(usd_per_h=1.0),)),
    )
    problem = Problem(rates=(1.0, 1.0), kinds=kinds[:2])
    assert cheapest(problem).kinds_used == 2
    mix = cheapest(Problem(rates=(1.0, 1.0), kinds=kinds))
    assert (mix.usd_per_h, mix.kinds_used) == (pytest.approx(2.0), 1)


def test_hardware_that_costs_nothing_is_not_taken_without_need() -> None:
    kind = Kind(key="own", capacity=(5.0,), purchases=(Priced(usd_per_h=0.0, pool="own", pool_use=1),))
    mix = cheapest(Problem(rates=(7.0,), kinds=(kind,), stock={"own": 9}))
    assert mix.bought == ((2,),)


def test_nothing_to_buy_is_no_mix() -> None:
    assert cheapest(Problem(rates=(1.0,))) is None
    assert shadow_prices(Problem(rates=(1.0,))) is None
