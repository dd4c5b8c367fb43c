"""The solver of the fits against closed forms."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from planner.serving.fitting.descent import Posterior, descend


def posterior(rows, *, outlier=0.0):
    """Rows that all measure the same two parameters, one of them shared by half of the rows."""
    rng = np.random.default_rng(3)
    which = np.arange(rows) % 2
    measured = 1.0 + 0.5 * which + rng.normal(0.0, 0.01, rows)
    measured[0] += outlier
    spread = csr_matrix(np.stack([np.ones(rows), which], axis=1))
    return Posterior(
        errors=lambda logs: (logs[0] - measured) / 0.1,
        spread=[spread],
        centres=np.zeros(2),
        sigmas=np.array([1.0, 0.2]),
        place_of=np.arange(rows),
        weights=np.ones(rows),
    )


@pytest.mark.parametrize("rows", [4, 40])
@pytest.mark.parametrize("outlier", [0.0, 5.0])
def test_the_mode_is_the_one_a_general_solver_finds(rows, outlier):
    one = posterior(rows, outlier=outlier)
    found = descend(one, np.zeros(2), rounds=50, tolerance=1e-12)
    oracle = minimize(lambda theta: one.value(theta)[0], np.zeros(2), method="Nelder-Mead",
                      options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 5000})  # fmt: skip
    assert found == pytest.approx(oracle.x, abs=1e-4)


def test_without_rows_the_prior_stands():
    empty = Posterior(
        errors=lambda logs: logs[0],
        spread=[csr_matrix((0, 2))],
        centres=np.array([1.0, -2.0]),
        sigmas=np.ones(2),
        place_of=np.zeros(0, dtype=np.intp),
        weights=np.zeros(0),
    )
    assert descend(empty, np.zeros(2), rounds=50, tolerance=1e-14) == pytest.approx([1.0, -2.0], abs=1e-4)


def test_one_wild_row_moves_a_robust_fit_little():
    calm, wild = (descend(posterior(40, outlier=o), np.zeros(2), rounds=50) for o in (0.0, 50.0))
    assert np.abs(wild - calm).max() < 0.02
