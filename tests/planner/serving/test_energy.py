"""Power and energy: the law against the measurements it was fitted to, and what any law must keep."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_targets import catalog
from planner.deployment import Case
from planner.serving import energy
from planner.serving.predict import predict, predict_batch
from tonnage.evidence import Z90, Evidence

BASE = {
    "id": "x",
    "device": "nvidia-h100-sxm5-80gb",
    "model": "llama-3.1-8b",
    "weights": "BF16",
    "engine": "vllm",
}


def rows():
    """Share of bandwidth and of TDP of every measured run, with its device."""
    with energy.ROWS.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            device = catalog.get(row["device"])
            read = float(row["tokens_per_s"]) * float(row["params"]) * 2
            drawn = float(row["energy_j"]) / float(row["latency_s"])
            yield row["device"], read / device.memory_bandwidth_bytes_per_s, drawn / device.tdp_w


def line(points):
    used, share = np.array([p[1] for p in points]), np.array([p[2] for p in points])
    return np.linalg.lstsq(np.c_[np.ones_like(used), used], share, rcond=None)[0]


def test_the_constants_are_the_least_squares_of_the_rows():
    assert line(list(rows())) == pytest.approx([energy.IDLE_FRAC, energy.SLOPE], rel=5e-3)


def test_a_gpu_left_out_lies_within_the_stated_error():
    found = list(rows())
    for device in {one[0] for one in found}:
        start, slope = line([one for one in found if one[0] != device])
        errors = [np.log(share / (start + slope * used)) for name, used, share in found if name == device]
        assert np.sqrt(np.mean(np.square(errors))) <= energy.SIGMA_GPU + 0.005


def test_the_interval_holds_four_in_five_measured_runs():
    predicted = [
        (share, float(energy.share_of_tdp(np.array(used), np.array(0.0)))) for _, used, share in rows()
    ]
    inside = [abs(np.log(share / mid)) <= Z90 * energy.SIGMA_GPU for share, mid in predicted]
    assert np.mean(inside) >= 0.8


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_busier_device_draws_no_less_and_never_more_than_tdp(low, high, flop):
    low, high = sorted((low, high))
    idle, busy = (float(energy.share_of_tdp(np.array(u), np.array(flop))) for u in (low, high))
    assert energy.IDLE_FRAC <= idle <= busy <= 1.0


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["nvidia-h100-sxm5-80gb", "nvidia-l4", "amd-mi300x", "apple-m2-ultra", "amd-epyc-9654"]),
    st.integers(1, 128),
    st.integers(16, 8192),
    st.integers(2, 512),
    st.sampled_from(["closed", "saturated", "open"]),
)
def test_energy_times_rate_is_power_and_power_is_within_the_device(device, users, isl, osl, load):
    case = {
        **BASE,
        "device": device,
        "concurrency": users,
        "isl": isl,
        "osl": osl,
        "load": load,
        "requests_per_s": 0.1,
    }
    answer = predict(Case.parse(case, where="case"))
    tdp = catalog.get(device).tdp_w
    assert answer.power_w.p50 <= tdp * (1 + 1e-9)
    assert answer.power_w.p50 >= energy.IDLE_FRAC * tdp * (1 - 1e-9)
    product = answer.energy_j_per_output_token.p50 * answer.output_tokens_per_s.p50
    assert product == pytest.approx(answer.power_w.p50, rel=1e-6)


def test_a_fuller_batch_spends_less_energy_on_a_token():
    cases = [Case.parse({**BASE, "concurrency": users}, where="case") for users in (1, 4, 16, 64)]
    spent = [answer.energy_j_per_output_token.p50 for answer in predict_batch(cases)]
    assert spent == sorted(spent, reverse=True)


def test_two_devices_draw_twice_what_they_have():
    one, two = (predict(Case.parse({**BASE, "tp": tp, "concurrency": 64}, where="case")) for tp in (1, 2))
    assert one.power_w.p50 < two.power_w.p50 <= 2 * 700


def test_without_a_tdp_there_is_a_reason():
    answer = predict(Case.parse({**BASE, "device": "google-tpu-v6e"}, where="case"))
    assert answer.power_w is None
    assert answer.energy_j_per_output_token is None
    assert any("TDP" in note for note in answer.notes)


def test_a_cpu_is_an_assumption_and_says_so():
    gpu = predict(Case.parse(BASE, where="case"))
    cpu = predict(Case.parse({**BASE, "device": "amd-epyc-9654", "engine": "llama.cpp"}, where="case"))
    assert gpu.power_evidence is Evidence.TRANSFERRED
    assert cpu.power_evidence is Evidence.ASSUMED
