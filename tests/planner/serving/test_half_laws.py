"""Laws of halves that were kept, from several batches, answer under any limits as if lowered anew."""

import pytest

from planner.deployment import Deployment
from planner.role import HALVES
from planner.serving.disaggregation import link
from planner.serving.units.capacity import units
from planner.serving.units.halves import HalvesOrWhy, half_units, under_limits
from planner.serving.units.unit_laws import Lengths
from workloads.scenario import Slo, TrafficClass

OVER = link("infiniband-ndr")
UNITS = tuple(
    Deployment(device=device, devices=size, model=model, weights="FP8", engine=engine, tp=size)
    for device in ("nvidia-l4", "nvidia-h100-sxm5-80gb", "nvidia-h200-sxm-141gb")
    for model, engine in (("llama-3.1-8b", "vllm"), ("llama-3.1-70b", "sglang"))
    for size in (1, 2)
)
LIMITS = (
    Slo(ttft_p95_s=1.0, tpot_p95_s=0.05),
    Slo(ttft_mean_s=0.5, tpot_mean_s=0.02),
    Slo(e2e_p95_s=6.0),
    Slo(ttft_p99_s=0.001),
)


@pytest.mark.parametrize("slo", LIMITS)
def test_kept_laws_answer_as_those_lowered_for_the_question(slo: Slo) -> None:
    classes = [
        TrafficClass(
            requests_per_s=1.0, prompt_tokens=prompt, output_tokens=150.0, slo=slo, prompt_tokens_p95=p95
        )
        for prompt, p95 in ((900.0, None), (3000.0, 7000.0))
    ]
    pairs = [(item, each) for item in UNITS for each in classes]
    kept: dict[tuple[Deployment, TrafficClass], HalvesOrWhy] = {}
    for part in (pairs[::3], pairs[1::3], pairs[2::3]):
        asked = [(item, Lengths.of(each)) for item, each in part]
        kept |= dict(zip(part, half_units(asked, units(asked), OVER), strict=True))
    turned = pairs[::-1]
    for pair, both in zip(turned, under_limits([(kept[pair], pair[1]) for pair in turned]), strict=True):
        alone = [(pair[0], Lengths.of(pair[1]))]
        (anew,) = under_limits([(half_units(alone, units(alone), OVER)[0], pair[1])])
        for role in HALVES:
            rates = [
                0.0 if one.requests_per_s is None else one.requests_per_s.p50
                for one in (both[role], anew[role])
            ]
            assert rates[0] == pytest.approx(rates[1], rel=1e-9)
            assert both[role].why_not == anew[role].why_not


def test_what_cannot_be_placed_says_why_as_either_half() -> None:
    unknown = UNITS[0].model_copy(update={"device": "nvidia-h10"})
    known = UNITS[-1]
    each = TrafficClass(requests_per_s=1.0, prompt_tokens=900.0, output_tokens=150.0, slo=LIMITS[0])
    pairs = [(unknown, Lengths.of(each)), (known, Lengths.of(each))]
    wrong, right = under_limits([(laws, each) for laws in half_units(pairs, units(pairs), OVER)])
    assert all("nvidia-h10" in (wrong[role].why_not or "") for role in HALVES)
    assert all(right[role].requests_per_s is not None for role in HALVES)
    only = half_units(pairs[:1], units(pairs[:1]), OVER)
    assert isinstance(only[0], str)
