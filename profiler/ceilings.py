"""The roof of the roofline: the best that any backend reached here."""

from collections.abc import Callable, Iterable, Mapping

from profiler.profile import Ceilings, MatmulCeiling, Measurement

MEMORY_KERNELS = ("read", "copy", "triad")
MATMUL_KERNELS = ("gemm", "quant_matmul", "ggml_matmul")

Shape = tuple[tuple[str, int], ...]

LEAST_ARRAY_BYTES = 16 * 2**20
"""Smaller arrays may be found in a cache even when copies of them are rotated."""


def find_ceilings(measurements: Iterable[Measurement]) -> Ceilings:
    """Return the best memory bandwidth and the best arithmetic rate per dtype.

    Parameters
    ----------
    measurements : iterable of Measurement

    Returns
    -------
    Ceilings
        At median times, each with the backend, kernel and shape that reached
        it. An unsteady measurement counts by the slow end of its interval: a fast one that was
        disturbed is the ceiling where it surely passes what a slow one reached steadily.
    """
    memory: dict[tuple[str, Shape], Measurement] = {}
    matmul: dict[tuple[str, Shape], Measurement] = {}
    by_rows: dict[tuple[str, str, int], Measurement] = {}
    for measurement in measurements:
        if measurement.kernel in MEMORY_KERNELS:
            if measurement.shape["size_bytes"] >= LEAST_ARRAY_BYTES:
                place = measurement.kernel, _shape(measurement)
                memory[place] = max(memory.get(place, measurement), measurement, key=_bandwidth)
        elif measurement.kernel in MATMUL_KERNELS:
            place = measurement.dtype, _shape(measurement)
            matmul[place] = max(matmul.get(place, measurement), measurement, key=_arithmetic)
            key = measurement.dtype, measurement.format or "", measurement.shape["m"]
            by_rows[key] = max(by_rows.get(key, measurement), measurement, key=_arithmetic)
    moved, computed = _over_shapes(memory, _bandwidth), _over_shapes(matmul, _arithmetic)
    fastest = max(moved.values(), key=_bandwidth, default=None)
    reached_by = {of: _name(one) for found in (moved, computed) for of, one in found.items()}
    if fastest is not None:
        reached_by["memory"] = _name(fastest)
    return Ceilings(
        memory_bandwidth_bytes_per_s=fastest.bytes_per_s if fastest is not None else None,
        bandwidth_bytes_per_s={kernel: one.bytes_per_s for kernel, one in moved.items()},
        peak_flop_per_s={dtype: one.flop_per_s for dtype, one in computed.items()},
        reached_by=reached_by,
        matmuls=_matmuls(by_rows),
    )


def _over_shapes(
    found: Mapping[tuple[str, Shape], Measurement], rate: Callable[[Measurement], float]
) -> dict[str, Measurement]:
    """Return, per kernel or dtype, the shape that surely moves or computes most per second."""
    best: dict[str, Measurement] = {}
    for (name, _), one in found.items():
        best[name] = max(best.get(name, one), one, key=rate)
    return best


def _surely(measurement: Measurement, amount: float) -> float:
    """Return a rate: at the median time where that is steady, else at the slow end of the interval."""
    return amount / (measurement.time_s.p50 if measurement.stable else measurement.time_s.p90)


def _shape(measurement: Measurement) -> Shape:
    return tuple(sorted(measurement.shape.items()))


def _matmuls(by_rows: Mapping[tuple[str, str, int], Measurement]) -> tuple[MatmulCeiling, ...]:
    return tuple(
        MatmulCeiling(
            dtype=one.dtype, format=one.format, rows=one.shape["m"], flop_per_s=one.flop_per_s,
            bytes_per_s=one.bytes_per_s, reached_by=_name(one), stable=one.stable,
        )
        for _, one in sorted(by_rows.items())
    )  # fmt: skip


def _bandwidth(measurement: Measurement) -> float:
    return _surely(measurement, measurement.bytes)


def _arithmetic(measurement: Measurement) -> float:
    return _surely(measurement, measurement.flop)


def _name(measurement: Measurement) -> str:
    shape = " ".join(f"{name}={size}" for name, size in measurement.shape.items())
    stored = f" {measurement.format}" if measurement.format else ""
    return f"{measurement.backend} {measurement.kernel}{stored} {shape}"
