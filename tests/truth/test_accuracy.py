"""Predictions against published measurements: a loose gate against drift, not the validation.

`sample.jsonl` is a random part of the rows that the shipped coefficients were fitted to, so this
says that the pipeline still reproduces them; held-out errors are in docs/validation.md.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from planner.deployment import Case
from planner.serving.predict import predict_batch

SAMPLE = [json.loads(line) for line in (Path(__file__).parent / "sample.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def answers():
    return predict_batch([Case.parse(data, where="sample") for data in SAMPLE])


def pairs(answers, stratum, metric):
    found = []
    for data, answer in zip(SAMPLE, answers, strict=True):
        if data["stratum"] == stratum and metric in data["measured"]:
            found.append((getattr(answer, metric), data["measured"][metric]))
    return found


@pytest.mark.parametrize(
    ("stratum", "metric", "most_median"),
    [
        ("single", "tpot_s", 0.10),
        ("single", "ttft_s", 0.20),
        ("closed", "tpot_s", 0.12),
        ("closed", "ttft_s", 0.35),
        ("saturated", "output_tokens_per_s", 0.12),
    ],
)
def test_medians_stay_near_the_measurements(answers, stratum, metric, most_median):
    errors = [abs(q.p50 / measured - 1) for q, measured in pairs(answers, stratum, metric)]
    assert len(errors) >= 25
    assert np.median(errors) < most_median


def test_intervals_hold_about_four_in_five(answers):
    inside = [
        q.p10 <= measured <= q.p90
        for stratum in ("single", "closed", "saturated")
        for metric in ("tpot_s", "ttft_s", "output_tokens_per_s")
        for q, measured in pairs(answers, stratum, metric)
    ]
    assert 0.65 < np.mean(inside) < 0.95
