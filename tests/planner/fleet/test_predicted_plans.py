"""Plans from predictions: ceilings are ceilings, limits only ever cost, and relaxations are enough."""

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from planner.fleet.answer.outcome import solve
from planner.fleet.plan import make_plan
from planner.fleet.questions import relax
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.candidates import Search
from planner.fleet.supply.ceiling import ceiling, why_none
from planner.fleet.supply.market import survey
from tests.planner.fleet.predicted import ASKED, CHAT, FEW
from tonnage.errors import TonnageError, UnknownName
from workloads.scenario import Candidates, OwnedHardware, Quality, Scenario, Slo
from workloads.scenario_toml.file import read_scenario

PROFILE = Path(__file__).parents[2] / "captures" / "profiles" / "epyc-2cpu.json"
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


def cost(scenario: Scenario, predictor: Predictor) -> float:
    outcome = solve(survey(scenario, predictor)[0])
    return float("inf") if outcome is None else outcome.mix.usd_per_h


def test_no_prediction_passes_its_ceiling(predictor: Predictor) -> None:
    wide = FEW.model_copy(
        update={
            "devices": (
                "nvidia-l4",
                "nvidia-h100-sxm5-80gb",
                "amd-mi300x",
                "nvidia-rtx-4090",
                "nvidia-b200-*",
            ),
            "models": (
                "llama-3.1-8b",
                "mixtral-8x7b",
                "gemma-2-9b",
                "jamba-1.5-mini",
                "deepseek-v2-lite",
                "llama-2-7b",
            ),
            "engines": ("vllm", "llama.cpp"),
            "formats": ("BF16", "FP8", "AWQ_INT4_G128", "Q4_K_M"),
        }
    )
    free = CHAT.model_copy(update={"slo": Slo(), "quality": Quality()})
    strict = free.model_copy(update={"slo": Slo(tpot_p95_s=0.02)})
    deployments = [
        item.deployment for item in Search(Scenario(classes=(free,), candidates=wide)).candidates()
    ]
    assert len(deployments) > 50
    hasty = free.model_copy(update={"slo": Slo(ttft_p95_s=0.05), "prompt_tokens": 4000.0})
    refused = 0
    for traffic in (free, strict, hasty):
        for unit, (ability,) in zip(deployments, predictor.abilities(deployments, [traffic]), strict=True):
            if ability.requests_per_s is not None:
                assert ability.requests_per_s.p50 <= ceiling(unit, traffic)
            elif ceiling(unit, traffic) == 0:
                refused += 1
                assert why_none(unit, traffic)
    assert refused > 10


def test_rating_everything_finds_the_same_cost(predictor: Predictor) -> None:
    market, _ = survey(ASKED, predictor)
    everything = market.with_rated(frozenset(line.candidate.key for line in market.lines))
    assert solve(everything).mix.usd_per_h == pytest.approx(solve(market).mix.usd_per_h, rel=1e-5)


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("tensorrt-llm", "trtllm"),
        ("TensorRT-LLM", "trtllm"),
        ("llamacpp", "llama.cpp"),
        ("turbomind", "lmdeploy"),
    ],
)
def test_an_engine_is_the_same_by_any_of_its_names(written: str, spelt: str, predictor: Predictor) -> None:
    def asked(engine: str) -> Scenario:
        few = FEW.model_copy(
            update={"engines": (engine,), "formats": ("BF16", "Q8_0"), "models": ("llama-3.1-8b",)}
        )
        return ASKED.model_copy(update={"candidates": few})

    assert cost(asked(written), predictor) == cost(asked(spelt), predictor) < float("inf")


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 2.0, 8.0])
def test_looser_limits_never_cost_more(predictor: Predictor, factor: float) -> None:
    looser = cost(relax.with_all_limits(ASKED, factor * 1.5), predictor)
    assert looser <= cost(relax.with_all_limits(ASKED, factor), predictor) * (1 + 1e-5)


def test_a_higher_floor_never_costs_less(predictor: Predictor) -> None:
    costs = [cost(relax.with_raised_floor(ASKED, "mmlu", floor), predictor) for floor in (60, 68, 75, 83, 95)]
    assert all(low <= high * (1 + 1e-5) for low, high in pairwise(costs))
    assert costs[0] < costs[-1] == float("inf")


