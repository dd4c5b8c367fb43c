"""Fit engine coefficients to published measurements; check them on models and devices left out.

The logs of all base coefficients and deviations have normal priors centred on physics (base) or
on zero (deviations), so a group with few rows stays near the others. Loss: soft L1 on log errors.
One fit takes seconds (see `descent`), so everything can be left out in turn.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Load
from planner.serving import steady_state
from planner.serving.coefficients import FRAC_CEILING, NAMES, RUN, Groups
from planner.serving.fitting.descent import Posterior, descend
from planner.serving.fitting.measured import METRICS, Row, weights
from planner.serving.fitting.priors import SCALES, SHIPPED, SINGLE_TTFT_SCALE, Structure
from planner.serving.placed import Placed
from planner.serving.placement import place
from planner.serving.situation import Situation, demand, situation

Array = NDArray[np.float64]


class Problem:
    """Rows lowered once, to be predicted under any coefficients; rows of one case share its lowering."""

    def __init__(self, rows: Sequence[Row]) -> None:
        places: dict[int, int] = {}
        self.case_of = np.array([places.setdefault(id(row.case), len(places)) for row in rows], dtype=np.intp)
        cases = list({id(row.case): row.case for row in rows}.values())
        self.placed: list[Placed] = [place(case) for case in cases]
        self.groups: list[Groups] = [placed.groups for placed in self.placed]
        self.situation: Situation = situation(self.placed, demand(cases))
        self.queued = np.array([case.load is Load.SATURATED for case in cases])
        self.output = np.array([case.osl for case in cases])
        self.metric = np.array([METRICS.index(row.metric) for row in rows])
        self.log_measured = np.log([row.measured for row in rows])
        self.scale = np.array([_scale(row) for row in rows])
        self.weight = weights(rows)

    def log_predicted(self, logs: Array) -> Array:
        """Log of each row's metric under the `logs` of each case, shape (coefficients, cases)."""
        values = {name: np.exp(row) for name, row in zip(NAMES, logs, strict=True)}
        for name in NAMES:
            if name.endswith("_frac"):
                values[name] = np.minimum(values[name], FRAC_CEILING)
        ready = steady_state.service(self.situation, values)
        loop, full = steady_state.closed(ready), steady_state.saturated(ready)
        rate = np.where(self.queued, full.requests_per_s, loop.requests_per_s)
        found = np.stack([loop.tpot_s, loop.ttft_s, rate * self.output])
        return np.asarray(np.log(found[self.metric, self.case_of]))


def _scale(row: Row) -> float:
    return SINGLE_TTFT_SCALE if row.metric == "ttft_s" and row.case.osl <= 1 else SCALES[row.metric]


_RUN_ROUNDS = 15
"""Steps for what is peculiar to runs, which nothing else depends on."""


class Layout:
    """Where base coefficients and deviations stand in the parameter vector."""

    def __init__(self, groups: Iterable[Groups], structure: Structure = SHIPPED) -> None:
        distinct, priors = set(groups), structure.priors
        self.effects = structure.effects
        self.levels: list[dict[str, int]] = []
        self.centres: list[float] = [float(np.log(priors[name].centre)) for name in NAMES]
        self.sigmas: list[float] = [priors[name].sigma for name in NAMES]
        for effect in structure.effects:
            names = sorted({g.level(effect.grouping) for g in distinct})
            self.levels.append({name: len(self.centres) + i for i, name in enumerate(names)})
            believed = dict(effect.centres)
            self.centres += [believed.get(name, 0.0) for name in names]
            self.sigmas += [effect.sigma] * len(names)
        self.stage = np.zeros(len(self.centres), dtype=np.intp)
        """When a parameter is fitted: 0 what deployments share, 1 what is peculiar to a model on a device,
        2 what is peculiar to one release there."""
        for effect, levels in zip(self.effects, self.levels, strict=True):
            self.stage[list(levels.values())] = _stage(effect.grouping)

    def spread(self, groups: Sequence[Groups]) -> list[Any]:
        """Which parameters add up to each log coefficient: sparse, (rows, parameters) per name.

        A level that was not fitted adds nothing.
        """
        from scipy.sparse import csr_matrix

        rows, shape = np.arange(len(groups)), (len(groups), len(self.centres))
        places = [(rows, np.full(len(groups), number)) for number in range(len(NAMES))]
        for effect, levels in zip(self.effects, self.levels, strict=True):
            found = np.array([levels.get(g.level(effect.grouping), -1) for g in groups], dtype=np.intp)
            number, known = NAMES.index(effect.coefficient), found >= 0
            before = places[number]
            places[number] = (
                np.concatenate([before[0], rows[known]]),
                np.concatenate([before[1], found[known]]),
            )
        return [csr_matrix((np.ones(row.size), (row, column)), shape=shape) for row, column in places]


