"""Tries at a task: the limits in closed form, published shares, and a simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.fleet.tasks.retries import Tries, Verifier, attempt, fit, fitted
from tonnage.evidence import Evidence
from workloads import tasks

SHARES = st.floats(0.01, 0.99)
FLAWED = Verifier(false_accept=0.1, false_reject=0.2)


@settings(deadline=None)
@given(SHARES, st.floats(0.01, 0.99), st.integers(1, 8))
def test_shares_are_the_products_of_the_beta_binomial(m: float, r: float, k: int) -> None:
    a, b = m * (1 / r - 1), (1 - m) * (1 / r - 1)
    tries = Tries(mean=m, correlation=r)
    assert tries.all_of(k) == pytest.approx(math.prod((a + i) / (a + b + i) for i in range(k)))
    assert tries.any_of(k) == pytest.approx(1 - math.prod((b + i) / (a + b + i) for i in range(k)))


@settings(deadline=None)
@given(SHARES, st.integers(1, 10), st.floats(0, 0.5), st.floats(0, 0.4))
def test_independent_tries_are_geometric(m: float, r: int, accept: float, reject: float) -> None:
    """a + b to infinity: the number of tries is geometric with the chance that one is taken."""
    ended = attempt(
        Tries(mean=m, correlation=0.0), Verifier(false_accept=accept, false_reject=reject), up_to=r
    )
    taken = m * (1 - reject) + (1 - m) * accept
    assert ended.tries == pytest.approx((1 - (1 - taken) ** r) / taken)
    assert ended.open == pytest.approx((1 - taken) ** r, abs=1e-12)
    assert ended.right == pytest.approx((1 - ended.open) * m * (1 - reject) / taken)


@settings(deadline=None)
@given(SHARES, st.integers(1, 10))
def test_tries_that_always_agree_never_help(m: float, r: int) -> None:
    ended = attempt(Tries(mean=m, correlation=1.0), Verifier(false_accept=0.0), up_to=r)
    assert ended.right == pytest.approx(m)
    assert ended.tries == pytest.approx(m + (1 - m) * r)


@settings(deadline=None)
@given(SHARES, st.floats(0, 1), st.integers(1, 8))
def test_a_task_ends_one_way_and_more_tries_solve_no_less(m: float, r: float, up_to: int) -> None:
    tries = Tries(mean=m, correlation=r)
    now, more = (attempt(tries, FLAWED, up_to=n) for n in (up_to, up_to + 1))
    assert now.right + now.wrong + now.open == pytest.approx(1)
    assert more.right >= now.right - 1e-12
    assert more.open <= now.open + 1e-12


def test_the_closed_form_agrees_with_a_simulation() -> None:
    draw, n, up_to = np.random.default_rng(7), 200_000, 4
    tries = Tries(mean=0.42, correlation=0.45)
    ahead = 1 / tries.correlation - 1
    p = draw.beta(tries.mean * ahead, (1 - tries.mean) * ahead, n)
    still, right, count = np.ones(n, bool), np.zeros(n, bool), np.zeros(n)
    for _ in range(up_to):
        count += still
        good = draw.random(n) < p
        taken = draw.random(n) < np.where(good, 1 - FLAWED.false_reject, FLAWED.false_accept)
        right |= still & good & taken
        still &= ~taken
    ended = attempt(tries, FLAWED, up_to=up_to)
    for simulated, exact in ((right, ended.right), (still, ended.open), (count, ended.tries)):
        band = 4 * float(np.std(simulated)) / math.sqrt(n)
        assert float(np.mean(simulated)) == pytest.approx(exact, abs=band)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.0, 1.0))
def test_tasks_by_difficulty_have_the_moments(m: float, r: float) -> None:
    tries = Tries(mean=m, correlation=r)
    p = tries.easiest_first(4000)
    assert np.all(np.diff(p) <= 0)
    assert p.mean() == pytest.approx(m, abs=1e-3)
    assert (p**2).mean() == pytest.approx(tries.all_of(2), abs=1e-3)


def test_published_shares_are_reproduced_within_the_stated_miss() -> None:
    """One number per model and split carries the published shares of 2, 3 and 4 tries."""
    misses = []
    for row in tasks.rates():
        found = fit(row)
        if found is None:
            continue
        for k, share in row.all_of.items():
            assert found.tries.all_of(k) == pytest.approx(share, abs=found.largest_miss + 1e-12)
        if row.tasks and len(row.all_of) > 2:
            noise = found.tries.standard_error(n_tasks=row.tasks, tries_per_task=row.tries_per_task)
            misses.append(found.largest_miss / noise)
    assert len(misses) > 50
    assert float(np.median(misses)) < 0.5, "the miss is well below what the number of tasks can tell"


def test_published_tries_are_far_from_independent() -> None:
    """gpt-4o, airline: 0.42^4 = 0.03 were tries independent, and 0.20 was found."""
    (row,) = [r for r in tasks.success("gpt-4o", "tau-bench", split="airline") if r.agent == "tool-calling"]
    found = fit(row)
    assert found is not None
    assert found.tries.correlation > 0.3
    assert found.tries.all_of(4) == pytest.approx(0.20, abs=0.02)


def test_a_known_correlation_is_found_again() -> None:
    truth = Tries(mean=0.6, correlation=0.37)
    row = tasks.Success(
        benchmark="b", model="m", source="s",
        all_of={k: truth.all_of(k) for k in (1, 2, 3, 4)}, any_of={8: truth.any_of(8)},
    )  # fmt: skip
    found = fit(row)
    assert found is not None
    assert found.tries.correlation == pytest.approx(0.37, abs=1e-4)
    assert found.evidence is Evidence.FITTED


def test_a_lone_first_try_borrows_the_correlation_of_its_split() -> None:
    row = tasks.Success(benchmark="tau2-bench", split="airline", model="m", source="s", all_of={1: 0.5})
    borrowed = fitted(row)
    own = [
        fit(other) for other in tasks.rates() if (other.benchmark, other.split) == (row.benchmark, row.split)
    ]
    known = sorted(found.tries.correlation for found in own if found is not None)
    assert known[0] <= borrowed.tries.correlation <= known[-1]
    assert borrowed.evidence is Evidence.TRANSFERRED
    assert fitted(row.model_copy(update={"benchmark": "GAIA"})).evidence is Evidence.ASSUMED


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 8))
def test_second_tries_tell_less_the_more_they_agree(m: float, r: float, c: int) -> None:
    tries = Tries(mean=m, correlation=r)
    one, many = (tries.standard_error(n_tasks=50, tries_per_task=n) for n in (1, c))
    assert 0 < many <= one * (1 + 1e-12)
    if r == 1:
        assert many == pytest.approx(one)
