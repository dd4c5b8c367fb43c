"""What is counted: histograms, sums and time integrals, by batch of requests."""

import math

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.world import (
    BINS,
    BINS_PER_OCTAVE,
    BLOCKS,
    BUSY,
    E2E,
    ELAPSED,
    LOWEST_LOG2,
    RUNNING,
    TPOT,
    TTFT,
    UP,
    WAIT,
    WAITING,
    Memory,
)


@inner
def pass_time(w: Memory, t: float) -> None:
    """Move the clock to `t`, adding what was the case since."""
    n = w[0]
    dt = t - n.now
    if dt <= 0.0:
        return
    area = mem.area(w)[n.batch]
    area[WAITING] += n.waiting * dt
    area[RUNNING] += n.running * dt
    area[BUSY] += n.busy * dt
    area[BLOCKS] += n.blocks * dt
    area[UP] += n.up * dt
    area[ELAPSED] += dt
    n.system_area += n.in_system * dt
    n.now = t


@inner
def enter_batch(w: Memory, t: float) -> int:
    """Return the batch of the request that arrives now; the first one of a batch opens it."""
    n = w[0]
    b = n.batches if n.arrived >= n.rows else n.arrived * n.batches // n.rows
    if b != n.batch:
        n.batch = b
        mem.began(w)[b, 0] = t
        mem.began(w)[b, 1] = n.in_system
    return int(b)


@inner
def _observe(w: Memory, c: int, m: int, b: int, value: float) -> None:
    at = 0
    if value > 0.0:
        at = int((math.log2(value) - LOWEST_LOG2) * BINS_PER_OCTAVE)
        at = min(max(at, 0), BINS - 1)
    mem.histogram(w)[c, m, b, at] += 1
    mem.total(w)[c, m, b] += value
    mem.square(w)[c, m, b] += value * value
    mem.counts(w)[c, m, b] += 1


@inner
def front_s(w: Memory, p: int, t: float) -> float:
    """Return what a user waits outside the engine: a constant, and some steps of the request."""
    r = mem.pool(w)[p]
    kind = mem.kinds(w)[mem.setup(w)[r.instance].kind]
    tpot_s = (t - r.first_s) / max(r.output - 1, 1)
    return float(kind.request_s + kind.wait_steps * tpot_s)


@inner
def count_request(w: Memory, p: int, t: float, outside_s: float) -> None:
    """Count a request that ends now."""
    r, n = mem.pool(w)[p], w[0]
    n.finished += 1
    n.sojourn += t - r.arrival_s
    mem.tokens(w)[r.batch, 0] += r.prompt
    mem.tokens(w)[r.batch, 1] += r.output
    ttft_s, e2e_s = r.first_s - r.arrival_s + outside_s, t - r.arrival_s + outside_s
    limit = mem.limits(w)[r.klass]
    good = ttft_s <= limit[TTFT] and e2e_s <= limit[E2E]
    for m, value in ((TTFT, ttft_s), (E2E, e2e_s), (WAIT, r.scheduled_s - r.arrival_s)):
        _observe(w, r.klass, m, r.batch, value)
    if r.output > 1:
        tpot_s = (t - r.first_s) / (r.output - 1)
        _observe(w, r.klass, TPOT, r.batch, tpot_s)
        good = good and tpot_s <= limit[TPOT]
    mem.good(w)[r.klass, r.batch] += good
    if r.row < mem.record(w).shape[0]:
        out = mem.record(w)[r.row]
        out[0], out[1], out[2] = r.scheduled_s, r.first_s, t
        out[3], out[4] = r.preemptions, r.instance
        out[5], out[6], out[7] = r.arrival_s, r.prompt, r.output
