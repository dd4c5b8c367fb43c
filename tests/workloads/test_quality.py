from itertools import pairwise

import pytest

from tonnage.evidence import Evidence
from workloads import formats, models, quality, shelf


def test_scores_are_of_known_models_and_in_percent() -> None:
    scored = 0
    for name in models.names():
        for benchmark in quality.BENCHMARKS:
            rows = quality.published(name, benchmark)
            scored += bool(rows)
            for row in rows:
                assert 0 < row.percent <= 100
                assert row.source
    assert scored > 290


def test_every_scored_block_is_a_model() -> None:
    assert set(shelf.names("quality")) <= set(models.names())
    assert set(shelf.names("format_losses")) <= set(formats.names())


def test_an_instruct_score_comes_before_a_base_one_of_another_setting() -> None:
    first = quality.published("llama-3.1-8b", "mmlu")[0]
    assert (first.percent, first.variant, first.setting) == (69.4, "instruct", "5-shot")


def test_a_loss_of_this_very_model_is_preferred() -> None:
    score = quality.score("llama-3-8b", "mmlu", weights="Q4_K_M")
    assert score is not None
    assert score.evidence is Evidence.DATASHEET
    assert score.value_percent == pytest.approx(68.4 * 64.64 / 65.2, rel=1e-4)


def test_a_loss_comes_from_the_model_nearest_in_size() -> None:
    small = quality.score("qwen2.5-7b", "mmlu", weights="IQ2_XS")
    large = quality.score("qwen2.5-72b", "mmlu", weights="IQ2_XS")
    assert small is None or small.evidence is Evidence.TRANSFERRED
    assert large is not None
    assert large.loss_percent == pytest.approx(85.3 * 0.0728)


def test_the_native_precision_costs_nothing() -> None:
    for model, weights in [("deepseek-r1", "FP8"), ("gpt-oss-120b", "MXFP4"), ("llama-3.1-8b", "BF16")]:
        score = quality.score(model, "mmlu", weights=weights)
        assert score is not None
        assert score.loss_percent == 0


def test_stand_ins_are_assumed_and_lead_to_measured_formats() -> None:
    score = quality.score("llama-3.1-8b", "mmlu", weights="q4f16_1")
    assert score is not None
    assert score.evidence is Evidence.ASSUMED
    for name in shelf.names("format_losses"):
        rows, _ = quality.losses(name)
        assert rows or formats.get(name).bits_per_weight >= 16


def test_what_nobody_knows_is_none() -> None:
    assert quality.score("llama-3.1-8b", "mmlu", weights="TQ1_0") is None
    assert quality.score("mamba-130m", "mmlu") is None


def test_fewer_bits_of_one_family_never_score_better() -> None:
    """Within the noise of a benchmark of 14 042 questions, about half a point."""
    family = ["Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"]
    scores = [quality.score("llama-3-8b", "mmlu", weights=name) for name in family]
    values = [score.value_percent for score in scores if score is not None]
    assert len(values) == len(family)
    assert all(low <= high + 0.5 for low, high in pairwise(values))
