"""Traps that measurements show: number formats and batches that are slower than what they should beat."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from profiler.profile import Measurement

WIDER = {"fp16": "fp32", "bf16": "fp32", "fp8": "bf16", "int8": "bf16"}
"""What a number format should beat when there is much to multiply."""
EMULATED_FRAC = 0.9
"""Below this share of the wider format's best rate, the narrow one is only emulated."""
LEAST_ROWS = 64
"""Fewer rows of a matmul are bound by memory."""
BATCH_FRAC = 1.15
"""A larger batch that takes this much less time than a smaller one is a trap of the smaller one."""


def find_traps(measurements: Iterable[Measurement]) -> tuple[str, ...]:
    """Return one sentence for each trap among the matmuls.

    Notes
    -----
    Only steady measurements count.
    """
    matmuls = [one for one in measurements if one.kernel == "gemm" and one.stable]
    return (*_emulated(matmuls), *_stumbling(matmuls))


def _emulated(matmuls: list[Measurement]) -> Iterator[str]:
    best: dict[tuple[str, str], float] = {}
    for one in matmuls:
        if one.shape["m"] >= LEAST_ROWS:
            key = one.backend, one.dtype
            best[key] = max(best.get(key, 0.0), one.flop_per_s)
    for (backend, dtype), rate in best.items():
        wider = WIDER.get(dtype)
        reached = max((other for (_, name), other in best.items() if name == wider), default=0.0)
        if rate < EMULATED_FRAC * reached:
            yield (
                f"{dtype} matmul on {backend} reaches {rate / reached:.2f} of what {wider} does here: it is "
                f"emulated, so compute in {wider}"
            )


def _stumbling(matmuls: list[Measurement]) -> Iterator[str]:
    """Yield where fewer rows take longer than more rows of the same matrix."""
    found: dict[tuple[str, str, int, int], list[Measurement]] = {}
    for one in matmuls:
        found.setdefault((one.backend, one.dtype, one.shape["n"], one.shape["k"]), []).append(one)
    for (backend, dtype, n, k), ones in found.items():
        ordered = sorted(ones, key=lambda one: one.shape["m"])
        for few, many in pairwise(ordered):
            if few.time_s.p10 > BATCH_FRAC * many.time_s.p90:
                rows = f"{few.shape['m']} rows than with {many.shape['m']}"
                yield f"{dtype} matmul {n} x {k} on {backend} takes longer with {rows}: another kernel starts"
