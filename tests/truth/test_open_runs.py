"""Requests at a fixed rate, as published: the online serving table of TensorRT-LLM 0.14.

github.com/NVIDIA/TensorRT-LLM, v0.14.0, docs/source/performance/perf-overview.md. Not fitted; that a
request at random waits for half a step was checked on them.
"""

import numpy as np

from planner.deployment import Case
from planner.serving.predict import predict_batch

RUNS = (
    ("nvidia-h100-sxm5-80gb", "llama-3.1-70b", 4, 467, 256, 2.0, 0.062, 0.021),
    ("nvidia-h100-sxm5-80gb", "llama-3.1-70b", 4, 467, 256, 8.0, 0.092, 0.032),
    ("nvidia-h100-sxm5-80gb", "llama-3.1-70b", 4, 467, 16, 4.0, 0.058, 0.020),
    ("nvidia-h100-sxm5-80gb", "llama-3.1-70b", 4, 202, 214, 2.0, 0.048, 0.020),
    ("nvidia-h100-sxm5-80gb", "llama-3.1-8b", 1, 467, 256, 2.0, 0.023, 0.008),
    ("nvidia-h100-sxm5-80gb", "llama-3.1-8b", 1, 467, 256, 16.0, 0.030, 0.011),
    ("nvidia-h100-sxm5-80gb", "llama-3.1-8b", 1, 467, 16, 32.0, 0.029, 0.010),
    ("nvidia-h200-sxm-141gb", "llama-3.1-70b", 4, 467, 256, 4.0, 0.063, 0.020),
    ("nvidia-h200-sxm-141gb", "llama-3.1-70b", 4, 467, 16, 16.0, 0.103, 0.033),
    ("nvidia-h200-sxm-141gb", "llama-3.1-8b", 1, 467, 256, 32.0, 0.044, 0.016),
    ("nvidia-h200-sxm-141gb", "llama-3.1-8b", 1, 202, 214, 16.0, 0.020, 0.008),
)
"""Device, model, devices, prompt and output tokens, requests a second, TTFT and TPOT in seconds."""


def test_first_tokens_at_a_fixed_rate_come_when_published_runs_say():
    cases = [
        Case.parse(
            {"id": str(i), "device": device, "model": model, "weights": "BF16", "engine": "trtllm",
             "engine_version": "0.14 (2024-11)", "tp": tp, "isl": isl, "osl": osl, "load": "open",
             "requests_per_s": rate}, where="run",
        )
        for i, (device, model, tp, isl, osl, rate, _, _) in enumerate(RUNS)
    ]  # fmt: skip
    for name, column in (("ttft_s", 6), ("tpot_s", 7)):
        off = [
            np.log(getattr(answer, name).p50 / run[column])
            for answer, run in zip(predict_batch(cases), RUNS, strict=True)
        ]
        assert np.median(np.abs(off)) < np.log(1.25)
        assert np.max(np.abs(off)) < np.log(1.6)
