"""Chains of solvers against closed forms, one another, and enumeration of what a deadline leaves."""

from itertools import product

import pytest

from planner.fleet.tasks.reliable import Policy, Tier, cascade
from planner.fleet.tasks.retries import Fit, Tries, Verifier, attempt
from planner.fleet.tasks.routes import Able, Route, Step, of_steps, routes
from planner.fleet.tasks.solvers import Solver
from tonnage.evidence import Evidence
from workloads.task import ChainStep, Task
from workloads.tasks import Success

CHECKED = Task(benchmark="own", tries=3, false_accept_frac=0.1, false_reject_frac=0.05, person_usd=5.0)


def solver(name: str, mean: float, correlation: float = 0.4) -> Solver:
    rate = Success(benchmark="own", model=name, all_of={1: mean}, source="made up")
    tries = Tries(mean=mean, correlation=correlation)
    fit = Fit(tries=tries, largest_miss=0.0, evidence=Evidence.ASSUMED)
    return Solver(name=name, model=name, rate=rate, fit=fit)


SOLVERS = {one.name: one for one in (solver("a", 0.4), solver("b", 0.6), solver("c", 0.8))}


def all_routes(task: Task = CHECKED, **times: tuple[float, ...]) -> tuple[Route, ...]:
    return routes(task, [Able(solver=one, times_s=times.get(name, ())) for name, one in SOLVERS.items()])


def test_every_chain_of_rising_success_comes_once() -> None:
    found = [route.key for route in all_routes()]
    assert len(found) == len(set(found)) == 3 * 3 + 3 * 3**2 + 3**3
    means = {name: one.fit.tries.mean for name, one in SOLVERS.items()}
    for route in all_routes():
        chances = [means[step.solver] for step in route.steps]
        assert chances == sorted(set(chances))


def test_all_at_once_is_each_by_itself() -> None:
    for route in all_routes():
        alone = of_steps(CHECKED, route.steps, SOLVERS)
        assert route.tries == pytest.approx(alone.tries)
        assert route.solved == pytest.approx(alone.solved)
        assert (route.wrong, route.left) == pytest.approx((alone.wrong, alone.left))


def test_tasks_end_right_or_wrong_or_are_left() -> None:
    for route in all_routes():
        assert sum(route.solved) + route.wrong + route.left == pytest.approx(1.0)


def test_one_solver_is_the_closed_form_of_its_moments() -> None:
    verifier = Verifier(false_accept=0.1, false_reject=0.05)
    for route in all_routes():
        if len(route.steps) == 1:
            (step,) = route.steps
            ended = attempt(SOLVERS[step.solver].fit.tries, verifier, up_to=step.up_to)
            assert route.tries[0] == pytest.approx(ended.tries, abs=2e-3)
            assert route.solved[0] == pytest.approx(ended.right, abs=2e-3)
            assert (route.wrong, route.left) == pytest.approx((ended.wrong, ended.open), abs=2e-3)


def test_as_many_tries_of_each_are_the_cascade_of_tiers() -> None:
    policy = Policy(up_to=2, verifier=Verifier(false_accept=0.1, false_reject=0.05), person_usd=5.0)
    steps = [Step(solver=name, up_to=2) for name in "abc"]
    spent = cascade(
        [Tier(name=name, tries=SOLVERS[name].fit.tries, usd_per_try=0.0) for name in "abc"], policy
    )
    route = of_steps(CHECKED, steps, SOLVERS)
    assert route.tries == pytest.approx(spent.tries)
    assert route.solved == pytest.approx(spent.solved)


def test_unrelated_tries_under_a_perfect_check_fail_together_as_a_power() -> None:
    task = Task(benchmark="own", tries=3, false_accept_frac=0.0)
    one = {"a": solver("a", 0.4, correlation=0.0)}
    route = of_steps(task, [Step(solver="a", up_to=3)], one)
    assert route.solved[0] == pytest.approx(1 - 0.6**3)
    assert route.tries[0] == pytest.approx(1 + 0.6 + 0.36)


def test_trying_again_is_no_use_where_tasks_always_or_never_succeed() -> None:
    task = Task(benchmark="own", tries=3, false_accept_frac=0.0)
    one = {"a": solver("a", 0.4, correlation=1.0)}
    route = of_steps(task, [Step(solver="a", up_to=3)], one)
    assert route.solved[0] == pytest.approx(0.4)
    assert route.tries[0] == pytest.approx(0.4 + 3 * 0.6)


def test_without_a_check_nobody_is_asked_twice() -> None:
    found = all_routes(Task(benchmark="own", tries=1))
    assert [len(route.steps) for route in found] == [1, 1, 1]


@pytest.mark.parametrize("deadline_s", [1.5, 4.0, 9.0, 30.0])
def test_a_deadline_leaves_what_ends_in_time_at_the_slowest_speeds(deadline_s: float) -> None:
    """Against every choice of speeds: it is in time if some route of the same tries is as slow."""
    task = CHECKED.model_copy(update={"deadline_s": deadline_s, "verifier_s": 0.5, "tries": 2})
    times = {"a": (1.0, 2.0, 5.0), "b": (1.5, 3.0), "c": (4.0,)}
    found = all_routes(task, **times)
    by_tries: dict[tuple[tuple[str, int], ...], list[tuple[int, ...]]] = {}
    for route in found:
        assert route.worst_s is not None
        assert route.worst_s <= deadline_s * (1 + 1e-9)
        key = tuple((step.solver, step.up_to) for step in route.steps)
        by_tries.setdefault(key, []).append(tuple(step.level for step in route.steps))
    for size in (1, 2, 3):
        for names in [names for names in product("abc", repeat=size) if list(names) == sorted(set(names))]:
            for tries in product((1, 2), repeat=size):
                own = by_tries.get(tuple(zip(names, tries, strict=True)), [])
                for levels in product(*(range(len(times[name])) for name in names)):
                    rows = zip(names, tries, levels, strict=True)
                    worst_s = sum(n * (times[name][level] + 0.5) for name, n, level in rows)
                    covered = any(all(a >= b for a, b in zip(other, levels, strict=True)) for other in own)
                    assert covered == (worst_s <= deadline_s * (1 + 1e-9))


def test_a_chain_that_is_asked_for_loses_the_tries_that_no_longer_fit() -> None:
    chain = (ChainStep(model="a", tries=2), ChainStep(model="c", tries=2))
    task = CHECKED.model_copy(update={"chains": (chain,), "deadline_s": 7.0})
    found = all_routes(task, a=(1.0, 3.0), b=(1.0,), c=(4.0,))
    assert {tuple((s.solver, s.up_to) for s in route.steps) for route in found} == {
        (("a", 2), ("c", 1)),
        (("a", 2),),
    }


def test_a_chain_of_a_model_that_cannot_be_had_is_left_out() -> None:
    chains = (
        (ChainStep(model="a", tries=1), ChainStep(model="z", tries=1)),
        (ChainStep(model="b", tries=2),),
    )
    found = all_routes(CHECKED.model_copy(update={"chains": chains}))
    assert [route.key for route in found] == ["b*2"]


def test_many_tries_of_many_models_stay_a_number_of_chains_that_can_be_solved() -> None:
    task = CHECKED.model_copy(update={"tries": 20})
    able = [Able(solver=solver(str(n), 0.3 + 0.02 * n)) for n in range(20)]
    found = routes(task, able)
    most = {step.up_to for route in found for step in route.steps}
    assert most == {1, 2, 4, 8, 16, 20}
