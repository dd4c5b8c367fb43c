"""Everything a case can ask for, through the same door as the command line; each against a law of its own."""

from typing import Any

import numpy as np
import pytest

from planner.role import Role
from planner.simulate.cases import Effort, case_of, experiment_of
from planner.simulate.instance import Batching
from planner.simulate.replicate import simulate
from planner.simulate.request_log import request_log
from planner.simulate.simulation_record import Simulation
from tonnage.errors import TonnageError

EFFORT = Effort(requests=1200, replications=1)
CASE: dict[str, Any] = {
    "id": "case",
    "device": "nvidia-l4",
    "model": "llama-3.1-8b",
    "weights": "FP8",
    "engine": "vllm",
    "load": "open",
    "isl": 400,
    "osl": 100,
    "requests_per_s": 0.5,
}
CHAT = {"prompt": {"mean": 400, "cv": 0.5}, "output": {"mean": 100, "cv": 0.5}}


def asked(**other: object) -> Simulation:
    return simulate(experiment_of(case_of({**CASE, **other}), EFFORT))


def mean(answer: Simulation, metric: str = "e2e_s") -> float:
    return float(getattr(answer.classes[0], metric).mean)


def test_swapping_spares_the_work_that_recomputing_repeats() -> None:
    """Nothing that was swapped out is thrown away; a link without end makes it free."""
    small = {"cache_tokens": 4000, "max_sequences": 64}
    rate = {"requests_per_s": 3.0}
    again = asked(settings=small, **rate)
    swapped = asked(settings={**small, "preemption": "swap", "host_bytes_per_s": 1e18}, **rate)
    assert again.preempted > 0 and again.wasted_tokens > 0
    assert swapped.preempted > 0 and swapped.wasted_tokens == 0
    slow = asked(settings={**small, "preemption": "swap", "host_bytes_per_s": 1e8}, **rate)
    assert slow.requests_per_s < swapped.requests_per_s


def test_guesses_that_hold_shorten_the_answer_and_guesses_that_fail_do_not() -> None:
    plain = asked()
    never = asked(settings={"draft_tokens": 3, "acceptance": [0.0]})
    often = asked(settings={"draft_tokens": 3, "acceptance": [0.9, 0.8, 0.7]})
    drafted = asked(settings={"draft_tokens": 3, "acceptance": [0.9, 0.8, 0.7], "draft_s": 0.01})
    assert mean(often, "tpot_s") < 0.6 * mean(plain, "tpot_s") <= 0.6 * mean(never, "tpot_s") * 1.02
    assert mean(drafted, "tpot_s") > mean(often, "tpot_s")


def test_a_static_batch_waits_for_its_slowest_and_slots_hold_their_context() -> None:
    spread = {"length_spread": "uniform-0.2-1.0", "requests_per_s": 0.3}
    static = asked(settings={"batching": "static", "max_sequences": 4}, **spread)
    continuous = asked(settings={"max_sequences": 4}, **spread)
    assert mean(static, "ttft_s") > 2 * mean(continuous, "ttft_s")
    slots = {"batching": "slots", "max_sequences": 4, "slot_tokens": 512}
    fleet = experiment_of(case_of({**CASE, "settings": slots}), EFFORT).fleet
    engine = fleet.kinds[0].engine
    assert engine.batching is Batching.SLOTS and (engine.cache_blocks, engine.max_tokens) == (4, 512)
    assert asked(settings=slots, isl=100, osl=50).refused == 0
    with pytest.raises(TonnageError, match="512 tokens"):
        asked(settings=slots, isl=600)


def test_prompts_spread_as_their_percentile_says_and_not_in_two_ways() -> None:
    """Log-normal: the 95th percentile of the first token lies far above that of equal prompts."""
    even, uneven = asked(), asked(isl_p95=1600)
    ttft = [answer.classes[0].ttft_s for answer in (even, uneven)]
    assert ttft[0] is not None and ttft[1] is not None
    assert ttft[1].p95 > 1.5 * ttft[0].p95
    with pytest.raises(TonnageError, match="give one"):
        asked(isl_p95=1600, length_spread="uniform-0.8-1.0")


def test_prefill_and_decode_apart_pay_for_the_link_between_them() -> None:
    def groups(link: float) -> list[dict[str, object]]:
        return [{"role": "prefill", "link_bytes_per_s": link}, {"role": "decode"}]

    fleet = experiment_of(case_of({**CASE, "fleet": groups(1e9)}), EFFORT).fleet
    prefill = fleet.kinds[0]
    assert prefill.role is Role.PREFILL
    # Llama-3.1-8B: 32 layers x 2 x 8 heads x 128 values of two bytes.
    assert prefill.transfer_s_per_token * 1e9 == pytest.approx(32 * 2 * 8 * 128 * 2, rel=0.01)
    fast, slow = asked(fleet=groups(1e12)), asked(fleet=groups(1e8))
    handed_s = 400 * prefill.transfer_s_per_token * 10
    assert mean(slow) - mean(fast) == pytest.approx(handed_s, rel=0.1)


