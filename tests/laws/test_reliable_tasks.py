"""Laws of plans that choose chains: what may make a right end dearer, and what never does."""

from itertools import pairwise

import pytest

from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from reports.tables.tasks import solvers
from tests.planner.fleet.known import scenario
from workloads.scenario import Objective, Scenario, Slo, Task, TrafficClass
from workloads.task import ChainStep
from workloads.tasks import Success

L4, A100, H100 = "nvidia-l4", "nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb"
MODELS = {L4: "llama-3.1-8b", A100: "qwen3-next-80b-a3b", H100: "glm-5"}
PRICES = {L4: 1.0, A100: 2.0, H100: 5.0}
CAPACITY = {L4: 2.0, A100: 3.0, H100: 4.0}
SUCCESS = {"llama-3.1-8b": 0.35, "qwen3-next-80b-a3b": 0.6, "glm-5": 0.85}


def task(success: dict[str, float] | None = None, **values: object) -> Task:
    rates = tuple(
        Success(benchmark="own", model=model, model_id=model, all_of={1: mean, 2: 0.8 * mean}, source="mine")
        for model, mean in (success or SUCCESS).items()
    )
    given = {
        "tries": 2, "verifier_usd": 0.001, "false_accept_frac": 0.1, "false_reject_frac": 0.05,
        "person_usd": 0.5, "requests_per_task": 5.0,
    }  # fmt: skip
    return Task(benchmark="own", rates=rates, **{**given, **values})


def asked(
    task_of_all: Task, *, devices: tuple[str, ...] = (L4, A100, H100), rates: tuple[float, ...] = (10.0,)
) -> Scenario:
    names = [f"c{i}" for i in range(len(rates))]
    able = {device: dict.fromkeys(names, CAPACITY[device]) for device in devices}
    models = {device: MODELS[device] for device in devices}
    made = scenario(
        dict(zip(names, rates, strict=True)),
        able,
        {device: PRICES[device] for device in devices},
        models=models,
    )
    return made.model_copy(update={"task": task_of_all, "objective": Objective.RELIABLE_TASK})


def cost(of: Scenario) -> float:
    found = make_plan(of).cost_usd_per_reliable_task
    assert found is not None
    return found


def rising(costs: list[float]) -> bool:
    return all(low <= high * (1 + 1e-6) for low, high in pairwise(costs))


@pytest.mark.parametrize(
    "changes",
    [
        [{"person_usd": usd} for usd in (0.01, 0.1, 1.0, 10.0)],
        [{"verifier_usd": usd} for usd in (0.0, 0.005, 0.1)],
        [{"requests_per_task": n} for n in (1.0, 5.0, 25.0)],
        [{"max_steps": n} for n in (3, 2, 1)],
        [{"tries": n} for n in (3, 2, 1)],
        [{"reliable_min": share} for share in (0.0, 0.8, 0.9, 0.95)],
    ],
)
def test_what_costs_more_or_allows_less_never_makes_a_right_end_cheaper(changes: list[dict]) -> None:
    assert rising([cost(asked(task(**change))) for change in changes])


def test_models_that_succeed_more_often_never_make_it_dearer() -> None:
    """Under a perfect check: with an imperfect one, fewer wrong results taken may mean more tries."""
    better = [{**SUCCESS, "qwen3-next-80b-a3b": mean} for mean in (0.8, 0.7, 0.6, 0.5)]
    assert rising([cost(asked(task(success, false_accept_frac=0.0))) for success in better])


def test_more_candidates_never_cost_more() -> None:
    assert rising([cost(asked(task(), devices=some)) for some in ((L4, A100, H100), (A100, H100), (H100,))])


def test_a_larger_set_of_chains_never_costs_more() -> None:
    small, large = ChainStep(model="llama-3.1-8b", tries=1), ChainStep(model="glm-5", tries=2)
    sets = [((small, large), (large,), (small,)), ((small, large), (small,)), ((small,),)]
    assert rising([cost(asked(task(chains=chains))) for chains in sets])


def test_splitting_a_class_in_two_equal_ones_changes_nothing() -> None:
    whole, halves = make_plan(asked(task())), make_plan(asked(task(), rates=(5.0, 5.0)))
    assert halves.cost_usd_per_reliable_task == pytest.approx(whole.cost_usd_per_reliable_task, rel=1e-6)
    assert halves.cost_usd_per_h == pytest.approx(whole.cost_usd_per_h, rel=1e-4)


def test_a_floor_is_kept_and_least_spend_is_below_least_ratio_times_ends() -> None:
    floor = task(reliable_min=0.93)
    spend = make_plan(asked(floor).model_copy(update={"objective": Objective.COST}))
    ratio = make_plan(asked(floor))
    for plan in (spend, ratio):
        assert plan.task is not None
        assert plan.task.reliable_frac >= 0.93 - 1e-6
    assert whole_spend(spend) <= whole_spend(ratio) * (1 + 1e-6)
    assert ratio.cost_usd_per_reliable_task <= spend.cost_usd_per_reliable_task * (1 + 1e-6)


