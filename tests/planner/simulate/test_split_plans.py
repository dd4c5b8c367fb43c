"""A plan with prefill and decode units, from the programme to its simulation and its deployment."""

import pytest

from planner.deploy.bundle import bundle
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from planner.role import Role
from planner.simulate.plan_fleet import experiment_of_plan
from planner.simulate.replicate import simulate
from workloads.scenario import Candidates, Scenario, Slo, TrafficClass

LONG = TrafficClass(
    name="long", requests_per_s=16.0, prompt_tokens=8000.0, output_tokens=300.0,
    slo=Slo(ttft_p95_s=3.0, tpot_p95_s=0.02),
)  # fmt: skip
ASKED = Candidates(
    devices=("nvidia-h100-sxm5-80gb", "nvidia-h200-sxm-141gb"),
    models=("qwen2.5-14b",),
    formats=("FP8",),
    engines=("vllm",),
    api=False,
    interconnect="infiniband-ndr",
)


def plan(*roles: str) -> Plan:
    candidates = ASKED.model_copy(update={"roles": roles})
    return make_plan(Scenario(classes=(LONG,), candidates=candidates))


@pytest.fixture(scope="module")
def whole() -> Plan:
    return plan("whole")


@pytest.fixture(scope="module")
def split() -> Plan:
    return plan("whole", "split")


def test_halves_are_bought_where_they_cost_less_and_each_does_the_whole_class(
    whole: Plan, split: Plan
) -> None:
    assert split.cost_usd_per_month < whole.cost_usd_per_month
    assert {unit.role for unit in whole.units} == {"whole"}
    for role in ("prefill", "decode"):
        own = [unit for unit in split.units if unit.role == role]
        assert sum(unit.share["long"] for unit in own) == pytest.approx(1.0, abs=1e-6)
    assert sum(one.share["long"] for one in split.handovers) == pytest.approx(1.0, abs=1e-6)
    assert all(one.moved_s["long"] > 0 for one in split.handovers)


def test_halves_together_hold_as_surely_as_was_asked(split: Plan) -> None:
    assert split.predicted is not None
    assert split.predicted.slo_probability is not None
    assert split.predicted.slo_probability >= split.scenario.confidence - 1e-6


def test_asking_for_whole_units_is_the_default(whole: Plan) -> None:
    unasked = make_plan(Scenario(classes=(LONG,), candidates=ASKED))
    assert unasked.cost_usd_per_month == whole.cost_usd_per_month
    assert unasked.handovers == ()


def test_a_record_with_halves_comes_back_as_it_was(split: Plan) -> None:
    assert Plan.model_validate_json(split.to_json()) == split


def test_the_simulation_counts_each_request_once(split: Plan) -> None:
    asked = experiment_of_plan(split, requests=100, replications=1, seed=0)
    assert sum(each.arrivals.requests_per_s for each in asked.traffic.kinds) == pytest.approx(
        LONG.requests_per_s
    )
    readers = [kind for kind in asked.fleet.kinds if kind.role is Role.PREFILL]
    writers = [kind for kind in asked.fleet.kinds if kind.role is Role.DECODE]
    assert readers
    assert writers
    assert all(kind.transfer_s_per_token > 0 for kind in readers)
    assert all(kind.share is None for kind in writers)


def test_caches_go_where_the_plan_says_and_stay_within_their_pool(split: Plan) -> None:
    others = tuple(unit.model_copy(update={"pool": f"{unit.pool} again"}) for unit in split.units)
    ways = tuple(one.model_copy(update={"pool": f"{one.pool} again"}) for one in split.handovers)

    def halved(parts):
        return tuple(
            one.model_copy(update={"share": {name: 0.5 * part for name, part in one.share.items()}})
            for one in parts
        )

    both = split.model_copy(
        update={
            "units": halved((*split.units, *others)),
            "handovers": halved((*split.handovers, *ways)),
        }
    )
    fleet = experiment_of_plan(both, requests=100, replications=1, seed=0).fleet
    for place, kind in enumerate(fleet.kinds):
        if kind.role is Role.PREFILL:
            (to,) = kind.hands.values()
            assert all(fleet.kinds[other].pool == kind.pool for other in to)
            assert place not in to
    answer = simulate(experiment_of_plan(both, requests=400, replications=1, seed=0))
    assert answer.refused == 0
    assert not answer.saturated


def test_files_are_written_for_halves(split: Plan) -> None:
    made = bundle(split)
    assert sum(path.startswith("run/") for path in made.files) == len(split.units) + len(split.handovers)
    assert "-pool-1" in made.files["router/nginx.conf"]


@pytest.mark.parametrize("device", ASKED.devices)
def test_what_users_feel_of_one_kind_of_unit_is_what_the_simulation_finds(device: str) -> None:
    """Closed forms of queues are approximations; with the same step times they come within these."""
    asked = ASKED.model_copy(update={"devices": (device,), "roles": ("split",)})
    made = make_plan(Scenario(classes=(LONG.model_copy(update={"requests_per_s": 8.0}),), candidates=asked))
    assert sorted(unit.role for unit in made.units) == ["decode", "prefill"]
    (found,) = simulate(experiment_of_plan(made, requests=6_000, replications=1, seed=0)).classes
    assert made.predicted is not None and found.ttft_s is not None and found.tpot_s is not None
    assert made.predicted.ttft_p95_s is not None and made.predicted.tpot_p95_s is not None
    assert made.predicted.tpot_p95_s.p50 == pytest.approx(found.tpot_s.p95, rel=0.1)
    assert made.predicted.ttft_p95_s.p50 == pytest.approx(found.ttft_s.p95, rel=0.15)


def test_of_several_kinds_of_units_the_slowest_is_told(split: Plan) -> None:
    (found,) = simulate(experiment_of_plan(split, requests=6_000, replications=1, seed=0)).classes
    assert split.predicted is not None and found.ttft_s is not None and found.tpot_s is not None
    assert split.predicted.ttft_p95_s is not None and split.predicted.tpot_p95_s is not None
    assert split.predicted.tpot_p95_s.p50 >= 0.9 * found.tpot_s.p95
    assert split.predicted.ttft_p95_s.p50 >= 0.9 * found.ttft_s.p95