def test_more_confidence_never_costs_less_and_is_reached(predictor: Predictor) -> None:
    costs = [cost(relax.with_confidence(ASKED, q), predictor) for q in (0.5, 0.8, 0.95)]
    assert costs == sorted(costs)
    plan = make_plan(relax.with_confidence(ASKED, 0.95))
    assert plan.predicted.slo_probability >= 0.95 - 1e-6


def test_a_latency_limit_gives_way_just_far_enough() -> None:
    few = FEW.model_copy(
        update={"devices": ("nvidia-l4", "nvidia-h100-sxm5-80gb"), "models": ("llama-3.1-8b",)}
    )
    tight = Scenario(classes=(CHAT,), candidates=few).model_copy(
        update={"classes": (CHAT.model_copy(update={"slo": Slo(ttft_p95_s=0.005)}),)}
    )
    found = {item.constraint: item for item in make_plan(tight).relaxations}["slo.ttft_p95_s"]
    assert make_plan(relax.with_limit(tight, "ttft_p95_s", found.needed)).feasible
    assert not make_plan(relax.with_limit(tight, "ttft_p95_s", found.needed / 1.03)).feasible


def test_units_fit_into_memory_and_carry_the_load() -> None:
    plan = make_plan(ASKED)
    assert plan.feasible
    carried = sum(unit.count * unit.capacity_requests_per_s["all"] for unit in plan.units)
    assert carried >= 10 * (1 - 1e-6)
    assert sum(unit.share["all"] for unit in plan.units) == pytest.approx(1.0)
    assert all(unit.memory_bytes and unit.ttft_s and unit.tpot_s for unit in plan.units)
    considered = {row.candidate for row in plan.rejected}
    assert len(considered) > 20


OTHER_KINDS = {"unit", "device"}
"""Keys of a running fleet and of a simulated case, which are no scenarios."""
SCENARIOS = [
    path.name
    for path in sorted(EXAMPLES.glob("*.toml"))
    if not OTHER_KINDS & set(tomllib.loads(path.read_text()))
]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_examples_have_plans(name: str) -> None:
    plan = make_plan(read_scenario(EXAMPLES / name))
    assert plan.feasible
    assert plan.units
    assert plan.alternatives


@pytest.mark.parametrize(
    ("field", "name"),
    [("devices", "nvidia-h1000"), ("models", "lama-3.1-8b"), ("formats", "FP9"), ("devices", "nothing-*")],
)
def test_unknown_candidates_are_refused(field: str, name: str) -> None:
    with pytest.raises(UnknownName):
        make_plan(ASKED.model_copy(update={"candidates": FEW.model_copy(update={field: (name,)})}))


def test_a_machine_of_ones_own_is_planned_from_its_profile_and_a_bad_one_refused(tmp_path: Path) -> None:
    def owning(path: Path) -> Scenario:
        owned = (OwnedHardware(profile=str(path), count=1, usd_per_h=0.02),)
        few = Candidates(devices=(), models=("qwen2.5-0.5b",), formats=("Q8_0",), api=False, owned=owned)
        slow = CHAT.model_copy(update={"requests_per_s": 0.01, "slo": Slo(), "quality": Quality()})
        return Scenario(classes=(slow,), candidates=few)

    (unit,) = make_plan(owning(PROFILE)).units
    assert (unit.purchase, unit.engine, unit.usd_per_h) == ("owned", "llama.cpp", 0.02)
    broken = tmp_path / "profile.json"
    broken.write_text("{}")
    for path in (broken, tmp_path / "missing.json"):
        with pytest.raises(TonnageError, match=path.name):
            make_plan(owning(path))


def test_a_unit_may_take_a_whole_host_where_the_limit_is_tight(predictor: Predictor) -> None:
    prompts = {"prompt_tokens": 12_000, "prompt_tokens_p95": 40_000, "output_tokens": 600}
    coding = CHAT.model_copy(update={**prompts, "slo": Slo(ttft_p95_s=3.0), "quality": Quality()})
    few = Candidates(
        devices=("nvidia-h100-sxm5-80gb",),
        models=("qwen2.5-coder-32b",),
        formats=("FP8",),
        engines=("vllm",),
        api=False,
    )
    scenario = Scenario(classes=(coding,), candidates=few)
    sizes = {item.deployment.devices for item in Search(scenario).candidates()}
    assert sizes == {1, 2, 4, 8}
    smaller = scenario.model_copy(update={"candidates": few.model_copy(update={"max_devices_per_unit": 4})})
    assert cost(scenario, predictor) < cost(smaller, predictor)
