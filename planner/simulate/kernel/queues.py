"""Requests in flight: the pool of slots, waiting lines by priority, running and filling lists."""

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.world import LEVELS, Memory


@inner
def take_slot(w: Memory) -> int:
    """Take a free slot of the pool; the caller has made sure that there is one."""
    n = w[0]
    p = n.free
    n.free = mem.pool(w)[p].next
    n.in_system += 1
    n.most_in_system = max(n.most_in_system, n.in_system)
    return int(p)


@inner
def give_slot(w: Memory, p: int) -> None:
    """Return a slot to the pool."""
    n = w[0]
    mem.pool(w)[p].next = n.free
    n.free = p
    n.in_system -= 1


@inner
def wait_last(w: Memory, i: int, p: int) -> None:
    """Put a request at the end of its line."""
    r = mem.pool(w)[p]
    tail = mem.wait_tail(w)[i, r.level]
    r.next = -1
    if tail < 0:
        mem.wait_head(w)[i, r.level] = p
    else:
        mem.pool(w)[tail].next = p
    mem.wait_tail(w)[i, r.level] = p
    mem.live(w)[i].waiting += 1
    w[0].waiting += 1


@inner
def wait_first(w: Memory, i: int, p: int) -> None:
    """Put a preempted request at the front of its line."""
    r = mem.pool(w)[p]
    r.next = mem.wait_head(w)[i, r.level]
    if r.next < 0:
        mem.wait_tail(w)[i, r.level] = p
    mem.wait_head(w)[i, r.level] = p
    mem.live(w)[i].waiting += 1
    w[0].waiting += 1


@inner
def first_waiting(w: Memory, i: int) -> int:
    """Return the request that is served next, or -1."""
    for level in range(LEVELS):
        if mem.wait_head(w)[i, level] >= 0:
            return int(mem.wait_head(w)[i, level])
    return -1


@inner
def leave_line(w: Memory, i: int, p: int) -> None:
    """Take the first request of its line out of it."""
    r = mem.pool(w)[p]
    mem.wait_head(w)[i, r.level] = r.next
    if r.next < 0:
        mem.wait_tail(w)[i, r.level] = -1
    mem.live(w)[i].waiting -= 1
    w[0].waiting -= 1


@inner
def start_running(w: Memory, i: int, p: int) -> None:
    """Append a request to the running list: the last one in is preempted first."""
    v, r = mem.live(w)[i], mem.pool(w)[p]
    r.prev, r.next = v.run_tail, -1
    if v.run_tail < 0:
        v.run_head = p
    else:
        mem.pool(w)[v.run_tail].next = p
    v.run_tail = p
    v.running += 1
    w[0].running += 1


@inner
def stop_running(w: Memory, i: int, p: int) -> None:
    """Take a request out of the running list."""
    v, r = mem.live(w)[i], mem.pool(w)[p]
    if r.prev < 0:
        v.run_head = r.next
    else:
        mem.pool(w)[r.prev].next = r.next
    if r.next < 0:
        v.run_tail = r.prev
    else:
        mem.pool(w)[r.next].prev = r.prev
    v.running -= 1
    w[0].running -= 1


@inner
def start_filling(w: Memory, i: int, p: int) -> None:
    """Append a running request to those whose prompt is being computed."""
    v = mem.live(w)[i]
    mem.pool(w)[p].fill_next = -1
    if v.fill_tail < 0:
        v.fill_head = p
    else:
        mem.pool(w)[v.fill_tail].fill_next = p
    v.fill_tail = p


@inner
def stop_filling(w: Memory, i: int, p: int) -> None:
    """Take a request out of the filling list, wherever it stands."""
    v = mem.live(w)[i]
    before, at = -1, v.fill_head
    while at != p:
        before, at = at, mem.pool(w)[at].fill_next
    following = mem.pool(w)[p].fill_next
    if before < 0:
        v.fill_head = following
    else:
        mem.pool(w)[before].fill_next = following
    if following < 0:
        v.fill_tail = before
