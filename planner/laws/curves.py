"""Tabled laws: time per unit of work on measured curves, for kernels that switch code with their shape.

Where a library picks another kernel at other row counts, no smooth law of flop and bytes holds; the samples
themselves are the law, joined by straight lines in logarithms,

    ln r(k, x) between the two nearest curves k, each linear in ln x between its samples,

and constant beyond the ends. Time of a call is its units times r.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from profiler.profile import Measurement
from tonnage.evidence import Z90, Evidence
from tonnage.files import Record
from workloads.ops import Amount

Array = NDArray[np.float64]

SIGMA_FLOOR = 0.05
"""No table is trusted further: medians of a steady machine drift by 2 to 6 % over minutes."""
SIGMA_UNCHECKED = 0.3
"""Where a table has too few samples to leave one out."""


class Curve(Record):
    """Samples of one key: x ascending, and the time per unit at each."""

    key: float = Field(gt=0)
    x: tuple[float, ...]
    seconds_per_unit: tuple[float, ...]


class Table(Record):
    """Curves of one kernel and format, keys ascending."""

    kernel: str
    backend: str
    format: str | None = None
    curves: tuple[Curve, ...]
    sigma_log: float = Field(ge=0)
    """Of a sample that the table did not see: each inner one left out, and the spread between passes."""
    evidence: Evidence = Evidence.FITTED

    @property
    def n_shapes(self) -> int:
        """Samples on all curves."""
        return sum(len(curve.x) for curve in self.curves)


class Axes(NamedTuple):
    """How a kernel's samples become points: key of the curve, place on it, units of work."""

    key: Callable[[Measurement], float]
    x: Callable[[Measurement], float]
    units: Callable[[Measurement], float]
    alike: bool = False
    """Curves have one shape: where one lacks a place, the fullest curve's steps stand in."""


def _mean_context(m: Measurement) -> float:
    s = m.shape
    return m.flop / (4.0 * s["batch"] * s["tokens"] * s["heads"] * s["head_dim"])


AXES: Final[Mapping[str, Axes]] = MappingProxyType(
    {
        "ggml_matmul": Axes(
            # A call costs microseconds beside its weights: a matrix of a quarter million takes thrice as
            # long per weight as one of four million.
            key=lambda m: m.shape["n"] * m.shape["k"],
            x=lambda m: m.shape["m"],
            units=lambda m: m.shape["n"] * m.shape["k"],
            alike=True,
        ),
        "ggml_matvecs": Axes(
            key=lambda m: m.shape["n"] * m.shape["k"],
            x=lambda m: m.shape["batch"],
            units=lambda m: m.shape["n"] * m.shape["k"],
            alike=True,
        ),
        "ggml_attention": Axes(
            # Sequences of one token, or one sequence of many: ggml's two ways through a cache.
            key=lambda m: m.shape["batch"] if m.shape["tokens"] == 1 else 1000.0 * m.shape["tokens"],
            x=_mean_context,
            units=lambda m: m.flop,
        ),
        "ggml_layer": Axes(key=lambda m: 1.0, x=lambda m: m.flop, units=lambda m: m.flop),
        "ggml_mamba": Axes(
            key=lambda m: m.shape["batch"] if m.shape["tokens"] == 1 else 1000.0,
            x=lambda m: m.flop,
            units=lambda m: m.flop,
        ),
    }
)
STEP_KERNEL: Final = "ggml_step"
PROMPT_KEY: Final = 1000.0
"""Keys from here on are prompts, below it are batches of single tokens."""


def fast_end_s(measurement: Measurement) -> float:
    """Return the median, or the fastest sample where other programs came in between: load only slows.

    Of passes that were steady each but drifted, the median counts too: none of them is wrong.
    """
    settled = measurement.stable or _steady_passes(measurement) > 1
    return measurement.time_s.p50 if settled else min(measurement.samples_s)


def fit_tables(measurements: Iterable[Measurement]) -> tuple[Table, ...]:
    """Gather what belongs on tables; kernels without `AXES` are left to other laws."""
    groups: defaultdict[tuple[str, str, str | None], list[Measurement]] = defaultdict(list)
    for m in measurements:
        if m.kernel in AXES:
            groups[m.kernel, m.backend, m.format].append(m)
    return tuple(_table(group) for group in groups.values())


