"""Cost per reliable task: by hand, in closed form, and in its limits."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.fleet.tasks.reliable import DIFFICULTIES, Policy, Tier, cascade, interval
from planner.fleet.tasks.retries import Tries, Verifier, attempt, fit
from workloads.tasks import Success

SHARES = st.floats(0.05, 0.95)
PERFECT = Verifier(false_accept=0.0)
ROUGH = 4 / DIFFICULTIES


def tier(mean: float, correlation: float, usd: float = 0.1, error: float | None = None) -> Tier:
    return Tier(
        name="m", tries=Tries(mean=mean, correlation=correlation), usd_per_try=usd, standard_error=error
    )


def test_a_cascade_by_hand() -> None:
    """Independent tries: 0.5 then 0.8 solved of what is left; the person gets 0.1 of the tasks."""
    policy = Policy(verifier=Verifier(false_accept=0.0, usd=0.01), person_usd=10.0)
    spent = cascade([tier(0.5, 0.0, 0.1), tier(0.8, 0.0, 1.0)], policy)
    assert spent.solved == pytest.approx((0.5, 0.4))
    assert spent.left == pytest.approx(0.1)
    assert spent.usd_per_task == pytest.approx(0.11 + 0.5 * 1.01 + 0.1 * 10)
    assert spent.reliable == pytest.approx(1.0)
    assert spent.break_even_usd == pytest.approx((0.11 + 0.5 * 1.01) / 0.9)


def test_tasks_that_always_fail_gain_nothing_from_a_weaker_tier() -> None:
    """r = 1 and one order of difficulty: the second model solves what the first solved, no more."""
    spent = cascade([tier(0.6, 1.0), tier(0.6, 1.0)], Policy(up_to=3, verifier=PERFECT))
    assert spent.solved == pytest.approx((0.6, 0.0), abs=ROUGH)
    assert spent.tries == pytest.approx((0.6 + 0.4 * 3, 0.4 * 3), abs=3 * ROUGH)


@settings(max_examples=40, deadline=None)
@given(SHARES, st.floats(0, 1), st.integers(1, 6), st.floats(0, 0.3), st.floats(0, 0.3))
def test_one_tier_is_the_closed_form(m: float, r: float, up_to: int, accept: float, reject: float) -> None:
    verifier = Verifier(usd=0.02, false_accept=accept, false_reject=reject)
    spent = cascade([tier(m, r)], Policy(up_to=up_to, verifier=verifier))
    exact = attempt(Tries(mean=m, correlation=r), verifier, up_to=up_to)
    assert spent.solved[0] == pytest.approx(exact.right, abs=ROUGH)
    assert spent.wrong == pytest.approx(exact.wrong, abs=ROUGH)
    assert spent.left == pytest.approx(exact.open, abs=ROUGH)
    assert spent.tries[0] == pytest.approx(exact.tries, abs=up_to * ROUGH)
    assert spent.usd_per_task == pytest.approx(spent.tries[0] * 0.12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SHARES, st.floats(0, 1)), min_size=1, max_size=3), st.floats(0, 0.3))
def test_every_task_ends_one_way(found: list[tuple[float, float]], accept: float) -> None:
    spent = cascade([tier(m, r) for m, r in found], Policy(up_to=2, verifier=Verifier(false_accept=accept)))
    assert sum(spent.solved) + spent.wrong + spent.left == pytest.approx(1)


def test_without_a_verifier_the_first_result_is_taken() -> None:
    spent = cascade([tier(0.7, 0.3, 0.2), tier(0.9, 0.3)], Policy(up_to=5))
    assert spent.tries == pytest.approx((1.0, 0.0))
    assert spent.usd_per_reliable_task == pytest.approx(0.2 / 0.7, rel=ROUGH)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 50))
def test_at_the_break_even_price_a_person_alone_costs_the_same(other: float) -> None:
    tiers = [tier(0.4, 0.4, 0.3), tier(0.6, 0.3, 0.9)]
    verifier = Verifier(false_accept=0.05, false_reject=0.1)
    price = cascade(tiers, Policy(verifier=verifier, person_usd=other)).break_even_usd
    assert price is not None
    even = cascade(tiers, Policy(verifier=verifier, person_usd=price))
    assert even.usd_per_reliable_task == pytest.approx(price)


def test_the_interval_narrows_with_more_tasks_and_is_missing_where_they_are_unknown() -> None:
    policy = Policy(up_to=2, verifier=PERFECT)
    few, many = (interval([tier(0.5, 0.4, error=e)], policy) for e in (0.07, 0.01))
    assert few is not None
    assert many is not None
    assert few.p50 == many.p50 == cascade([tier(0.5, 0.4)], policy).usd_per_reliable_task
    assert few.p10 < many.p10 < many.p90 < few.p90
    assert interval([tier(0.5, 0.4)], policy) is None


def test_one_try_costs_its_price_over_the_success_and_errs_as_the_success_does() -> None:
    """RTC = c / m, so its relative error is that of m."""
    found = interval([tier(0.5, 0.4, error=0.02)], Policy())
    assert found is not None
    assert found.sigma_log == pytest.approx(0.02 / 0.5, rel=0.02)


def test_nothing_solved_has_no_price() -> None:
    spent = cascade([tier(0.0, 0.5)], Policy())
    assert spent.usd_per_reliable_task is None
    assert spent.break_even_usd is None
    assert interval([tier(0.0, 0.5, error=0.01)], Policy()) is None


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Benchmarks of 50 tasks with 4 tries, drawn from a known truth, fitted and priced anew each time."""
    truth, policy, runs = Tries(mean=0.55, correlation=0.4), Policy(up_to=2, verifier=PERFECT), 300
    draw = np.random.default_rng(11)
    exact = cascade([tier(truth.mean, truth.correlation)], policy).usd_per_reliable_task
    ahead, held = 1 / truth.correlation - 1, 0
    for _ in range(runs):
        right = draw.binomial(4, draw.beta(truth.mean * ahead, (1 - truth.mean) * ahead, 50))
        shares = {k: float(np.mean([comb(n, k) / comb(4, k) for n in right])) for k in (1, 2, 3, 4)}
        found = fit(Success(benchmark="b", model="m", source="s", all_of=shares))
        assert found is not None
        error = found.tries.standard_error(n_tasks=50, tries_per_task=4)
        seen = interval([tier(found.tries.mean, found.tries.correlation, error=error)], policy)
        held += seen is not None and seen.p10 <= exact <= seen.p90
    assert held / runs == pytest.approx(0.8, abs=0.08)
