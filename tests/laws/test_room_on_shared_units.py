"""Laws of the room that is left on units that classes share."""

from functools import cache

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from planner.fleet.answer.interference import _kept_frac, with_room
from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from workloads.scenario import Candidates, Scenario, Slo, TrafficClass

DEVICES = ("nvidia-l4", "nvidia-l40s", "nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb")
SHAPES = ((200, 40), (1500, 100), (6000, 300), (300, 800))
"""Tokens in and out: short answers beside long prompts are what needs room."""


@st.composite
def classes(draw: st.DrawFn) -> tuple[TrafficClass, ...]:
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=2, max_size=3, unique=True))
    return tuple(
        TrafficClass(
            name=f"{prompt} in, {output} out",
            requests_per_s=draw(st.sampled_from((1.0, 4.0, 15.0))),
            prompt_tokens=prompt,
            output_tokens=output,
            slo=Slo(tpot_p95_s=draw(st.sampled_from((0.015, 0.03, 0.08))), ttft_p95_s=3.0),
        )
        for prompt, output in shapes
    )


@cache
def roomy(asked: tuple[TrafficClass, ...], devices: tuple[str, ...]) -> Outcome | None:
    """Return the outcome with room for all; None if there is none."""
    chosen = Candidates(
        devices=devices, models=("llama-3.1-8b",), formats=("FP8",), engines=("vllm",), api=False
    )
    first = solve(survey(Scenario(classes=asked, candidates=chosen, confidence=0.9), Predictor())[0])
    return None if first is None else with_room(first)[0]


def holds(outcome: Outcome) -> bool:
    return all(_kept_frac(outcome, item) == 1 for item in outcome.deployed())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(classes(), st.integers(1, len(DEVICES) - 1), st.permutations(DEVICES))
def test_more_candidates_never_cost_more(
    asked: tuple[TrafficClass, ...], few: int, devices: list[str]
) -> None:
    fewer, more = roomy(asked, tuple(devices[:few])), roomy(asked, tuple(devices[: few + 1]))
    assume(fewer is not None)
    assert fewer is not None
    assert more is not None
    if holds(fewer):
        assert holds(more)
        assert more.mix.usd_per_h <= fewer.mix.usd_per_h * (1 + 1e-6)


FOUR = (
    (2.7691, 85.70733, None, 25.11611, None, 3.474239, 0.03077424),
    (5.525455, 132.6015, 225.69, 367.0107, 875.23, 1.516559, 0.08476475),
    (1.126478, 201.6255, None, 201.1792, None, 0.4049005, 0.0885618),
    (16.63981, 762.7988, 1722.28, 42.3558, None, 1.282115, 0.04571122),
)  # fmt: skip
"""Rate, tokens in and their 95th percentile, tokens out and theirs, limits. Here one more device once cost
2.9 % more: less of a kind was left to all who could share it, not only to those who did."""


def test_one_more_device_costs_no_more_where_four_classes_share() -> None:
    asked = tuple(
        TrafficClass(
            name=str(n),
            requests_per_s=rate,
            prompt_tokens=prompt,
            prompt_tokens_p95=prompt_p95,
            output_tokens=output,
            output_tokens_p95=output_p95,
            slo=Slo(ttft_p95_s=ttft_s, tpot_p95_s=tpot_s),
        )
        for n, (rate, prompt, prompt_p95, output, output_p95, ttft_s, tpot_s) in enumerate(FOUR)
    )
    found = []
    for devices in (
        ("nvidia-l4", "amd-mi300x", "nvidia-l40s"),
        ("nvidia-l4", "amd-mi300x", "nvidia-l40s", "nvidia-a100-sxm4-80gb"),
    ):
        chosen = Candidates(
            devices=devices,
            models=("qwen2.5-14b", "qwen2.5-32b"),
            formats=("BF16", "FP8", "AWQ_INT4_G128"),
            engines=("vllm",),
            api=False,
        )
        first = solve(survey(Scenario(classes=asked, candidates=chosen, confidence=0.95), Predictor())[0])
        assert first is not None
        outcome, _ = with_room(first)
        assert holds(outcome)
        found.append(outcome.mix.usd_per_h)
    assert found[1] <= found[0] * (1 + 1e-6)
