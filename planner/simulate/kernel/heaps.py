"""Binary heaps inside flat arrays: finishes by step, things to come by time, instances by next event."""

import numpy as np

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.world import Floats, Ints, Memory


@inner
def push_finish(w: Memory, i: int, key: int, request: int) -> None:
    """Add a decoding request that ends at step `key`."""
    base, keys, requests = mem.setup(w)[i].finish_at, mem.finish_key(w), mem.finish_request(w)
    at = mem.live(w)[i].finishes
    mem.live(w)[i].finishes += 1
    while at > 0:
        above = (at - 1) >> 1
        if keys[base + above] <= key:
            break
        keys[base + at], requests[base + at] = keys[base + above], requests[base + above]
        at = above
    keys[base + at], requests[base + at] = key, request


@inner
def pop_finish(w: Memory, i: int) -> int:
    """Remove and return the request that ends first."""
    request = mem.finish_request(w)[mem.setup(w)[i].finish_at]
    _remove_finish(w, i, 0)
    return int(request)


@inner
def drop_finish(w: Memory, i: int, request: int) -> None:
    """Remove a request that is preempted."""
    base = mem.setup(w)[i].finish_at
    for at in range(mem.live(w)[i].finishes):
        if mem.finish_request(w)[base + at] == request:
            _remove_finish(w, i, at)
            return


@inner
def _remove_finish(w: Memory, i: int, at: int) -> None:
    base, keys, requests = mem.setup(w)[i].finish_at, mem.finish_key(w), mem.finish_request(w)
    mem.live(w)[i].finishes -= 1
    size = mem.live(w)[i].finishes
    if at == size:
        return
    key, request = keys[base + size], requests[base + size]
    while at > 0 and keys[base + ((at - 1) >> 1)] > key:
        above = (at - 1) >> 1
        keys[base + at], requests[base + at] = keys[base + above], requests[base + above]
        at = above
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and keys[base + below + 1] < keys[base + below]:
            below += 1
        if keys[base + below] >= key:
            break
        keys[base + at], requests[base + at] = keys[base + below], requests[base + below]
        at = below
    keys[base + at], requests[base + at] = key, request


@inner
def earlier(time_a: float, code_a: int, time_b: float, code_b: int) -> bool:
    """Order by time, then by code, so that ties are the same in every run."""
    return time_a < time_b or (time_a == time_b and code_a < code_b)


@inner
def push_future(w: Memory, time_s: float, code: int) -> None:
    """Add a thing to come."""
    times, codes, at = mem.future_s(w), mem.future_code(w), w[0].futures
    w[0].futures += 1
    while at > 0:
        above = (at - 1) >> 1
        if not earlier(time_s, code, times[above], codes[above]):
            break
        times[at], codes[at] = times[above], codes[above]
        at = above
    times[at], codes[at] = time_s, code


@inner
def pop_future(w: Memory) -> int:
    """Remove the next thing to come and return its code."""
    times, codes = mem.future_s(w), mem.future_code(w)
    first = codes[0]
    w[0].futures -= 1
    size = w[0].futures
    time_s, code, at = times[size], codes[size], 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and earlier(times[below + 1], codes[below + 1], times[below], codes[below]):
            below += 1
        if not earlier(times[below], codes[below], time_s, code):
            break
        times[at], codes[at] = times[below], codes[below]
        at = below
    times[at], codes[at] = time_s, code
    return int(first)


@inner
def set_event(w: Memory, i: int, time_s: float) -> None:
    """Put an instance into the heap of events, or move it there."""
    keys, at_heap, of = mem.event_s(w), mem.event_at(w), mem.event_of(w)
    at = of[i]
    if at < 0:
        at = w[0].events
        w[0].events += 1
    keys[i] = time_s
    _settle(keys, at_heap, of, at, i, w[0].events)


@inner
def clear_event(w: Memory, i: int) -> None:
    """Take an idle instance out of the heap of events."""
    keys, at_heap, of = mem.event_s(w), mem.event_at(w), mem.event_of(w)
    at = of[i]
    if at < 0:
        return
    of[i] = -1
    w[0].events -= 1
    size = w[0].events
    if at < size:
        _settle(keys, at_heap, of, at, at_heap[size], size)


@inner
def _settle(keys: Floats, at_heap: Ints, of: Ints, at: int, i: int, size: int) -> None:
    """Let instance `i`, at heap position `at`, find its place."""
    while at > 0:
        above = (at - 1) >> 1
        other = at_heap[above]
        if not earlier(keys[i], i, keys[other], other):
            break
        at_heap[at], of[other] = other, at
        at = above
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and earlier(
            keys[at_heap[below + 1]], at_heap[below + 1], keys[at_heap[below]], at_heap[below]
        ):
            below += 1
        other = at_heap[below]
        if not earlier(keys[other], other, keys[i], i):
            break
        at_heap[at], of[other] = other, at
        at = below
    at_heap[at], of[i] = i, at


@inner
def next_event_s(w: Memory) -> float:
    """Time of the next event of any instance; inf if all are idle."""
    if w[0].events == 0:
        return np.inf
    return float(mem.event_s(w)[mem.event_at(w)[0]])


@inner
def next_future_s(w: Memory) -> float:
    """Time of the next thing to come; inf if there is none."""
    if w[0].futures == 0:
        return np.inf
    return float(mem.future_s(w)[0])
