"""Cost per reliable task: tries and escalation, priced against how often a task ends right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.fleet.tasks.retries import Tries, Verifier
from tonnage.evidence import Z90, Quantiles

DIFFICULTIES = 2000
"""Tasks of equal weight, from easy to hard, that the cascade is summed over: shares err by under 1/2000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One model on the way up.

    Attributes
    ----------
    usd_per_try : float
        Of all requests that a try takes, the check not counted. [USD]
    standard_error : float or None
        Of the mean success; None if it is not known.
    """

    name: str
    tries: Tries
    usd_per_try: float
    standard_error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How often each tier tries, who checks, and what a person asks for a task that none solved.

    Without a person such tasks stay open. A person is taken to be always right (ASSUMED).
    """

    up_to: int = 1
    verifier: Verifier = field(default_factory=Verifier)
    person_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How tasks end and what that costs, as means over tasks.

    Attributes
    ----------
    usd_per_task, person_usd_per_task : float
        Expected spend, and the person's part of it. [USD]
    solved, tries : tuple of float
        Per tier: share of tasks that it ends rightly, and its tries per task.
    wrong, left : float
        Share that ends with a wrong result taken, and that no tier ended.
    reliable : float
        Share that ends right, the person's included.
    """

    usd_per_task: float
    person_usd_per_task: float
    solved: tuple[float, ...]
    tries: tuple[float, ...]
    wrong: float
    left: float
    reliable: float

    @property
    def usd_per_reliable_task(self) -> float | None:
        """Expected spend over the probability of a right end; None if no task ends right."""
        return self.usd_per_task / self.reliable if self.reliable > 0 else None

    @property
    def break_even_usd(self) -> float | None:
        """Price of a person above which the tiers pay off; None if they solve nothing.

        Notes
        -----
        With A the machines' spend, S their share solved and h the person's
        price and share: (A + h x) / (S + h) = x at x = A / S, whatever h is.
        """
        machines = sum(self.solved)
        return (self.usd_per_task - self.person_usd_per_task) / machines if machines > 0 else None


def cascade(tiers: Sequence[Tier], policy: Policy) -> Spent:
    """Return what it takes to end a task, each tier tried in turn until a result is taken.

    Parameters
    ----------
    tiers : sequence of Tier
        In the order of escalation.
    policy : Policy
        The same number of tries and the same verifier at every tier.

    Notes
    -----
    A task of chance p at a tier passes it untaken with u^r, u = p f_r +
    (1 - p) (1 - f_a), after (1 - u^r) / (1 - u) tries, of which p (1 - f_r) are
    taken and right and (1 - p) f_a taken and wrong. The tiers find the same
    tasks hard (ASSUMED): the task at quantile d of difficulty is that for all,
    so what reaches the next tier is harder than what the first one saw. Were
    failures unrelated between models, escalation would help more.
    """
    reaches = np.ones(DIFFICULTIES)
    usd, wrong, solved, tried = 0.0, 0.0, [], []
    keep, slip = 1 - policy.verifier.false_reject, policy.verifier.false_accept
    for tier in tiers:
        p = tier.tries.easiest_first(DIFFICULTIES)
        refused = 1 - (p * keep + (1 - p) * slip)
        tries = reaches * sum(refused**j for j in range(policy.up_to))
        tried.append(float(tries.mean()))
        solved.append(float((tries * p * keep).mean()))
        wrong += float((tries * (1 - p) * slip).mean())
        usd += tried[-1] * (tier.usd_per_try + policy.verifier.usd)
        reaches = reaches * refused**policy.up_to
    left = float(reaches.mean())
    person_usd = left * policy.person_usd if policy.person_usd is not None else 0.0
    return Spent(
        usd_per_task=usd + person_usd,
        person_usd_per_task=person_usd,
        solved=tuple(solved),
        tries=tuple(tried),
        wrong=wrong,
        left=left,
        reliable=sum(solved) + (left if policy.person_usd is not None else 0.0),
    )


def interval(tiers: Sequence[Tier], policy: Policy) -> Quantiles | None:
    """Return the cost per reliable task with the sampling error of the success rates [USD].

    Returns
    -------
    Quantiles or None
        None if a tier's standard error is not known, or no task ends right.

    Notes
    -----
    Each mean is moved by 1.28 standard errors on the logit scale, d m =
    m (1 - m) d logit; half the log ratio of the two costs is that tier's share
    of the width, and the shares add in squares. Prices and correlations are
    taken as exact.
    """
    cost = cascade(tiers, policy).usd_per_reliable_task
    if cost is None or cost == 0:
        return None
    square = 0.0
    for place, tier in enumerate(tiers):
        if tier.standard_error is None:
            return None
        ends = [_cost_with(tiers, policy, place, _moved(tier, sign)) for sign in (-1, 1)]
        if None in ends or 0 in ends:
            return None
        low, high = (math.log(end) for end in ends if end is not None)
        square += ((low - high) / 2) ** 2
    return Quantiles.lognormal(cost, math.sqrt(square) / Z90)


def _cost_with(tiers: Sequence[Tier], policy: Policy, place: int, tier: Tier) -> float | None:
    changed = [*tiers[:place], tier, *tiers[place + 1 :]]
    return cascade(changed, policy).usd_per_reliable_task


def _moved(tier: Tier, sign: int) -> Tier:
    """Return the tier with its mean moved to an end of its 80 % interval."""
    error = tier.standard_error or 0.0
    mean = min(max(tier.tries.mean, error / 2), 1 - error / 2)
    if not 0 < mean < 1:
        return tier
    logit = math.log(mean / (1 - mean)) + sign * Z90 * error / (mean * (1 - mean))
    return replace(tier, tries=replace(tier.tries, mean=1 / (1 + math.exp(-logit))))
