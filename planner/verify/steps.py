"""Time of one prefill or decode of a GGUF file, from a profile of llama.cpp's graph nodes."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from planner.laws.curves import fit_tables, step_overhead_s
from planner.serving.step.graph_time import PARTS, Tables
from profiler.profile import Profile
from tonnage.errors import FitRejected
from tonnage.evidence import Z90, Quantiles
from workloads import formats
from workloads.architecture import Architecture
from workloads.lower import lower
from workloads.ops import Step
from workloads.readers.gguf import read_architecture, read_weight_format
from workloads.storage import WeightFormat

MICRO_BATCH = 512
"""llama.cpp cuts prompts into passes of so many tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Time of a step with its interval, and seconds by part."""

    time_s: Quantiles
    parts_s: dict[str, float]


def tables_of(profile: Profile) -> Tables:
    """Gather a profile's tables.

    Raises
    ------
    FitRejected
        If it was made without llama.cpp's nodes.
    """
    tables = Tables(fit_tables(profile.measurements), step_overhead_s(profile.measurements) or 0.0)
    if not tables.complete:
        raise FitRejected(
            "this profile holds no times of llama.cpp's graph nodes (ggml_matmul, ggml_layer ...): bench "
            "with the extra 'llama' installed, or leave --profile out"
        )
    return tables


@lru_cache(maxsize=64)
def _read(path: Path) -> tuple[Architecture, WeightFormat]:
    return read_architecture(path), read_weight_format(path)


def predict_step(tables: Tables, path: Path, *, tokens: int, depth: int, batch: int) -> Predicted:
    """Predict prefill of `tokens` of one sequence, or decode of one token of `batch` sequences.

    Parameters
    ----------
    tables : Tables
    path : Path
        A GGUF file; only its header is read.
    tokens, depth, batch : int
        New tokens of each sequence, tokens cached before, sequences.
    """
    architecture, weights = _read(path)
    steps = _prefill(tokens, depth) if tokens > 1 else [_decode(depth, batch)]
    parts = dict.fromkeys(PARTS, 0.0)
    log_error = 0.0
    for number, step in enumerate(steps, start=1):
        ops = lower(architecture, step, weights=weights, kv=formats.kv())
        time = tables.step([op for op in ops if number == len(steps) or op.name != "lm_head"])
        for name in PARTS:
            parts[name] += float(time.seconds[name])
        log_error += float(time.total_sigma_log) * float(time.total_s)
    total_s = sum(parts.values())
    half = float(np.exp(Z90 * log_error / total_s))
    return Predicted(time_s=Quantiles(p10=total_s / half, p50=total_s, p90=total_s * half), parts_s=parts)


def _prefill(tokens: int, depth: int) -> list[Step]:
    """One step per pass; logits are computed after the last one only."""
    return [
        Step(
            prefill_sequences=1.0,
            prefill_tokens=float(min(MICRO_BATCH, tokens - start)),
            prefill_context=float(depth + start),
        )
        for start in range(0, tokens, MICRO_BATCH)
    ]


def _decode(depth: int, batch: int) -> Step:
    return Step(decode_sequences=float(batch), decode_context=float(depth))
