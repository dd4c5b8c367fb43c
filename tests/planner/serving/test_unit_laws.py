"""Units lowered once: under any limits, in any company, they carry what they carry when lowered alone."""

import pytest

from planner.deployment import Deployment
from planner.serving.units.capacity import Capacity, capacities, under_limits, units
from planner.serving.units.unit_laws import Lengths
from workloads.scenario import Slo, TrafficClass

UNITS = tuple(
    Deployment(device=device, devices=size, model=model, weights="FP8", engine="vllm", tp=size)
    for device in ("nvidia-l4", "nvidia-h100-sxm5-80gb", "nvidia-h200-sxm-141gb")
    for model in ("llama-3.1-8b", "llama-3.1-70b", "mixtral-8x7b")
    for size in (1, 2)
)
LIMITS = (
    Slo(ttft_p95_s=0.5, tpot_p95_s=0.05),
    Slo(tpot_mean_s=0.02),
    Slo(e2e_p95_s=6.0),
    Slo(ttft_p99_s=0.001),
)


def traffic(slo: Slo, prompt: float = 900.0) -> TrafficClass:
    return TrafficClass(requests_per_s=1.0, prompt_tokens=prompt, output_tokens=150.0, slo=slo)


def same(one: Capacity, other: Capacity) -> bool:
    """All but rounding is equal."""
    rates = [0.0 if each.requests_per_s is None else each.requests_per_s.p50 for each in (one, other)]
    return (
        one.why_not == other.why_not
        and rates[0] == pytest.approx(rates[1], rel=1e-9)
        and dict(one.alone_s) == pytest.approx(dict(other.alone_s))
    )


@pytest.mark.parametrize("slo", LIMITS)
def test_laws_of_several_batches_answer_as_one_lowered_for_the_question(slo: Slo) -> None:
    each = traffic(slo)
    lengths = Lengths.of(each)
    kept = {}
    for part in (UNITS[::3], UNITS[1::3], UNITS[2::3]):
        kept |= dict(zip(part, units([(item, lengths) for item in part]), strict=True))
    turned = UNITS[::-1]
    found = under_limits([(kept[item], each) for item in turned])
    for item, one in zip(turned, found, strict=True):
        ((anew,),) = capacities([item], [each])
        assert same(one, anew)


def test_classes_of_other_lengths_and_limits_do_not_disturb_each_other() -> None:
    classes = [
        traffic(LIMITS[0]),
        traffic(LIMITS[1], 300.0),
        traffic(LIMITS[2], 300.0),
        traffic(LIMITS[0], 300.0),
    ]
    together = capacities(UNITS, classes)
    for place, each in enumerate(classes):
        for (alone,), row in zip(capacities(UNITS, [each]), together, strict=True):
            assert same(row[place], alone)


def test_a_unit_that_cannot_be_placed_keeps_its_reason_in_its_place() -> None:
    bad = UNITS[0].model_copy(update={"model": "no-such-model"})
    each = traffic(LIMITS[0])
    rows = units([(bad, Lengths.of(each)), (UNITS[0], Lengths.of(each))])
    refused, fine = under_limits([(row, each) for row in rows])
    assert "no-such-model" in (refused.why_not or "")
    assert fine.requests_per_s is not None
