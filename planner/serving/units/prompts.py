"""A unit that only prefills: how long prompts wait for it and take, at a given rate.

Notes
-----
Prompts are taken in the order in which they come, as many at once as the token budget holds (b_max);
a step of b prompts takes S(b) = s0 + s1 b. With r arrivals per second, rho = r s1, the batch that is
taken next holds the arrivals of the step before it, or the first one that comes after it:

    n = a + e^-a,   a = r s0 + rho n,   var n = (a + e^-a (1 - 2 a) - e^-2a) / (1 - rho^2)

(mean and variance of max(Poisson, 1), the probability of none taken at its mean). A step so takes
c = s0 + s1 n on the mean with the variance s1^2 (var n + cv^2 n), and a prompt that comes while one
is under way, with probability u = c / (c + e^-a / r), waits for the rest of it and then for those that
came with it:

    W = u C (1/2 + rho),   C = (c^2 + var c) / c                        (the step that an arrival meets)

A full budget holds prompts back: what they wait besides is that of b_max places which each take S(b_max)
(Sakasegawa's fit for M/G/c). Where the budget holds one prompt, that alone is the wait: with one place
it is the Pollaczek-Khinchine mean. Upper percentiles of the wait are exponential beyond u.

Users of a closed loop with prompts of one length march in step and wait for each other (`prompt_passes` of
the coefficients); prompts that come at random wait as above, and a prompt passes once.

Of k units with one line before them, places are k b_max and only those wait who find all of them at work:
u becomes u^(sqrt(2 (k + 1)) - 1), as in that fit. A router that sends each prompt to the shortest line
comes close to one line. How many units there will be is not known when their capacity is, which is that
of one alone.

References: L. Kleinrock, "Queueing Systems" vol. 1, 1975 (residual life, M/G/1); H. Sakasegawa, Ann.
Inst. Statist. Math. 29, 67-75, 1977.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.serving import situation
from planner.serving.disaggregation import prefill_alone_s
from planner.serving.open_load import FULL, PERCENTILES, Tail, place_wait
from planner.serving.placed import Placed
from planner.serving.situation import Demand
from planner.serving.steady_state import Service
from planner.serving.step.step_time import step_time

Array = NDArray[np.float64]
_ROUNDS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptState:
    """A prefill unit at a rate; arrays over cases.

    Attributes
    ----------
    ttft_s, ttft_at
        Mean and percentiles of the time from arrival until the prompt is read, handover included. [s]
    load_frac : ndarray
        Of the largest rate that it passes.
    """

    requests_per_s: Array
    ttft_s: Array
    ttft_at: dict[float, Array]
    wait_s: Array
    load_frac: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Prefill units, one per case.

    Attributes
    ----------
    first_s, more_s : ndarray
        S(1), and s1: what each further prompt of a step adds. [s]
    together : ndarray
        b_max: prompts that one step takes.
    bare_s : ndarray
        From arrival to the end of the prompt on an idle unit. [s]
    moved_s : ndarray
        Handover of the cache. [s]
    stretch : ndarray
        95th percentile of prompt tokens over the mean.
    held : ndarray
        Prompts whose cache fits in memory.
    """

    first_s: Array
    more_s: Array
    together: Array
    bare_s: Array
    moved_s: Array
    stretch: Array
    held: Array
    replicas: Array
    cv2: Array
    """Squared coefficient of variation of the work of a prompt."""

    @property
    def full_s(self) -> Array:
        """S(b_max)."""
        return np.asarray(self.first_s + (self.together - 1.0) * self.more_s)

    @property
    def most(self) -> Array:
        """Largest rate that memory and the token budget let through [requests/s]."""
        by_budget = self.together / self.full_s * self.replicas
        return np.asarray(np.minimum(by_budget, self.held / (self.full_s + self.moved_s)))

    def at_rate(self, rate: Array, *, units: float = 1.0) -> PromptState:
        """Return the state of a unit at a rate below `most`, with so many units behind one line."""
        each = rate / self.replicas
        wait, busy = self._wait(each, units)
        load = rate / self.most
        tail = Tail(np.minimum(busy, FULL), wait)
        at = {}
        for p in PERCENTILES:
            longer = self.stretch if p >= 0.9 else np.ones_like(rate)
            at[p] = self.bare_s + (longer - 1.0) * self.first_s + longer * self.moved_s + tail(p)
        return PromptState(
            requests_per_s=rate,
            ttft_s=self.bare_s + self.moved_s + wait,
            ttft_at=at,
            wait_s=wait,
            load_frac=np.asarray(load),
        )

    def _wait(self, rate: Array, units: float) -> tuple[Array, Array]:
        """Mean wait of a prompt [s], and the part of the time in which no unit is free."""
        all_busy = np.sqrt(2.0 * (units + 1.0)) - 1.0
        held_back, full_frac = place_wait(units * rate, self.full_s, units * self.together, cv2=self.cv2)
        alone = self.together < 2.0
        start_s, rho = self.first_s - self.more_s, np.minimum(rate * self.more_s, FULL)
        batch = np.ones_like(rate)
        arrivals = rate * start_s + rho * batch
        for _ in range(_ROUNDS):
            arrivals = rate * start_s + rho * batch
            batch = arrivals + np.exp(-arrivals)
        none = np.exp(-arrivals)
        spread = np.maximum(arrivals + none * (1.0 - 2.0 * arrivals) - none**2, 0.0) / (1.0 - rho**2)
        cycle = start_s + self.more_s * batch
        variance = self.more_s**2 * (spread + self.cv2 * batch)
        met = (cycle**2 + variance) / cycle
        busy = cycle / (cycle + none / np.maximum(rate, 1e-12))
        busy = busy**all_busy
        gathered = busy * met * (0.5 + rho)
        full_frac = full_frac**all_busy
        return (
            np.where(alone, held_back, gathered + held_back),
            np.where(alone, full_frac, np.maximum(busy, full_frac)),
        )


