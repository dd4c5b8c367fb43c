"""Anchors: what a Bayesian update must do, whatever the coefficients and the kernel's numbers are."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.deployment import Case
from planner.figures import Figures
from planner.imports.read import read_files
from planner.imports.told import Told
from planner.prediction import Prediction, Refusal
from planner.serving.anchors.anchor import SAME_SETTING
from planner.serving.predict import predict, predict_batch
from tonnage import api
from tonnage.cli import main
from tonnage.evidence import Evidence
from tonnage.files import write_record

BASE = {
    "id": "x", "device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-8b", "weights": "BF16",
    "engine": "vllm", "isl": 1024, "osl": 256, "concurrency": 16,
}  # fmt: skip
loads = st.fixed_dictionaries(
    {"concurrency": st.integers(1, 128), "isl": st.integers(64, 8192), "osl": st.integers(8, 1024)}
)
setups = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["llama-3.1-8b", "qwen3-32b", "mixtral-8x7b"]),
        "device": st.sampled_from(["nvidia-h100-sxm5-80gb", "amd-mi300x", "nvidia-l40s"]),
        "engine": st.sampled_from(["vllm", "sglang", "an-engine-of-tomorrow"]),
    }
)
factors = st.floats(0.5, 2.0)


def case(**change):
    return Case.parse({**BASE, **change}, where="case")


def width(quantiles):
    """Upper half: the lower one may be cut by what the datasheet allows."""
    return math.log(quantiles.p90 / quantiles.p50)


def shift(after, before):
    return math.log(after.p50 / before.p50)


@settings(max_examples=8, deadline=None)
@given(loads, setups)
def test_an_anchor_at_the_median_only_narrows(load, setup):
    asked = case(**load, **setup)
    before = predict(asked)
    after = predict(asked, anchors=[(asked, Figures(tpot_s=before.tpot_s.p50, ttft_s=before.ttft_s.p50))])
    for name in ("tpot_s", "ttft_s", "output_tokens_per_s"):
        a, b = getattr(after, name), getattr(before, name)
        assert a.p50 == pytest.approx(b.p50, rel=1e-6)
        assert width(a) <= width(b) + 1e-9
    assert width(after.tpot_s) < width(before.tpot_s)


@settings(max_examples=8, deadline=None)
@given(loads, factors)
def test_repeated_anchors_converge_to_what_was_measured(load, factor):
    asked = case(**load)
    before = predict(asked)
    measured = before.tpot_s.p50 * factor
    gaps = []
    for count in (1, 3, 30):
        after = predict(asked, anchors=[(asked, Figures(tpot_s=measured))] * count)
        gaps.append(abs(math.log(after.tpot_s.p50 / max(measured, after.tpot_s.p10))))
    if after.tpot_s.p10 < measured:  # else the datasheet's floor holds against an impossible figure
        assert gaps[2] <= gaps[1] + 1e-9 <= gaps[0] + 2e-9
        assert gaps[2] < 0.02


@settings(max_examples=8, deadline=None)
@given(loads, st.floats(1.1, 2.0))
def test_one_anchor_moves_the_very_setting_by_the_textbook_share(load, factor):
    asked = case(**load)
    before = predict(asked)
    after = predict(asked, anchors=[(asked, Figures(tpot_s=before.tpot_s.p50 * factor))])
    # Normal prior, one observation whose noise is 1 - SAME_SETTING of the variance.
    assert shift(after.tpot_s, before.tpot_s) == pytest.approx(SAME_SETTING * math.log(factor), rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(setups, st.integers(1, 6), st.floats(1.2, 2.0))
def test_farther_loads_and_other_setups_move_less(setup, octaves, factor):
    runs = case(**setup, concurrency=1, osl=128)
    before = predict(runs)
    point = (runs, Figures(tpot_s=before.tpot_s.p50 * factor))
    near, far = (case(**setup, concurrency=2**k, osl=128) for k in (octaves, octaves + 1))
    moves = []
    for asked in (runs, near, far):
        moves.append(shift(predict(asked, anchors=[point]).tpot_s, predict(asked).tpot_s))
    assert moves[0] > moves[1] > moves[2] > 0
    other = case(
        **{**setup, "device": "nvidia-a100-sxm4-80gb", "model": "gemma-3-4b"}, concurrency=1, osl=128
    )
    assert shift(predict(other, anchors=[point]).tpot_s, predict(other).tpot_s) < 0.6 * moves[0]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(loads, setups, factors, factors), min_size=1, max_size=6), loads, setups)
def test_any_anchors_leave_every_interval_in_order_and_no_wider(runs, load, setup):
    points = [
        (
            case(**where, **what),
            Figures(tpot_s=0.02 * later, ttft_s=0.3 * first, output_tokens_per_s=900 * later),
        )
        for where, what, later, first in runs
    ]
    asked = case(**load, **setup)
    before, after = predict(asked), predict(asked, anchors=points)
    for name in ("tpot_s", "ttft_s", "output_tokens_per_s", "requests_per_s"):
        a, b = getattr(after, name), getattr(before, name)
        assert 0 < a.p10 <= a.p50 <= a.p90 < math.inf
        assert width(a) <= width(b) + 1e-9


def test_a_measured_throughput_moves_times_the_other_way():
    asked = case()
    before = predict(asked)
    slow = Figures(output_tokens_per_s=before.output_tokens_per_s.p50 / 1.5)
    after = predict(asked, anchors=[(asked, slow)])
    assert after.tpot_s.p50 > before.tpot_s.p50
    assert after.output_tokens_per_s.p50 < before.output_tokens_per_s.p50
    requests = Figures(requests_per_s=slow.output_tokens_per_s / 256)
    assert predict(asked, anchors=[(asked, requests)]).tpot_s.p50 == pytest.approx(after.tpot_s.p50)


def test_evidence_says_how_near_the_measurement_was():
    asked, point = case(), (case(), Figures(tpot_s=0.012))
    assert predict(asked, anchors=[point]).evidence is Evidence.MEASURED
    far = case(device="google-tpu-v6e", model="gemma-3-4b")
    assert predict(far, anchors=[point]).evidence is predict(far).evidence
    assert "anchored to 1 measured run" in predict(asked, anchors=[point]).notes[-1]


def test_a_case_brings_its_own_anchor_and_leaves_its_neighbours_alone():
    plain = case(id="a")
    with_own = Case.parse({**BASE, "id": "b", "anchor": {"tpot_s": 0.02, "concurrency": 8}}, where="b")
    wrong = Case.parse({**BASE, "id": "c", "anchor": {"concurrency": 8}}, where="c")
    first, second, third = predict_batch([plain, with_own, wrong])
    assert first.tpot_s == predict(plain).tpot_s
    assert isinstance(second, Prediction)
    assert second.tpot_s.p50 > first.tpot_s.p50
    assert isinstance(third, Refusal)
    assert "anchor" in third.error


def test_a_file_of_imported_runs_anchors_the_command_and_the_library(tmp_path, capsys):
    files = Path(__file__).parents[1] / "imports" / "files"
    measured = read_files([files / "vllm_bench.json"], Told(device="nvidia-h100-sxm5-80gb", weights="BF16"))
    path = tmp_path / "runs.json"
    write_record(path, measured)
    words = ["predict", "--device", BASE["device"], "--model", BASE["model"], "--weights", "BF16",
             "--engine", "vllm", "--concurrency", "32", "--isl", "1024", "--osl", "256"]  # fmt: skip
    assert main([*words, "--anchor", str(path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    answer = api.predict({**BASE, "concurrency": 32}, anchor=measured)
    assert shown["tpot_s"]["p50"] == pytest.approx(answer.tpot_s.p50)
    assert shown["evidence"] == "measured"
    batch = tmp_path / "cases.jsonl"
    batch.write_text(json.dumps({**BASE, "concurrency": 32}) + "\n")
    assert main(["predict", "--batch", str(batch), "--anchor", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["tpot_s"] == shown["tpot_s"]
    assert main([*words, "--anchor", str(batch)]) == 2
    assert "measured" in capsys.readouterr().err
    batch.write_text(json.dumps({**BASE, "measured": {"tpot_s": 0.02}}) + "\n")
    assert main([*words, "--anchor", str(batch), "--json"]) == 0


def test_a_batch_with_anchors_gives_each_case_what_it_gets_alone():
    cases = [case(id=str(n), concurrency=2**n) for n in range(6)]
    points = [(cases[2], Figures(tpot_s=0.02)), (cases[4], Figures(ttft_s=0.5))]
    together = predict_batch(cases, anchors=points)
    alone = [predict(one, anchors=points) for one in cases]
    assert np.allclose([a.tpot_s.p50 for a in together], [a.tpot_s.p50 for a in alone])
    assert np.allclose([a.ttft_s.p90 for a in together], [a.ttft_s.p90 for a in alone])


def test_a_measured_draw_takes_the_place_of_the_predicted_one_at_its_own_setting():
    asked, other = case(), case(concurrency=32)
    points = [(asked, Figures(tpot_s=0.011, power_w=480.0))]
    here, there = predict_batch([asked, other], anchors=points)
    assert here.power_w.p50 == pytest.approx(480.0)
    assert here.power_evidence is Evidence.MEASURED
    product = here.energy_j_per_output_token.p50 * here.output_tokens_per_s.p50
    assert product == pytest.approx(480.0)
    assert there.power_evidence is Evidence.TRANSFERRED
