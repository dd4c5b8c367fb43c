"""The least spend per task that ends right: a ratio, as a sequence of programmes.

Notes
-----
C(x) is the spend per hour of a plan x and R(x) > 0 the tasks per hour that end right; both are
linear in shares, chains and whole purchases, C / R is not. For a price q the programme

    F(q) = min_x C(x) - q R(x)

is a mixed-integer programme. F falls strictly, as R > 0, and is zero exactly at the least ratio
q*: F(q) >= 0 says that no plan has a ratio below q, and F(q) < 0 that some plan has. Starting
from the ratio of any plan, each step takes that of the plan that is best at the last one,

    x_k = argmin C - q_k R,    q_(k+1) = C(x_k) / R(x_k).

F(q_k) <= C(x_(k-1)) - q_k R(x_(k-1)) = 0, so q never rises; it stays only where F(q_k) = 0, which
proves q_k = q*; and while it falls, R(x_k) grows from step to step, so no vertex of one choice of
purchases comes twice and the steps end (W. Dinkelbach, "On nonlinear fractional programming",
Management Science 13, 1967; superlinear: S. Schaible, "Fractional programming II", 1976).

In the programme a task that does not end right is charged q, which differs from -q R by the
constant q T, T all tasks: costs stay positive and their relative gap means something. If that
programme is proven to be at least L, then C - q R >= L - q T for every plan, so that no ratio is
below q + (L - q T) / R, R the most tasks that can end right where L > q T, else the fewest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from planner.fleet.programme.problem import Mix, Problem
from planner.fleet.programme.solution import of_periods
from planner.fleet.solve.relaxed_ratio import ANY_RATIO, mean_scale, relaxed, tasks_per_h

STEPS = 24
"""More than superlinear steps ever need; a sequence that is cut here keeps its proven gap."""
SETTLED_FRAC = 1e-9
"""A ratio that falls by less than this part has settled."""
Find = Callable[[Problem], Mix | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerRight:
    """A mix with its spend per task that ends right.

    Attributes
    ----------
    usd : float
        C / R. [USD]
    gap_frac : float
        Proven distance of the ratio from the least.
    """

    mix: Mix
    usd: float
    gap_frac: float


def right_per_h(problem: Problem, mix: Mix) -> float:
    """Return the tasks that end right with a mix, on the mean over time [1/h]."""
    return sum(
        span.time_frac * span.scale[chain.klass] * chain.right_per_h * part
        for span, taken in zip(problem.spans, mix.by_period, strict=True)
        for chain, part in zip(problem.tasks.chains, taken.chains, strict=True)
    )


def least_per_right(problem: Problem, find: Find) -> PerRight | None:
    """Return the mix of the least spend per task that ends right; None if there is none.

    Parameters
    ----------
    find : callable
        Returns the cheapest mix of a problem, with its proven gap.
    """
    start = relaxed(problem, per_right=True)
    if start is None:
        return None
    price = start.price_usd
    best: PerRight | None = None
    for _ in range(STEPS):
        mix = find(charged(problem, price))
        if mix is None:
            return best
        bound = _lowest_ratio(problem, price, mix.usd_per_h * (1 - mix.gap_frac))
        found = _per_right(problem, mix)
        if found is None:
            price = 2 * price or 1.0
            continue
        if best is None or found.usd < best.usd:
            best = found
        best = replace(best, gap_frac=max(0.0, 1 - bound / best.usd) if best.usd > 0 else 0.0)
        if abs(best.usd - price) <= SETTLED_FRAC * price:
            break
        price = best.usd
    return best


def _per_right(problem: Problem, mix: Mix) -> PerRight | None:
    """Return a mix of a charged problem at its true cost; None if no task ends right."""
    true = of_periods(problem, mix.by_period, gap_frac=mix.gap_frac)
    right = right_per_h(problem, true)
    if right <= ANY_RATIO * tasks_per_h(problem):
        return None
    return PerRight(mix=true, usd=true.usd_per_h / right, gap_frac=1.0)


def _lowest_ratio(problem: Problem, price: float, lowest: float) -> float:
    """Return what no ratio is below, from a bound on the charged programme at a price."""
    left = lowest - price * tasks_per_h(problem)
    return max(0.0, price + left / (tasks_per_h(problem) if left > 0 else _fewest_right(problem)))


def charged(problem: Problem, price_usd: float) -> Problem:
    """Return the problem in which every task that does not end right costs a price."""
    chains = tuple(
        replace(chain, usd_per_h=chain.usd_per_h + price_usd * (chain.tasks_per_h - chain.right_per_h))
        for chain in problem.tasks.chains
    )
    return replace(problem, tasks=replace(problem.tasks, chains=chains))


def _fewest_right(problem: Problem) -> float:
    """Return a lower bound on the tasks that end right, whatever chains are taken [1/h]."""
    fewest: dict[int, float] = {}
    for chain in problem.tasks.chains:
        fewest[chain.klass] = min(chain.right_per_h, fewest.get(chain.klass, chain.right_per_h))
    total = sum(each * mean_scale(problem, klass) for klass, each in fewest.items())
    return max(total, ANY_RATIO * tasks_per_h(problem))