def prompts(
    ready: Service,
    placed: Sequence[Placed],
    demand: Demand,
    *,
    moved_s: Array,
    stretch: Array,
    cv2: Array,
) -> Prompts:
    """Return units that only prefill.

    Parameters
    ----------
    ready : Service
        The same units serving whole requests.
    stretch, cv2 : ndarray
        Of prompt tokens: 95th percentile over the mean, squared coefficient of variation.
    """
    full, together = situation.full_prompts(placed, demand)
    first_s = prefill_alone_s(ready)
    full_s = np.maximum(step_time(full, ready.values).total_s, first_s)
    more_s = np.where(together > 1.5, (full_s - first_s) / np.maximum(together - 1.0, 1.0), first_s)
    return Prompts(
        first_s=first_s,
        more_s=np.clip(more_s, 1e-3 * first_s, first_s),
        together=together,
        bare_s=ready.values["request_s"] + ready.prefill_s,
        moved_s=moved_s,
        stretch=np.maximum(stretch, 1.0),
        held=np.maximum(ready.situation.room, 1.0),
        replicas=ready.situation.replicas,
        cv2=cv2,
    )


def shared(units: Prompts, rates: Array) -> PromptState:
    """Return what each class takes on one unit that reads the prompts of all of them.

    Parameters
    ----------
    units : Prompts
        The same unit for each class alone.
    rates : ndarray
        Of the classes. [requests/s]

    Notes
    -----
    Prompts of all classes wait in one line: its work is that of the mixture, whose second moment is
    sum_i p_i S_i^2 (1 + cv^2). Each class then takes its own prompt's time.
    """
    total = float(rates.sum())
    part = rates / total
    first, more, fewest = (float(part @ one) for one in (units.first_s, units.more_s, 1 / units.together))
    second = float(part @ (units.first_s**2 * (1.0 + units.cv2)))
    one = np.ones(1)
    mixed = Prompts(
        first_s=first * one,
        more_s=more * one,
        together=one / fewest,
        bare_s=0.0 * one,
        moved_s=0.0 * one,
        stretch=one,
        held=one / float(part @ (1 / units.held)),
        replicas=units.replicas[:1],
        cv2=max(second / first**2 - 1.0, 0.0) * one,
    )
    state = mixed.at_rate(total * one)
    longer = np.ones_like(units.stretch)
    at = {
        p: units.bare_s
        + ((units.stretch if p >= 0.9 else longer) - 1.0) * units.first_s
        + (units.stretch if p >= 0.9 else longer) * units.moved_s
        + waited
        for p, waited in state.ttft_at.items()
    }
    return PromptState(
        requests_per_s=rates,
        ttft_s=units.bare_s + units.moved_s + state.wait_s,
        ttft_at=at,
        wait_s=state.wait_s,
        load_frac=state.load_frac,
    )