def step_overhead_s(measurements: Iterable[Measurement]) -> float | None:
    """Return what a step costs beside its layers: the line through two depths, at zero layers [s]."""
    found = sorted((m.shape["layers"], fast_end_s(m)) for m in measurements if m.kernel == STEP_KERNEL)
    if len(found) < 2:
        return None
    (few, short_s), (many, long_s) = found[0], found[-1]
    return max(short_s - few * (long_s - short_s) / (many - few), 0.0)


def _table(group: list[Measurement]) -> Table:
    axes, first = AXES[group[0].kernel], group[0]
    found: defaultdict[float, defaultdict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for m in group:
        found[axes.key(m)][axes.x(m)].append(fast_end_s(m) / axes.units(m))
    curves = tuple(
        Curve(
            key=key,
            x=tuple(sorted(places)),
            seconds_per_unit=tuple(float(np.exp(np.mean(np.log(places[x])))) for x in sorted(places)),
        )
        for key, places in sorted(found.items())
    )
    sigma_log = float(np.hypot(_left_out_sigma(curves), _between_passes_sigma(group)))
    return Table(
        kernel=first.kernel, backend=first.backend, format=first.format, sigma_log=sigma_log,
        curves=_filled(curves) if axes.alike else curves,
    )  # fmt: skip


def _filled(curves: tuple[Curve, ...]) -> tuple[Curve, ...]:
    """Give every curve the places of the fullest: its own samples hold, between them they bend alike."""
    full = max(curves, key=lambda curve: len(curve.x))
    x = np.log(np.array(full.x))
    steps = np.log(np.array(full.seconds_per_unit))

    def filled(curve: Curve) -> Curve:
        own_x = np.log(np.array(curve.x))
        apart = np.log(np.array(curve.seconds_per_unit)) - np.interp(own_x, x, steps)
        places = np.union1d(x, own_x)
        rates = np.exp(np.interp(places, x, steps) + np.interp(places, own_x, apart))
        return Curve(key=curve.key, x=tuple(np.exp(places).tolist()), seconds_per_unit=tuple(rates.tolist()))

    return tuple(curve if curve is full else filled(curve) for curve in curves)


def _between_passes_sigma(group: list[Measurement]) -> float:
    """Return the log deviation between passes, over all samples: what the machine's state alone moves.

    Samples without two steady passes count only where there are no others: what came in between is no state.
    """
    settled = [m for m in group if _steady_passes(m) > 1] or group
    squares, freedom = 0.0, 0
    for m in settled:
        medians = np.log([np.median(samples) for samples in m.counted])
        squares += float(np.square(medians - medians.mean()).sum())
        freedom += len(medians) - 1
    return float(np.sqrt(squares / freedom)) if freedom else 0.0


def _steady_passes(measurement: Measurement) -> int:
    return sum(one.why_unsteady is None for one in measurement.passes)


def _left_out_sigma(curves: tuple[Curve, ...]) -> float:
    """Half the 80 % interval of log errors of inner samples, each drawn between its neighbours."""
    errors = []
    for curve in curves:
        for i in range(1, len(curve.x) - 1):
            x = np.log(np.array(curve.x))
            y = np.log(np.array(curve.seconds_per_unit))
            errors.append(abs(np.interp(x[i], np.delete(x, i), np.delete(y, i)) - y[i]))
    if len(errors) < 2:
        return SIGMA_UNCHECKED if sum(len(curve.x) for curve in curves) < 3 else 3 * SIGMA_FLOOR
    # A sample in its place halves the distance to the nearest one, and with it the error.
    return max(float(np.quantile(errors, 0.8)) / Z90 / 2, SIGMA_FLOOR)


def seconds_per_unit(table: Table, key: Amount, x: Amount) -> Array:
    """Evaluate a table.

    Parameters
    ----------
    table : Table
    key, x : array_like
        Positive; they broadcast with each other.

    Returns
    -------
    ndarray
        Seconds per unit, between the smallest and the largest sample.
    """
    key, x = np.broadcast_arrays(np.asarray(key, np.float64), np.asarray(x, np.float64))
    rates = np.stack(
        [
            np.interp(np.log(x), np.log(np.array(c.x)), np.log(np.array(c.seconds_per_unit)))
            for c in table.curves
        ]
    )
    keys = np.log(np.array([curve.key for curve in table.curves]))
    place = np.interp(np.log(key), keys, np.arange(len(keys)))
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, len(keys) - 1)
    share = place - low
    at = np.take_along_axis
    mixed = (1 - share) * at(rates, low[None], 0)[0] + share * at(rates, high[None], 0)[0]
    return np.asarray(np.exp(mixed))
