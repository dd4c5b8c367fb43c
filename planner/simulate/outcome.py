"""Read what one run counted: quantiles, rates, warm-up, and if the arrivals outran the service."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.simulate.simulation_record import Spread

if TYPE_CHECKING:
    from planner.simulate.kernel.world import World

Array = NDArray[np.float64]
QUANTILES = (0.5, 0.9, 0.95, 0.99)
PARTS = 5
"""Parts of one run for intervals: long, so that they are nearly independent."""
TTFT, TPOT, E2E, WAIT = range(4)
WAITING, RUNNING, BUSY, BLOCKS, UP, ELAPSED = range(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run, read.

    Attributes
    ----------
    first_batch : int
        Batches before it are warm-up.
    why_saturated : str or None
        What shows that the arrivals outran the service.
    """

    world: "World"
    batches: int
    first_batch: int
    why_saturated: str | None

    def spread(self, c: int, m: int) -> Spread | None:
        """Return the spread of one metric over the counted requests of a class."""
        kept = slice(self.first_batch, self.batches)
        counts = self.world.histogram[c, m, kept].sum(axis=0)
        total = int(counts.sum())
        if total == 0:
            return None
        p50, p90, p95, p99 = histogram_quantiles(counts, QUANTILES)
        mean = float(self.world.total[c, m, kept].sum() / total)
        return Spread(mean=mean, p50=p50, p90=p90, p95=p95, p99=p99)

    def parts(self, c: int, m: int) -> list[Spread]:
        """Return the spread of each successive part of the run, for an interval by batch means."""
        edges = np.linspace(self.first_batch, self.batches, PARTS + 1).round().astype(int)
        found = [
            replace(self, first_batch=int(low), batches=int(high)).spread(c, m)
            for low, high in pairwise(edges)
        ]
        return [spread for spread in found if spread is not None]

    def requests(self, c: int) -> int:
        """Return how many requests of a class count."""
        return int(self.world.counts[c, E2E, self.first_batch : self.batches].sum())

    def good(self, c: int) -> int:
        """Return how many of them were within the limits."""
        return int(self.world.good[c, self.first_batch : self.batches].sum())

    def mean(self, area: int) -> float:
        """Return a time average over the counted part of the arrivals."""
        kept = self.world.area[self.first_batch : self.batches]
        elapsed_s = float(kept[:, ELAPSED].sum())
        return float(kept[:, area].sum()) / elapsed_s if elapsed_s > 0 else 0.0

    def per_s(self) -> tuple[float, float, float]:
        """Return requests, prompt tokens and output tokens per second of the counted part.

        Notes
        -----
        Of a run that kept up: what arrived in the counted part over its length, as all of
        it is served. Of a saturated run: all that was served over the whole time.
        """
        n = self.world.totals[0]
        if self.why_saturated is not None:
            tokens = self.world.tokens.sum(axis=0)
            now = max(float(n["now"]), 1e-300)
            return float(n["finished"]) / now, float(tokens[0]) / now, float(tokens[1]) / now
        kept = slice(self.first_batch, self.batches)
        elapsed_s = max(float(self.world.area[kept, ELAPSED].sum()), 1e-300)
        tokens = self.world.tokens[kept].sum(axis=0)
        count = float(self.world.counts[:, E2E, kept].sum())
        return count / elapsed_s, float(tokens[0]) / elapsed_s, float(tokens[1]) / elapsed_s


def read(world: "World", *, stopped: bool = False, warm_up: bool = True) -> Outcome:
    """Find the warm-up of a run and judge if it kept up.

    Parameters
    ----------
    stopped : bool
        The run was broken off because too many requests were in the system.
    warm_up : bool
        Leave the warm-up out; False counts everything, as a trace wants it.
    """
    batches = int(world.totals[0]["batches"])
    total, count = world.total[:, E2E, :batches].sum(axis=0), world.counts[:, E2E, :batches].sum(axis=0)
    first = mser(total / np.maximum(count, 1)) if warm_up and np.all(count > 0) else 0
    return Outcome(
        world=world, batches=batches, first_batch=first, why_saturated=_saturation(world, stopped=stopped)
    )


def mser(means: Array) -> int:
    """Return how many batch means to cut off the front: the marginal standard error rule.

    Notes
    -----
    d* = argmin over d < n/2 of sum_{i>=d} (y_i - mean_d)^2 / (n - d)^2.

    References
    ----------
    K. P. White, "An effective truncation heuristic for bias reduction in
    simulation output", Simulation 69(6), 1997, pp. 323-334, equation 5.
    """
    size = len(means)
    scores = [float(np.var(means[d:])) / (size - d) for d in range(size // 2)]
    return int(np.argmin(scores))


def histogram_quantiles(counts: NDArray[np.int64], wanted: tuple[float, ...]) -> list[float]:
    """Return quantiles of a histogram with logarithmic bins, interpolated inside a bin."""
    from planner.simulate.kernel.world import BINS_PER_OCTAVE, LOWEST_LOG2

    below = np.cumsum(counts)
    values = []
    for q in wanted:
        rank = q * below[-1]
        at = int(np.searchsorted(below, rank))
        inside = (rank - (below[at] - counts[at])) / counts[at]
        values.append(0.0 if at == 0 else float(2.0 ** ((at + inside) / BINS_PER_OCTAVE + LOWEST_LOG2)))
    return values


def _saturation(world: "World", *, stopped: bool) -> str | None:
    """Say why a run did not keep up, or None.

    The queue of a system that keeps up fluctuates about a level; of one that does not
    it grows in proportion to time, so its quarters stand as 1 : 3 : 5 : 7.
    """
    n = world.totals[0]
    if stopped:
        return f"stopped with {int(n['in_system'])} requests in the system: arrivals outrun service"
    if n["closed"]:
        return None
    batches = int(n["batches"])
    area, quarter = world.area[:batches], batches // 4
    elapsed = np.array([area[q * quarter : (q + 1) * quarter, ELAPSED].sum() for q in range(4)])
    if np.any(elapsed <= 0):
        return None
    waiting = np.array([area[q * quarter : (q + 1) * quarter, WAITING].sum() for q in range(4)]) / elapsed
    running = float(area[:, RUNNING].sum() / area[:, ELAPSED].sum())
    grows = waiting[1] > 2 * waiting[0] and waiting[2] > 1.25 * waiting[1] and waiting[3] > 1.1 * waiting[2]
    if grows and waiting[3] > 0.25 * running:
        shown = ", ".join(f"{value:.3g}" for value in waiting)
        return f"the queue grew throughout: mean waiting requests by quarter of the run {shown}"
    return None
