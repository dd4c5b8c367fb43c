"""Rows times panels, the inner loop of decoding, against numpy, with pair instructions and without."""

import numpy as np
import pytest

from profiler.backends.numba_cpu import _to_bf16

pytest.importorskip("numba")


def product(weights, panels, rows):
    """Return what a newly compiled operation makes of the panel in `panels`."""
    import numba

    from profiler.backends.compiled import panel

    operation = {1: panel._rows_times_panel(1), 2: panel._rows_times_panel(2), 4: panel._rows_times_panel(4)}[
        len(weights)
    ]

    @numba.njit
    def run(weights, panels, rows, out):
        operation(weights, 0, panels, 0, rows, out, 0, 0)

    out = np.zeros((len(weights), panel.COLUMNS), np.float32)
    run(weights, panels, rows, out)
    return out


def pairs_of_rows(panel):
    """Put the values of two rows side by side."""
    return np.ascontiguousarray(panel.reshape(-1, 2, panel.shape[1]).swapaxes(1, 2)).reshape(panel.shape)


def widened(short):
    return (short.astype(np.uint32) << 16).view(np.float32)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_bfloat16_in_pairs_multiplies_like_float64(monkeypatch, native, heads):
    from profiler.backends.compiled import pairs

    if native and not pairs.has_pair_product():
        pytest.skip("this CPU has no instruction for pairs of bfloat16")
    monkeypatch.setattr(pairs, "has_pair_product", lambda: native)
    rng = np.random.default_rng(heads)
    weights = _to_bf16(rng.standard_normal((heads, 6), dtype=np.float32))
    rows = _to_bf16(rng.standard_normal((6, 64), dtype=np.float32))
    expected = widened(weights).astype(float) @ widened(rows).astype(float)
    assert product(weights, pairs_of_rows(rows), 6) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_float32_multiplies_like_float64(heads):
    rng = np.random.default_rng(heads)
    weights, rows = (rng.standard_normal(shape, dtype=np.float32) for shape in ((heads, 5), (5, 64)))
    assert product(weights, rows, 5) == pytest.approx(weights.astype(float) @ rows.astype(float), abs=1e-5)


@pytest.mark.parametrize("heads", [1, 3, 7, 8, 9, 14, 16])
@pytest.mark.parametrize("short", [False, True])
def test_any_number_of_rows_times_a_panel_is_added_to_what_is_there(heads, short):
    import numba

    from profiler.backends.compiled import panel

    @numba.njit
    def run(weights, panels, out):
        panel.add_product(weights, panels, 64, 6, out, 64, 10_000_000)

    rng = np.random.default_rng(heads)
    weights, rows, before = (
        rng.standard_normal(shape, dtype=np.float32) for shape in ((heads, 6), (7, 64), (heads, 192))
    )
    out, kept = before.copy(), rows[1:]
    if short:
        weights, kept = _to_bf16(weights), _to_bf16(rows[1:])
        run(weights, np.concatenate([np.zeros((1, 64), np.uint16), pairs_of_rows(kept)]), out)
        weights, kept = widened(weights), widened(kept)
    else:
        run(weights, rows, out)
    expected = before.astype(float)
    expected[:, 64:128] += weights.astype(float) @ kept.astype(float)
    assert out == pytest.approx(expected, abs=1e-4)
