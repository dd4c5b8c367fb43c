"""Waits of a closed loop against what queues must do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.deployment import Case
from planner.serving.predict import predict_batch
from planner.serving.steady_state import soft_minimum
from planner.serving.step.target import target

counts = st.floats(0.0, 1e6)


def case(**change):
    base = {
        "id": "a", "device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-70b", "weights": "FP8", "tp": 2,
        "engine": "vllm", "isl": 8192, "osl": 1024, "concurrency": 16,
    }  # fmt: skip
    return Case.parse({**base, **change}, where="case")


@given(counts, counts, st.floats(0.0, 10.0))
def test_a_soft_minimum_is_below_the_hard_one_and_grows_with_both(a, b, more):
    low = float(soft_minimum(np.array(a), np.array(b)))
    assert 0.9 * min(a, b) <= low <= min(a, b)
    assert float(soft_minimum(np.array(a + more), np.array(b))) >= low * (1 - 1e-12)


def test_far_from_the_limit_nobody_waits_and_far_beyond_it_all_but_the_places_do():
    assert float(soft_minimum(np.array(10.0), np.array(100.0))) == pytest.approx(10.0, rel=1e-8)
    assert float(soft_minimum(np.array(1000.0), np.array(100.0))) == pytest.approx(100.0, rel=1e-8)


def test_users_beyond_memory_share_its_throughput_and_wait_the_rest_by_littles_law():
    few, many = predict_batch([case(concurrency=512), case(concurrency=1024)])
    assert many.requests_per_s.p50 == pytest.approx(few.requests_per_s.p50, rel=0.01)
    turn = [a.ttft_s.p50 + 1023 * a.tpot_s.p50 for a in (few, many)]
    assert turn[1] / turn[0] == pytest.approx(2.0, rel=0.02)


def test_what_does_not_fit_is_timed_as_if_it_did():
    small, large = predict_batch([case(tp=1, weights="BF16"), case(tp=1, weights="FP8")])
    assert small.fits is False
    assert small.ttft_s.p50 < 100 * large.ttft_s.p50


def test_peak_per_watt_strains_the_newest_cards_most():
    strain = {
        name: target(name).strain for name in ("nvidia-rtx-3090", "nvidia-rtx-4090", "nvidia-h100-pcie-80gb")
    }
    assert sorted(strain, key=strain.get) == ["nvidia-rtx-3090", "nvidia-rtx-4090", "nvidia-h100-pcie-80gb"]


@pytest.mark.parametrize("osl", [1, 2, 16, 256])
def test_no_turn_is_shorter_than_the_prompts_it_holds(osl):
    """16 users of 1024 tokens: the matmuls of all prompts take 2 N tokens / peak at least."""
    (found,) = predict_batch([case(isl=1024, osl=osl)])
    least_s = 1024 * 2 * 68e9 / 2 / target("nvidia-h100-sxm5-80gb").peak_flop_per_s("fp8")
    assert 1.0 / found.requests_per_s.p50 > least_s


@pytest.mark.parametrize("users", [2, 16, 1000])
def test_where_one_place_is_users_wait_in_line_and_get_what_one_gets(users):
    """No prompt and no step is shared with anybody there, so a turn is that of a lone user."""
    lone = {"engine": "gpt-fast", "isl": 2048}
    one, many = predict_batch([case(**lone, concurrency=1), case(**lone, concurrency=users)])
    assert one.max_concurrency == 1
    assert many.requests_per_s.p50 == pytest.approx(one.requests_per_s.p50, rel=1e-9)
    assert many.tpot_s.p50 == pytest.approx(one.tpot_s.p50, rel=1e-9)
