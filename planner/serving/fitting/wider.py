"""Rows of other collections, fitted last: they say what they alone know, and move nothing else.

The rows of the fit cover few engines and devices, closely; wider collections cover many, loosely, with
clients and settings that nobody stated. Fitted with the others at once they made those worse. So the
deviations of every level that the rows of the fit know stay as they are, and those of levels that only
the wider rows know (an engine, a compute API, a device, a release, a run) are fitted to what is left.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.serving.coefficients import NAMES
from planner.serving.fitting.calibrate import Fitted, Layout, Problem, in_stages, posterior
from planner.serving.fitting.measured import Row
from planner.serving.fitting.priors import SHIPPED, Structure

Array = NDArray[np.float64]


def widened(
    fitted: Fitted, known: Problem, wider: Problem, *, structure: Structure = SHIPPED, rounds: int = 40
) -> Fitted:
    """Add to a fit what only wider rows know.

    Parameters
    ----------
    fitted : Fitted
        To the rows of `known`, with the same structure.
    known, wider : Problem
    structure : Structure
    rounds : int
        Steps of each stage at most.

    Returns
    -------
    Fitted
        Which predicts every row of `known` as `fitted` does.
    """
    layout = Layout([*known.groups, *wider.groups], structure)
    theta, new = _carried(fitted, layout)
    belief = posterior(wider, layout)
    theta = in_stages(belief, layout, theta, rounds=rounds, run_rounds=rounds, free=new)
    return Fitted(layout, theta)


def _carried(fitted: Fitted, layout: Layout) -> tuple[Array, NDArray[np.bool_]]:
    """Return the parameters of a layout as far as they are fitted, and which are not."""
    theta = np.array(layout.centres)
    new = np.ones(theta.size, dtype=bool)
    theta[: len(NAMES)], new[: len(NAMES)] = fitted.theta[: len(NAMES)], False
    for levels, before in zip(layout.levels, fitted.layout.levels, strict=True):
        for name in levels.keys() & before.keys():
            theta[levels[name]], new[levels[name]] = fitted.theta[before[name]], False
    return theta, new


def held_out(
    fitted: Fitted, known: Problem, parts: Sequence[Sequence[Row]]
) -> Sequence[tuple[Sequence[Row], Sequence[Row], Array]]:
    """Return each part of the wider rows, all others, and its log errors under a fit that saw those."""
    found = []
    for number, part in enumerate(parts):
        rest = [row for other, rows in enumerate(parts) if other != number for row in rows]
        told = widened(fitted, known, Problem(rest)) if rest else fitted
        problem = Problem(part)
        found.append((part, rest, told.log_predicted(problem) - problem.log_measured))
    return found