LAST_STAGE = 2
"""Of what is peculiar to one run."""


def _stage(grouping: str) -> int:
    if grouping == RUN:
        return LAST_STAGE
    return 1 if "model" in grouping.split("+") else 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """A parameter vector with its layout."""

    layout: Layout
    theta: Array

    def log_predicted(self, problem: Problem) -> Array:
        """Log predictions for any rows, known groups or not."""
        logs = np.stack([matrix @ self.theta for matrix in self.layout.spread(problem.groups)])
        return np.asarray(problem.log_predicted(logs))


def fit(problem: Problem, *, structure: Structure = SHIPPED, rounds: int = 40) -> Fitted:
    """Fit all coefficients to the rows of a problem, from the centres of the priors.

    In three stages. What all deployments share is fitted first, and only then with it what is peculiar to
    a model on a device: together from the start, the hundreds of the latter take up what belongs to the
    former, and the descent stands still there. What is peculiar to one run comes last and moves nothing
    else, so that it says nothing of models and devices that were not measured.
    """
    layout = Layout(problem.groups, structure)
    belief = posterior(problem, layout)
    theta = in_stages(belief, layout, belief.centres, rounds=rounds, run_rounds=_RUN_ROUNDS)
    return Fitted(layout, theta)


def in_stages(
    belief: Posterior,
    layout: Layout,
    theta: Array,
    *,
    rounds: int,
    run_rounds: int,
    free: NDArray[np.bool_] | bool = True,
) -> Array:
    """Return `theta` with its `free` parameters at the mode: shared ones, models' own too, then runs' own.

    Parameters
    ----------
    belief : Posterior
    layout : Layout
    theta : ndarray
        Where to start; what is not free stays so.
    rounds, run_rounds : int
        Steps at most, of the first two stages and of the last.
    free : ndarray of bool
        All by default.
    """
    theta = theta.copy()
    stages = (
        (layout.stage == 0, rounds),
        (layout.stage < LAST_STAGE, rounds),
        (layout.stage == LAST_STAGE, run_rounds),
    )
    for stage, most in stages:
        now = stage & free
        if now.any():
            theta[now] = descend(belief.part(now, theta), theta[now], rounds=most)
    return theta


def posterior(problem: Problem, layout: Layout) -> Posterior:
    """Return what the rows of a problem and the priors of a layout say of its parameters."""

    def errors(logs: Array) -> Array:
        return np.asarray((problem.log_predicted(logs) - problem.log_measured) / problem.scale)

    return Posterior(
        errors=errors,
        spread=layout.spread(problem.groups),
        centres=np.array(layout.centres),
        sigmas=np.array(layout.sigmas),
        place_of=problem.case_of,
        weights=problem.weight,
    )


def leave_out(
    rows: Sequence[Row],
    key: Callable[[Row], str],
    *,
    structure: Structure = SHIPPED,
    only: Iterable[str] | None = None,
    rounds: int = 40,
) -> Array:
    """Log error of every row under a fit that saw no row of its key (model, device ...).

    Every fit starts from the priors, as that of all rows does: started anywhere that all rows had a say
    in, it remembers what was left out where the others say little. Not a number for keys outside `only`,
    and where one key has all rows, so that nothing is left to fit.
    """
    errors = np.full(len(rows), np.nan)
    for held in sorted({key(row) for row in rows} if only is None else set(only)):
        inside = [position for position, row in enumerate(rows) if key(row) == held]
        others = [row for row in rows if key(row) != held]
        if not others or not inside:
            continue
        test = Problem([rows[position] for position in inside])
        fitted = fit(Problem(others), structure=structure, rounds=rounds)
        errors[inside] = fitted.log_predicted(test) - test.log_measured
    return errors
