"""Tabled laws: through their samples, between neighbours, flat beyond the ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.laws.curves import SIGMA_FLOOR, Curve, Table, fast_end_s, fit_tables, seconds_per_unit
from profiler.profile import Measurement, Pass
from profiler.statistics import quantiles

RATES = st.floats(1e-12, 1e-6)


def table(*curves: Curve) -> Table:
    return Table(kernel="ggml_matmul", backend="llama.cpp", format="Q8_0", curves=curves, sigma_log=0.1)


def measured(m: int, time_s: float, *, stable: bool = True, slowest: float = 1.0) -> Measurement:
    samples = (time_s, time_s * slowest, time_s * slowest)
    return Measurement(
        kernel="ggml_matmul", backend="llama.cpp", device="cpu", dtype="int8", format="Q8_0",
        shape={"m": m, "n": 100, "k": 10}, flop=2000.0 * m, bytes=1.0, samples_s=samples,
        time_s=quantiles(samples), stable=stable,
    )  # fmt: skip


@given(rates=st.lists(RATES, min_size=2, max_size=5), at=st.floats(0.01, 1e6))
def test_lies_between_its_neighbours_and_ends_flat(rates, at):
    x = tuple(4.0**i for i in range(len(rates)))
    found = float(seconds_per_unit(table(Curve(key=1.0, x=x, seconds_per_unit=tuple(rates))), 1.0, at))
    place = int(np.searchsorted(x, at))
    near = rates[max(place - 1, 0) : place + 1] or rates[-1:]
    assert min(near) * (1 - 1e-9) <= found <= max(near) * (1 + 1e-9)


@given(low=RATES, high=RATES, share=st.floats(0, 1))
def test_between_curves_it_is_geometric_in_the_key(low, high, share):
    curves = (
        Curve(key=1.0, x=(1.0,), seconds_per_unit=(low,)),
        Curve(key=100.0, x=(1.0,), seconds_per_unit=(high,)),
    )
    found = float(seconds_per_unit(table(*curves), 100.0**share, 7.0))
    assert found == pytest.approx(low ** (1 - share) * high**share, rel=1e-6)


def test_fit_goes_through_samples_even_where_time_jumps():
    """Two rows cost more than four in some kernels: the table keeps that."""
    (found,) = fit_tables([measured(1, 1e-4), measured(2, 9e-4), measured(4, 5e-4)])
    assert [float(seconds_per_unit(found, 1.0, m)) * 1000 for m in (1, 2, 4)] == pytest.approx(
        [1e-4, 9e-4, 5e-4]
    )
    assert found.n_shapes == 3


def test_a_curve_with_few_samples_bends_like_the_fullest():
    """Twice the time per weight at its two ends is twice the time between them, jumps and all."""
    full = [measured(m, time_s) for m, time_s in ((1, 1e-4), (2, 9e-4), (4, 5e-4), (8, 9e-4))]
    small = [
        measured(m, time_s).model_copy(update={"shape": {"m": m, "n": 10, "k": 10}})
        for m, time_s in ((1, 2e-5), (8, 18e-5))
    ]
    (found,) = fit_tables([*full, *small])
    for m in (1, 2, 4, 8, 100):
        wide, narrow = (float(seconds_per_unit(found, key, m)) for key in (1000.0, 100.0))
        assert narrow == pytest.approx(2 * wide)


def test_passes_that_differ_widen_the_table():
    def passes(apart: float) -> list[Measurement]:
        found = []
        for i in range(4):
            samples = (1e-5 * 2**i, 1e-5 * 2**i * apart)
            taken = tuple(Pass(at_s=float(at), samples=1) for at in range(2))
            update = {"samples_s": samples, "passes": taken, "time_s": quantiles(samples)}
            found.append(measured(2**i, 1e-5).model_copy(update=update))
        return found

    (calm,), (moved,) = fit_tables(passes(1.0)), fit_tables(passes(1.3))
    assert calm.sigma_log == pytest.approx(SIGMA_FLOOR)
    between = np.log(1.3) / np.sqrt(2)
    assert moved.sigma_log == pytest.approx(np.hypot(SIGMA_FLOOR, between))


def test_kernels_without_axes_are_left_to_other_laws():
    other = measured(1, 1e-4).model_copy(update={"kernel": "gemm"})
    assert fit_tables([other]) == ()


def test_a_smooth_table_is_trusted_more_than_a_rough_one():
    smooth = fit_tables([measured(2**i, 1e-5 * 2**i) for i in range(6)])[0]
    rough = fit_tables([measured(2**i, 1e-5 * 2**i * (3 if i % 2 else 1)) for i in range(6)])[0]
    assert smooth.sigma_log < rough.sigma_log


def test_unsteady_samples_count_by_their_fastest():
    assert fast_end_s(measured(1, 1e-4, slowest=3.0)) == pytest.approx(3e-4)
    assert fast_end_s(measured(1, 1e-4, slowest=3.0, stable=False)) == pytest.approx(1e-4)
