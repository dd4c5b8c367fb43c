"""Instances that fail and return, start cold, and come and go with the load."""

import math

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.heaps import clear_event, push_future
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.leaving import lose_running
from planner.simulate.kernel.queues import first_waiting, leave_line
from planner.simulate.kernel.randomness import exponential
from planner.simulate.kernel.world import CODE, DRAINING, FAIL, OFF, ON, READY, STARTING, TICK, Memory


@inner
def fail(w: Memory, i: int, t: float) -> int:
    """Instance `i` fails: return a chain (by `fill_next`) of the requests it loses, to be routed again."""
    v, kind = mem.live(w)[i], mem.kinds(w)[mem.setup(w)[i].kind]
    if v.state == OFF or v.state == STARTING:
        return -1
    chain = -1
    while v.run_tail >= 0:
        p = lose_running(w, i)
        mem.pool(w)[p].fill_next = chain
        chain = p
    p = first_waiting(w, i)
    while p >= 0:
        leave_line(w, i, p)
        mem.pool(w)[p].todo, mem.pool(w)[p].filled = mem.pool(w)[p].prompt + mem.pool(w)[p].made, 0
        mem.pool(w)[p].handed = 0
        mem.pool(w)[p].fill_next = chain
        chain = p
        p = first_waiting(w, i)
    _forget(w, i)
    w[0].failures += 1
    v.state = STARTING
    push_future(w, t + exponential(w, 2, kind.down_s) + kind.cold_s, READY * CODE + i)
    return int(chain)


@inner
def _forget(w: Memory, i: int) -> None:
    """Empty caches and plans of an instance that lost its requests."""
    v, groups = mem.live(w)[i], w[0].groups
    if v.plan_steps > 0:
        w[0].busy -= 1
    v.plan_steps = -1
    clear_event(w, i)
    w[0].blocks -= v.used_blocks
    v.used_blocks, v.decoding, v.alive, v.cached, v.kept_blocks, v.load_tokens = 0, 0, 0, 0.0, 0, 0
    v.lru_head = v.lru_tail = -1
    for g in range(groups):
        mem.groups(w)[i * groups + g].tokens = 0


@inner
def get_ready(w: Memory, i: int, t: float) -> None:
    """Let an instance that was started or repaired take requests."""
    mem.live(w)[i].state = ON
    w[0].starts += 1
    up_s = mem.kinds(w)[mem.setup(w)[i].kind].up_s
    if math.isfinite(up_s):
        push_future(w, t + exponential(w, 2, up_s), FAIL * CODE + i)


@inner
def scale(w: Memory, k: int, t: float) -> None:
    """Start or drain one instance of a kind by its load, and look again after the interval."""
    kind = mem.kinds(w)[k]
    up, load, idle, last = 0, 0, -1, -1
    for i in range(kind.first, kind.last):
        v = mem.live(w)[i]
        if v.state == ON or v.state == STARTING:
            up += 1
            load += v.waiting + v.running
            if v.state == ON:
                last = i
        elif v.state == OFF and idle < 0:
            idle = i
        elif v.state == DRAINING:
            load += v.waiting + v.running
    load += w[0].limbo_count
    if load > kind.high * up and idle >= 0:
        mem.live(w)[idle].state = STARTING
        w[0].up += 1
        push_future(w, t + kind.cold_s, READY * CODE + idle)
    elif load < kind.low * up and up > kind.least and last >= 0:
        v = mem.live(w)[last]
        v.state = DRAINING
        if v.waiting + v.running == 0:
            v.state = OFF
            w[0].up -= 1
    push_future(w, t + kind.interval_s, TICK * CODE + k)
