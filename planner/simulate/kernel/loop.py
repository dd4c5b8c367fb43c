"""The clock: arrivals, things to come and ends of steps, in the order of time."""

import math

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.engine import cut_short, plan_step, take_steps
from planner.simulate.kernel.heaps import next_event_s, next_future_s, pop_future, set_event
from planner.simulate.kernel.jit import entry, inner
from planner.simulate.kernel.leaving import call_next
from planner.simulate.kernel.outages import fail, get_ready, scale
from planner.simulate.kernel.queues import give_slot, take_slot, wait_last
from planner.simulate.kernel.routing import route
from planner.simulate.kernel.tally import enter_batch, pass_time
from planner.simulate.kernel.world import (
    CODE,
    DONE,
    FAIL,
    HANDOFF,
    NEED_ROWS,
    NEXT_ROW,
    POOL_FULL,
    READY,
    ROW,
    TICK,
    Memory,
    Records,
)


@entry
def advance(w: Memory, rows: Records) -> int:
    """Run until the traffic has ended, or the caller must provide rows or a larger pool."""
    n = w[0]
    while True:
        row_s = math.inf
        if not n.closed and n.cursor < n.loaded:
            row_s = rows[n.cursor].arrival_s
        elif not n.closed and n.last == 0:
            return NEED_ROWS
        future_s, event_s = next_future_s(w), next_event_s(w)
        if row_s == math.inf and n.in_system == 0 and n.coming == 0:
            return DONE
        if min(row_s, future_s, event_s) == math.inf:
            return DONE
        if event_s < row_s and event_s < future_s:
            _end_of_plan(w, event_s)
            continue
        if n.free < 0:
            return POOL_FULL
        if row_s <= future_s:
            pass_time(w, row_s)
            _arrive(w, rows, n.cursor, row_s)
            n.cursor += 1
        elif mem.future_code(w)[0] // CODE == NEXT_ROW and n.cursor == n.loaded and n.last == 0:
            return NEED_ROWS
        else:
            pass_time(w, future_s)
            _future(w, rows, pop_future(w), future_s)


@inner
def _end_of_plan(w: Memory, t: float) -> None:
    """Let the next instance end its steps, or wake, and plan anew."""
    i = mem.event_at(w)[0]
    pass_time(w, t)
    if mem.live(w)[i].plan_steps > 0:
        coming = w[0].coming
        take_steps(w, i)
        if w[0].coming > coming:
            # Those who waited for an answer may send the next request at this very moment.
            _wake_at_boundary(w, i, t)
            return
    plan_step(w, i, t)


@inner
def _wake_at_boundary(w: Memory, i: int, t: float) -> None:
    v = mem.live(w)[i]
    if v.plan_steps > 0:
        w[0].busy -= 1
    v.plan_steps, v.plan_end = 0, t
    set_event(w, i, t)


@inner
def _arrive(w: Memory, rows: Records, at: int, t: float) -> None:
    """Bring a new request into the system."""
    n, row = w[0], rows[at]
    b = enter_batch(w, t)
    p = take_slot(w)
    r = mem.pool(w)[p]
    r.row, r.klass, r.level, r.batch = n.base + at, row.klass, row.level, b
    r.prompt, r.output, r.group, r.prefix, r.keep = row.prompt, row.output, row.group, row.prefix, row.keep
    r.made, r.todo, r.filled, r.chunk, r.shared = 0, row.prompt, 0, 0, 0
    r.finish, r.instance, r.preemptions, r.handed = -1, -1, 0, 0
    r.arrival_s, r.scheduled_s, r.first_s = t, -1.0, -1.0
    n.arrived += 1
    n.last_arrival = t
    _place(w, p, t)


@inner
def _place(w: Memory, p: int, t: float) -> None:
    """Send a request to an instance; hold it if none is up, refuse it if none could ever serve it."""
    n, r = w[0], mem.pool(w)[p]
    i = route(w, p)
    if i == -2:
        n.refused += 1
        n.sojourn += t - r.arrival_s
        call_next(w, r.row, t)
        give_slot(w, p)
        return
    if i == -1:
        r.fill_next = n.limbo
        n.limbo = p
        n.limbo_count += 1
        n.waiting += 1
        return
    v, s = mem.live(w)[i], mem.setup(w)[i]
    r.instance = i
    v.load_tokens += r.prompt + r.output
    was_empty = v.waiting == 0
    wait_last(w, i, p)
    if v.plan_steps < 0:
        v.plan_steps, v.plan_end = 0, t
        set_event(w, i, t)
    elif v.plan_steps > 1 and v.running < s.max_sequences and not s.static and (was_empty or r.level == 0):
        cut_short(w, i, t)


@inner
def _future(w: Memory, rows: Records, code: int, t: float) -> None:
    """Something that was announced happens."""
    n = w[0]
    what, which = code // CODE, code % CODE
    if what == NEXT_ROW:
        n.coming -= 1
        if n.cursor < n.loaded:
            n.cursor += 1
            _arrive(w, rows, n.cursor - 1, t)
    elif what == ROW:
        n.coming -= 1
        _arrive(w, rows, which, t)
    elif what == HANDOFF:
        _place(w, which, t)
    elif what == FAIL:
        _place_chain(w, fail(w, which, t), t)
    elif what == READY:
        get_ready(w, which, t)
        chain, n.limbo = n.limbo, -1
        n.waiting -= n.limbo_count
        n.limbo_count = 0
        _place_chain(w, _reversed(w, chain), t)
    elif what == TICK:
        scale(w, which, t)


@inner
def _reversed(w: Memory, p: int) -> int:
    """Turn a chain round, so that who came first is placed first."""
    turned = -1
    while p >= 0:
        following = mem.pool(w)[p].fill_next
        mem.pool(w)[p].fill_next = turned
        turned, p = p, following
    return turned


@inner
def _place_chain(w: Memory, p: int, t: float) -> None:
    while p >= 0:
        following = mem.pool(w)[p].fill_next
        _place(w, p, t)
        p = following
