import math

import pytest

from planner.deployment import Case, Deployment
from planner.serving.predict import predict
from planner.serving.units.capacity import capacities
from workloads.scenario import Slo, TrafficClass

H100 = Deployment(device="nvidia-h100-sxm5-80gb", model="llama-3.1-8b", weights="BF16", engine="vllm")


def traffic(**slo):
    return TrafficClass(requests_per_s=1, prompt_tokens=1000, output_tokens=250, slo=Slo(**slo))


def rate(deployment=H100, **slo):
    ((found,),) = capacities([deployment], [traffic(**slo)])
    return found


@pytest.mark.parametrize("limit", ["ttft_p95_s", "tpot_p95_s", "ttft_mean_s", "tpot_p99_s", "e2e_p95_s"])
def test_a_wider_limit_never_carries_less(limit):
    base = {"ttft_p95_s": 0.2, "tpot_p95_s": 0.02, "ttft_mean_s": 0.2, "tpot_p99_s": 0.02, "e2e_p95_s": 4.0}[
        limit
    ]
    found = [rate(**{limit: base * factor}) for factor in (1.0, 1.5, 3.0, 100.0)]
    carried = [one.requests_per_s.p50 for one in found]
    assert carried == sorted(carried)
    assert carried[0] < carried[-1]


def spread(p95: float | None, **slo: float) -> float:
    asked = traffic(**slo).model_copy(update={"prompt_tokens_p95": p95})
    ((found,),) = capacities([H100], [asked])
    return found.requests_per_s.p50


@pytest.mark.parametrize("slo", [{"tpot_p95_s": 0.012}, {"ttft_mean_s": 0.1}, {"ttft_p95_s": 0.3}])
def test_prompts_of_more_different_lengths_never_carry_more(slo):
    carried = [spread(p95, **slo) for p95 in (1000.0, 1500.0, 2500.0, 3800.0)]
    assert carried == sorted(carried, reverse=True)
    assert carried[-1] < carried[0]


def test_a_told_spread_as_wide_as_the_assumed_one_changes_nothing():
    """Log-normal lengths of CV^2 = 1/2: s^2 = ln(3/2), p95 = mean exp(1.645 s - s^2 / 2)."""
    sigma = math.sqrt(math.log(1.5))
    p95 = 1000 * math.exp(1.6448536269514722 * sigma - sigma**2 / 2)
    assert spread(p95, tpot_p95_s=0.012) == pytest.approx(spread(None, tpot_p95_s=0.012), rel=1e-6)


def test_limits_hold_at_the_capacity_and_one_of_them_binds():
    found = rate(ttft_p95_s=0.5, tpot_p95_s=0.03)
    assert found.ttft_p95_s.p50 <= 0.5 * (1 + 1e-6)
    assert found.tpot_p95_s.p50 <= 0.03 * (1 + 1e-6)
    assert math.isclose(found.tpot_p95_s.p50, 0.03, rel_tol=1e-3) or math.isclose(
        found.ttft_p95_s.p50, 0.5, rel_tol=1e-3
    )


def test_the_interval_is_in_order_and_not_empty():
    quantiles = rate(ttft_p95_s=0.5, tpot_p95_s=0.03).requests_per_s
    assert 0 < quantiles.p10 < quantiles.p50 < quantiles.p90


def test_no_limit_is_below_what_a_saturated_unit_delivers():
    saturated = predict(Case(id="x", **H100.model_dump(), isl=1000, osl=250, load="saturated"))
    assert rate().requests_per_s.p50 <= saturated.requests_per_s.p50 * 1.1


def test_the_open_prediction_at_the_capacity_keeps_the_limit():
    found = rate(ttft_p95_s=0.5, tpot_p95_s=0.03)
    again = predict(
        Case(id="x", **H100.model_dump(), isl=1000, osl=250, load="open",
             requests_per_s=found.requests_per_s.p50 * 0.95)
    )  # fmt: skip
    assert again.tpot_p95_s.p50 <= 0.03 * 1.1


@pytest.mark.parametrize(("p95", "limit_s"), [(None, 0.12), (1000.0, 0.1), (2500.0, 0.2), (3800.0, 0.4)])
def test_a_prediction_of_a_class_feels_what_units_are_sized_by(p95, limit_s):
    """Limits that bind below the knee: beyond it a few percent more requests double the wait."""
    asked = traffic(ttft_p95_s=limit_s).model_copy(update={"prompt_tokens_p95": p95})
    ((found,),) = capacities([H100], [asked])
    again = predict(Case.of_class(H100, asked, requests_per_s=found.requests_per_s.p50, id="x"))
    assert again.ttft_p95_s.p50 == pytest.approx(found.ttft_p95_s.p50, rel=0.2)  # where units are sized,
    assert again.tpot_p95_s.p50 == pytest.approx(found.tpot_p95_s.p50, rel=0.2)  # fewer batches are lowered


def test_an_impossible_limit_names_itself():
    found = rate(tpot_p95_s=1e-4)
    assert found.requests_per_s is None
    assert "tpot_p95" in found.why_not
    assert "100 µs" in found.why_not


def test_what_does_not_fit_says_how_much_is_missing():
    found = rate(Deployment(device="nvidia-l4", model="llama-3.1-70b", weights="BF16"))
    assert found.fits is False
    assert "does not fit" in found.why_not


def test_unknown_names_are_refused_beside_good_ones():
    bad = Deployment(device="nvidia-h1000", model="llama-3.1-8b", weights="BF16")
    (first,), (second,) = capacities([bad, H100], [traffic()])
    assert "nvidia-h1000" in first.why_not
    assert second.requests_per_s is not None


def test_nothing_asked_is_nothing_answered():
    assert capacities([], [traffic()]) == []
    assert capacities([H100], []) == [[]]