def test_priority_and_a_shared_prompt_work_across_classes() -> None:
    def classes(first: int) -> list[dict[str, object]]:
        rate = {"arrivals": {"requests_per_s": 1.2}}
        return [
            {"name": "a", "priority": first, "shared_prefix_tokens": 320, **rate, **CHAT},
            {"name": "b", "priority": 1, **rate, **CHAT},
        ]

    settings = {"max_sequences": 8}
    preferred = asked(traffic=classes(0), settings=settings)
    waits = [one.wait_s.mean for one in preferred.classes if one.wait_s is not None]
    assert waits[0] < 0.5 * waits[1]
    # Every request of class a but the first of each eviction finds the 320 tokens of the shared prompt.
    assert preferred.prefix_hit_tokens > 0.9 * 320 * 0.45 * 1200


def test_turns_of_sessions_are_served_from_the_cache_where_the_router_looks_for_it() -> None:
    sessions = {"turns_mean": 4.0, "think_s": 10.0}
    traffic = {**CHAT, "arrivals": {"requests_per_s": 0.5}, "sessions": sessions}
    found = {
        router: asked(traffic=traffic, fleet=[{"count": 4}], router=router).prefix_hit_tokens
        for router in ("prefix-affinity", "round-robin")
    }
    assert found["prefix-affinity"] > 1.5 * found["round-robin"] > 0


def test_failures_and_cold_starts_cost_time_and_no_request() -> None:
    kept = asked(fleet=[{"count": 2}], requests_per_s=1.0)
    failing = asked(
        fleet=[{"count": 2, "up_s": 120.0, "down_s": 30.0, "cold_start_s": 30.0}], requests_per_s=1.0
    )
    assert failing.failures > 3 and failing.refused == 0 and mean(failing) > mean(kept)


def test_an_autoscaler_pays_for_fewer_instances_than_the_peak_needs() -> None:
    scaler = {"interval_s": 5.0, "high": 8, "low": 3}
    scaled = asked(fleet=[{"count": 6, "autoscaler": scaler, "cold_start_s": 20.0}], requests_per_s=2.0)
    fixed = asked(fleet=[{"count": 6}], requests_per_s=2.0)
    assert 1 < scaled.instances_mean < 5 and fixed.instances_mean == pytest.approx(6)
    assert scaled.cost_usd_per_h is not None and fixed.cost_usd_per_h is not None
    assert scaled.cost_usd_per_h == pytest.approx(fixed.cost_usd_per_h * scaled.instances_mean / 6)


def test_energy_is_busy_time_at_the_thermal_limit() -> None:
    answer = asked()
    assert answer.energy_j_per_token is not None
    watts = answer.energy_j_per_token * answer.output_tokens_per_s
    assert watts == pytest.approx(72.0 * answer.utilization, rel=1e-6)  # an L4 has 72 W


def test_rates_by_window_are_followed() -> None:
    log = request_log(
        experiment_of(
            case_of({**CASE, "rates": "servegen", "workload": "reason/deepseek-r1", "requests_per_s": 0.05}),
            Effort(requests=3000),
        )
    )
    hours = np.bincount((log.arrival_s[np.isfinite(log.arrival_s)] // 3600).astype(int) % 24, minlength=24)
    assert hours.max() > 2 * hours.min()


def test_one_replication_has_an_interval_by_batches() -> None:
    one = asked().classes[0]
    assert one.ttft_ci95_s is not None and 0 < one.ttft_ci95_s.mean < one.ttft_s.mean


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"settings": {"draft_tokens": 2}}, "needs acceptance"),
        ({"settings": {"acceptance": [1.5], "draft_tokens": 1}}, "acceptance"),
        ({"settings": {"slot_tokens": 100}}, "slots"),
        ({"settings": {"token_budget": 10}}, "token_budget 10"),
        ({"settings": {"cache_tokens": 8}}, "holds no block"),
        ({"settings": {"cache_tokens": 320}}, "holds 320 tokens"),
        ({"settings": {"preemption": "drop"}}, "recompute"),
        ({"fleet": [{"role": "prefill"}]}, "go with decode"),
        ({"fleet": [{"role": "prefill", "link_bytes_per_s": 0}, {"role": "decode"}]}, "link_bytes_per_s"),
        ({"fleet": [{"count": 0}]}, "count"),
        ({"fleet": [{"share": {"nobody": 1.0}}]}, "nobody"),
        ({"router": "best"}, "router"),
        ({"process": "regular"}, "process"),
        ({"requests_per_s": None}, "without requests_per_s"),
        ({"requests_per_s": -1}, "requests_per_s"),
        ({"context": 100}, "empty cache"),
        ({"traffic": [{"arrivals": {"process": "diurnal"}}]}, "24"),
        ({"traffic": [{"name": "a", "users": 3}, {"name": "b"}]}, "one class at a time"),
        ({"rates": "servegen"}, "name one"),
        ({"rates": "servegen", "workload": "reason/deepseek-r2"}, "reason/deepseek-r1"),
    ],
)
def test_a_case_that_cannot_be_says_why_in_one_line(other: dict[str, object], message: str) -> None:
    with pytest.raises(TonnageError) as problem:
        asked(**other)
    assert message in str(problem.value) and "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("draft_model", "llama-3.2-1b"),
        ("lora_rank", 8),
        ("prefix_cache_hit", 0.5),
        ("disaggregated", "infiniband-ndr"),
    ],
)
def test_what_is_only_predicted_is_refused_rather_than_left_out(name: str, value: object) -> None:
    with pytest.raises(TonnageError, match=name):
        experiment_of(case_of({**CASE, name: value}), EFFORT)
