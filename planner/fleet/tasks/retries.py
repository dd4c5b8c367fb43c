"""How much trying again helps: tries at one task are alike, some tasks are simply harder."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from tonnage.evidence import Evidence
from workloads import shelf, tasks
from workloads.tasks import Success

Floats = npt.NDArray[np.float64]

EXTREME = 1e-6
"""A correlation this close to 0 or 1 is taken for it: the beta distribution has left its numeric range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """A beta-binomial: each task has its own chance of success, spread as a beta over the tasks.

    Attributes
    ----------
    mean : float
        Chance that one try at one task succeeds, m = a / (a + b).
    correlation : float
        Of two tries at the same task, r = 1 / (a + b + 1): 0 is independent
        tries, 1 is tasks that either always or never succeed.

    Notes
    -----
    After s successes in n tries the next one succeeds with

        (m (1 - r) + s r) / (1 - r + n r)        = (a + s) / (a + b + n)

    the Polya urn of the beta-binomial, which also holds at r = 0 and r = 1.
    The product over tries gives E[p^i (1 - p)^j].
    """

    mean: float
    correlation: float

    def moment(self, right: int, wrong: int = 0) -> float:
        """Return E[p^right (1 - p)^wrong]: that a given order of successes and failures comes."""
        m, r, chance = self.mean, self.correlation, 1.0
        for n in range(right + wrong):
            seen, share = (n, m) if n < right else (n - right, 1 - m)
            chance *= share if n == 0 else (share * (1 - r) + seen * r) / (1 - r + n * r)
        return chance

    def all_of(self, k: int) -> float:
        """Return pass^k = prod_i (a + i) / (a + b + i), i < k: all of k tries succeed."""
        return self.moment(k)

    def any_of(self, k: int) -> float:
        """Return pass@k = 1 - prod_i (b + i) / (a + b + i), i < k: at least one of k tries succeeds."""
        return 1.0 - self.moment(0, k)

    def easiest_first(self, count: int) -> Floats:
        """Return the chances of success of `count` tasks of equal weight, easiest first, shape (count,)."""
        rank = 1.0 - (np.arange(count) + 0.5) / count
        m, r = self.mean, self.correlation
        if r < EXTREME or m in (0.0, 1.0):
            return np.full(count, m)
        if r > 1 - EXTREME:
            return np.where(rank > 1 - m, 1.0, 0.0)
        from scipy.special import betaincinv

        ahead = 1 / r - 1
        chances = np.asarray(betaincinv(m * ahead, (1 - m) * ahead, rank), dtype=np.float64)
        return np.minimum.accumulate(chances)  # the inverse wavers where it underflows

    def standard_error(self, *, n_tasks: int, tries_per_task: int) -> float:
        """Return the sampling error of a mean over n tasks with c tries each.

        Notes
        -----
        m (1 - m) (r + (1 - r) / c) / n is its square: the second try at a task
        tells little when tries are alike. m is drawn half a task towards 1/2
        (Jeffreys), so that a rate of 0 or 1 is not taken for certain.
        """
        m = (self.mean * n_tasks + 0.5) / (n_tasks + 1)
        alike = self.correlation + (1 - self.correlation) / tries_per_task
        return math.sqrt(m * (1 - m) * alike / n_tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Who decides whether a try is taken; by default everything is.

    Attributes
    ----------
    usd : float
        Price of one check. [USD]
    false_accept, false_reject : float
        Chance that a wrong result is taken, and that a right one is not.
    """

    usd: float = 0.0
    false_accept: float = 1.0
    false_reject: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How up to r tries at a task end: taken and right, taken and wrong, or none taken."""

    right: float
    wrong: float
    open: float
    tries: float


def attempt(tries: Tries, verifier: Verifier, *, up_to: int) -> Ended:
    """Return how a task ends that is tried until the verifier takes a result.

    Notes
    -----
    With u = p f_r + (1 - p) (1 - f_a), the chance that a try at a task of
    chance p is not taken, the try after j refusals is reached with E[u^j] and
    is right and taken with (1 - f_r) E[u^j p]. Both follow from the moments by
    the binomial theorem; all terms are positive.
    """
    keep_right, keep_wrong = 1 - verifier.false_reject, 1 - verifier.false_accept
    reached = [_refused(tries, verifier.false_reject, keep_wrong, j) for j in range(up_to + 1)]
    right = keep_right * sum(
        _refused(tries, verifier.false_reject, keep_wrong, j, then=1) for j in range(up_to)
    )
    return Ended(
        right=right, wrong=max(1.0 - reached[-1] - right, 0.0), open=reached[-1], tries=sum(reached[:-1])
    )


def _refused(tries: Tries, right: float, wrong: float, j: int, *, then: int = 0) -> float:
    """Return E[(p right + (1 - p) wrong)^j p^then]."""
    return sum(
        math.comb(j, i) * right**i * wrong ** (j - i) * tries.moment(i + then, j - i) for i in range(j + 1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Tries fitted to a published rate, with the largest miss of a share and how the correlation is known."""

    tries: Tries
    largest_miss: float
    evidence: Evidence


def fit(rate: Success) -> Fit | None:
    """Return the beta-binomial of a rate; None if it reports one number of tries alone.

    Notes
    -----
    The mean is the published share of first tries. The correlation is the one
    that comes nearest, in least squares, to the shares of all or any of k > 1.
    """
    if rate.with_feedback or len(rate.ks) < 2:
        return None
    from scipy.optimize import minimize_scalar

    def misses(correlation: float) -> list[float]:
        tries = Tries(mean=rate.first_try, correlation=correlation)
        return [
            *(tries.all_of(k) - share for k, share in rate.all_of.items()),
            *(tries.any_of(k) - share for k, share in rate.any_of.items()),
        ]

    found = minimize_scalar(
        lambda r: sum(miss**2 for miss in misses(r)), bounds=(0, 1), method="bounded", options={"xatol": 1e-6}
    )
    correlation = float(found.x)
    return Fit(
        tries=Tries(mean=rate.first_try, correlation=correlation),
        largest_miss=max(map(abs, misses(correlation))),
        evidence=Evidence.FITTED,
    )


def fitted(rate: Success) -> Fit:
    """Return the beta-binomial of a rate, with a correlation of others where it tells none itself.

    Notes
    -----
    A rate of first tries alone takes the median correlation of the models
    fitted on the same split, else on the same benchmark, else anywhere.
    """
    own = fit(rate)
    if own is not None:
        return own
    scope = _correlations(shelf.folders())
    same_split = [r for benchmark, split, r in scope if (benchmark, split) == (rate.benchmark, rate.split)]
    same = [r for benchmark, _, r in scope if benchmark == rate.benchmark]
    correlation = median(same_split or same or [r for _, _, r in scope])
    return Fit(
        tries=Tries(mean=rate.first_try, correlation=correlation),
        largest_miss=0.0,
        evidence=Evidence.TRANSFERRED if same else Evidence.ASSUMED,
    )


@lru_cache(maxsize=8)
def _correlations(_folders: tuple[Path, ...]) -> list[tuple[str, str, float]]:
    found = ((row, fit(row)) for row in tasks.rates())
    return [(row.benchmark, row.split, own.tries.correlation) for row, own in found if own is not None]