def whole_spend(plan: Plan) -> float:
    parts = plan.task
    assert parts is not None
    assert None not in (parts.bill_usd_per_h, parts.checks_usd_per_h, parts.person_usd_per_h)
    return (parts.bill_usd_per_h or 0) + (parts.checks_usd_per_h or 0) + (parts.person_usd_per_h or 0)


def test_spend_over_right_ends_is_the_cost_and_the_bill_is_what_is_bought() -> None:
    plan = make_plan(asked(task()))
    assert plan.task is not None
    assert whole_spend(plan) / (plan.task.reliable_per_h or 0) == pytest.approx(
        plan.cost_usd_per_reliable_task
    )
    assert sum(unit.usd_per_h for unit in plan.units) == pytest.approx(plan.cost_usd_per_h)
    assert plan.task.tasks_per_h == pytest.approx(10.0 * 3600 / 5)
    assert sum(unit.share["c0"] for unit in plan.units) == pytest.approx(1.0)
    for unit in plan.units:
        load = 10.0 * plan.task.tries_per_task["c0"] * unit.share["c0"]
        assert unit.utilization == pytest.approx(load / unit.count / CAPACITY[unit.device], rel=1e-6)


def test_tighter_deadlines_never_make_it_cheaper_and_are_kept() -> None:
    """0.5 + 199 x 0.02 s a request, 5 requests a try: 22.4 s, by the limits of the class."""
    slo = Slo(ttft_p95_s=0.5, tpot_p95_s=0.02)
    costs = []
    for deadline_s in (200.0, 70.0, 46.0, 23.0):
        of = asked(task(deadline_s=deadline_s))
        classes = tuple(traffic.model_copy(update={"slo": slo}) for traffic in of.classes)
        plan = make_plan(of.model_copy(update={"classes": classes}))
        assert plan.task is not None
        for chain in plan.task.chains:
            assert chain.worst_s is not None
            assert chain.worst_s == pytest.approx(22.4 * sum(step.up_to for step in chain.steps))
            assert chain.worst_s <= deadline_s
        costs.append(plan.cost_usd_per_reliable_task)
    assert rising(costs)


def test_a_plain_class_beside_the_tasks_is_served_whole() -> None:
    of = asked(task(), rates=(10.0, 4.0))
    tasks, plain = of.classes
    mixed = of.model_copy(update={"classes": (tasks, plain.model_copy(update={"task": False}))})
    plan = make_plan(mixed)
    assert plan.task is not None
    assert set(plan.task.tries_per_task) == {"c0"}
    assert sum(unit.share.get("c1", 0.0) for unit in plan.units) == pytest.approx(1.0)
    assert plan.cost_usd_per_reliable_task >= cost(asked(task())) * (1 - 1e-6)


def test_two_classes_with_tasks_of_their_own_each_take_their_chains() -> None:
    easy = task(dict.fromkeys(SUCCESS, 0.95), person_usd=5.0)
    of = asked(task(), rates=(6.0, 6.0))
    first, second = of.classes
    plan = make_plan(of.model_copy(update={"classes": (first, second.model_copy(update={"task": easy}))}))
    assert plan.task is not None
    assert {chain.class_name for chain in plan.task.chains} == {"c0", "c1"}
    shares = dict.fromkeys(("c0", "c1"), 0.0)
    for chain in plan.task.chains:
        shares[chain.class_name] += chain.share_frac
    assert list(shares.values()) == pytest.approx([1.0, 1.0])
    assert isinstance(first, TrafficClass)


def test_spares_are_bought_for_kinds_that_make_tries() -> None:
    of = asked(task())
    spared = of.model_copy(update={"availability": of.availability.model_copy(update={"spare_units": 1})})
    plain, more = make_plan(of), make_plan(spared)
    assert more.cost_usd_per_reliable_task >= plain.cost_usd_per_reliable_task
    for unit in more.units:
        busy = unit.utilization * unit.count
        assert unit.count - 1 >= busy - 1e-5


def test_wrong_ends_that_nothing_charges_for_are_said_and_those_held_down_are_not() -> None:
    loose = make_plan(asked(task()))
    assert loose.task is not None and loose.task.wrong_frac > 0.005
    assert any("taken for right. Nothing here charges" in line for line in loose.assumptions)
    careful = make_plan(asked(task(false_accept_frac=0.0)))
    assert not any("taken for right" in line for line in careful.assumptions)
    held = make_plan(asked(task(reliable_min=0.9)))
    assert held.feasible and not any("taken for right" in line for line in held.assumptions)


def test_a_person_at_two_prices_is_a_person_and_both_are_said() -> None:
    two = asked(task(), rates=(6.0, 4.0))
    dear = two.classes[1].model_copy(update={"task": task(person_usd=2.0)})
    plan = make_plan(two.model_copy(update={"classes": (two.classes[0], dear)}))
    assert plan.task is not None and plan.task.left_frac > 0
    assert plan.task.person_usd is None and plan.task.has_person
    assert any("0.5 USD" in line and "2 USD" in line for line in plan.assumptions)
    rows = [row[0] for row in solvers(plan.task).rows]
    assert "a person" in rows and not any("stays open" in row for row in rows)
