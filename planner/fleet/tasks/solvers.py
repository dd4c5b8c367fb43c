"""Who can solve the tasks of a class: models, in a format where that matters, with their success."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from planner.fleet.tasks.retries import Fit, fitted
from workloads import quality, shelf, tasks
from workloads.task import Task
from workloads.tasks import Success


@dataclass(frozen=True, slots=True, kw_only=True)
class Solver:
    """A model that tries tasks.

    Attributes
    ----------
    name : str
        The model, and its format where the success depends on it.
    rate : Success
        As published, or as the user measured it.
    fit : Fit
        Its tries, after what the format costs.
    loss_frac : float or None
        What the format takes off; None if nobody says.
    """

    name: str
    model: str
    rate: Success
    fit: Fit
    loss_frac: float | None = None

    @property
    def standard_error(self) -> float | None:
        """Of the mean success, from the number of tasks and tries; None if that is not known."""
        if self.rate.tasks is None:
            return None
        return self.fit.tries.standard_error(n_tasks=self.rate.tasks, tries_per_task=self.rate.tries_per_task)


def solver(task: Task, model: str, weights: str | None) -> Solver | None:
    """Return a model as a solver of tasks; None if nobody knows how often it is right.

    Parameters
    ----------
    weights : str or None
        Its format; None for a hosted offer, which seldom says in which precision it serves.
    """
    return _solver(task, model, weights, shelf.folders())


@lru_cache(maxsize=16384)
def _solver(task: Task, model: str, weights: str | None, _folders: tuple[Path, ...]) -> Solver | None:
    rate = next(_rates(task, model, weights), None)
    if rate is None:
        return None
    fit = fitted(rate)
    if rate.weights is not None:
        return Solver(name=f"{model} {rate.weights}", model=model, rate=rate, fit=fit, loss_frac=0.0)
    loss = 0.0 if weights is None else _loss(rate, model, weights)
    if not loss:
        return Solver(name=model, model=model, rate=rate, fit=fit, loss_frac=loss)
    tries = replace(fit.tries, mean=min(1.0, max(0.0, fit.tries.mean * (1 - loss))))
    name = f"{model} {weights}"
    return Solver(name=name, model=model, rate=rate, fit=replace(fit, tries=tries), loss_frac=loss)


def _rates(task: Task, model: str, weights: str | None) -> Iterator[Success]:
    """Yield rates, the one to use first: the user's own of this format, of the model, then published ones."""
    own = [rate for rate in task.rates if rate.model_id == model]
    yield from (rate for rate in own if rate.weights is not None and rate.weights == weights)
    yield from (rate for rate in own if rate.weights is None)
    yield from tasks.success(model, task.benchmark, split=task.split)


def _loss(rate: Success, model: str, weights: str) -> float | None:
    """Return what the format takes off a rate; None if no source gives it on this very benchmark."""
    names = (rate.benchmark, rate.benchmark.lower().replace("-", "_").replace(" ", "_"))
    found = (quality.loss_frac(model, name, weights) for name in names)
    return next((loss for loss in found if loss is not None), None)
