"""Maximum a posteriori by damped Gauss-Newton steps on a sparse Jacobian.

A row depends on one coefficient of each name, and a coefficient on a handful of parameters: with the
normal equations a fit of five thousand rows and four hundred parameters takes seconds, where a dense
least-squares solver takes half a minute.

References: Levenberg, Quart. Appl. Math. 2, 164-168, 1944; Marquardt, J. SIAM 11, 431-441, 1963;
for the reweighting Holland and Welsch, Comm. Stat. A 6, 813-827, 1977.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FIRST_DAMPING = 1e-2
_LEAST_DAMPING = 1e-6
_DAMPING_FACTOR = 6.0
_TRIES = 6
_LONGEST_STEP = 1.5
_SLOPE_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Posterior:
    """Minus twice the log of a posterior density: weighted soft L1 loss of the rows plus normal priors.

    Attributes
    ----------
    errors : callable
        Scaled errors of the rows from the log coefficients, arrays of shape (names, places).
    spread : sequence of sparse matrix
        Which parameters add up to each name's log coefficient, shape (places, parameters).
    centres, sigmas : ndarray, shape (parameters,)
        Of the priors.
    place_of : ndarray of int, shape (rows,)
        Whose coefficients a row depends on.
    weights : ndarray, shape (rows,)
        Of the rows in the loss.
    given : ndarray, shape (names, places), or 0
        Part of the log coefficients that no parameter changes.
    """

    errors: Callable[[Array], Array]
    spread: Sequence[Any]
    centres: Array
    sigmas: Array
    place_of: NDArray[np.intp]
    weights: Array
    given: Array | float = 0.0

    def part(self, free: NDArray[np.bool_], theta: Array) -> "Posterior":
        """Return the posterior of the `free` parameters where all others stay as in `theta`."""
        rest = np.where(free, 0.0, theta)
        columns = np.flatnonzero(free)
        return replace(
            self,
            spread=[matrix[:, columns] for matrix in self.spread],
            centres=self.centres[free],
            sigmas=self.sigmas[free],
            given=self.logs(rest),
        )

    def logs(self, theta: Array) -> Array:
        """Log coefficients of every place."""
        return np.asarray(np.stack([matrix @ theta for matrix in self.spread]) + self.given)

    def value(self, theta: Array) -> tuple[float, Array]:
        """Value to be minimised, and the errors of the rows."""
        errors = self.errors(self.logs(theta))
        loss = 2.0 * np.sum(self.weights * (np.sqrt(1.0 + errors * errors) - 1.0))
        return float(loss + np.sum(((theta - self.centres) / self.sigmas) ** 2)), errors

    def normal_equations(self, theta: Array, errors: Array) -> tuple[Array, Array]:
        """Curvature and half gradient, rows weighted down as the loss flattens."""
        from scipy.sparse import diags

        logs = self.logs(theta)
        jacobian: Any = 0
        for number, matrix in enumerate(self.spread):
            moved = logs.copy()
            moved[number] += _SLOPE_STEP
            slope = (self.errors(moved) - errors) / _SLOPE_STEP
            jacobian = jacobian + diags(np.nan_to_num(slope)) @ matrix[self.place_of]
        jacobian.eliminate_zeros()
        weight = self.weights / np.sqrt(1.0 + errors * errors)
        curvature = (jacobian.T @ diags(weight) @ jacobian).toarray() + np.diag(1.0 / self.sigmas**2)
        gradient = jacobian.T @ (weight * errors) + (theta - self.centres) / self.sigmas**2
        return np.asarray(curvature), np.asarray(gradient)


def descend(posterior: Posterior, start: Array, *, rounds: int, tolerance: float = 1e-4) -> Array:
    """Return the parameters at the mode, from `start` in at most `rounds` steps."""
    theta, damping = start, _FIRST_DAMPING
    value, errors = posterior.value(theta)
    for _ in range(rounds):
        curvature, gradient = posterior.normal_equations(theta, errors)
        for _ in range(_TRIES):
            step = np.clip(_step(curvature, gradient, damping), -_LONGEST_STEP, _LONGEST_STEP)
            tried, tried_errors = posterior.value(theta + step)
            if tried < value:
                break
            damping *= _DAMPING_FACTOR
        else:
            break
        gain = (value - tried) / max(value, 1.0)
        theta, value, errors = theta + step, tried, tried_errors
        damping = max(damping / _DAMPING_FACTOR, _LEAST_DAMPING)
        if gain < tolerance:
            break
    return np.asarray(theta)


def _step(curvature: Array, gradient: Array, damping: float) -> Array:
    """Damped step; what moves no row that another parameter moves too is divided, not solved."""
    from scipy.linalg import solve

    step = -gradient / (np.diag(curvature) * (1.0 + damping))
    tied = np.flatnonzero(np.count_nonzero(curvature, axis=0) > 1)
    if tied.size:
        damped = curvature[np.ix_(tied, tied)]
        damped[np.diag_indices_from(damped)] *= 1.0 + damping
        step[tied] = solve(damped, -gradient[tied], assume_a="pos")
    return np.asarray(step)
