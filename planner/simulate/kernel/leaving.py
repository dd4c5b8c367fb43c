"""How a request leaves an instance: it ends, is preempted, or is thrown out by a failure."""

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.heaps import drop_finish, push_future
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.prefixes import publish, unlean
from planner.simulate.kernel.queues import give_slot, stop_filling, stop_running, wait_first
from planner.simulate.kernel.tally import count_request, front_s
from planner.simulate.kernel.world import CODE, HANDOFF, NEXT_ROW, PREFILL, ROW, Memory


@inner
def context_of(w: Memory, i: int, p: int) -> int:
    """Return the cached tokens of a decoding request."""
    r = mem.pool(w)[p]
    return int(r.filled if mem.setup(w)[i].draft_tokens > 0 else r.offset + mem.live(w)[i].counter)


@inner
def made_by(w: Memory, i: int, p: int) -> int:
    """Return the output tokens that a request has so far."""
    r = mem.pool(w)[p]
    if r.finish < 0 or mem.setup(w)[i].draft_tokens > 0:
        return int(r.made)
    return int(r.output - (r.finish - mem.live(w)[i].counter))


@inner
def _release(w: Memory, i: int, p: int, keep: int) -> None:
    """Give back the seat and the blocks of a running request, less what its group keeps."""
    v, s, r = mem.live(w)[i], mem.setup(w)[i], mem.pool(w)[p]
    context = r.todo
    if r.finish >= 0:
        context = context_of(w, i, p)
        v.alive -= 1
        if not s.static:
            v.decoding -= 1
            v.cached -= context
        if not s.reserve and s.draft_tokens == 0:
            mem.growth(w)[s.phase_at + (-r.offset) % s.block_tokens] -= 1
    else:
        stop_filling(w, i, p)
    stop_running(w, i, p)
    held = ((r.prompt + r.output if s.reserve else context) + s.block_tokens - 1) // s.block_tokens
    publish(w, i, p, min(keep, context))
    held -= r.shared
    unlean(w, i, p)
    if not s.static:
        v.used_blocks -= held
        w[0].blocks -= held
    elif v.alive == 0 and v.fill_head < 0:
        w[0].blocks -= v.used_blocks
        v.used_blocks, v.decoding, v.cached = 0, 0, 0.0
    r.finish = -1


@inner
def end_request(w: Memory, i: int, p: int, t: float) -> None:
    """End a request that has its last token, or its first on an instance that only prefills."""
    r = mem.pool(w)[p]
    mem.live(w)[i].load_tokens -= r.prompt + r.output
    if mem.setup(w)[i].role == PREFILL and r.made < r.output:
        r.made = made_by(w, i, p)
        _release(w, i, p, r.prompt)
        r.todo = r.filled = r.prompt + r.made - 1
        r.handed = 1
        kind = mem.kinds(w)[mem.setup(w)[i].kind]
        push_future(w, t + kind.transfer_s + r.todo * kind.transfer_s_per_token, HANDOFF * CODE + p)
        return
    _release(w, i, p, r.keep)
    outside_s = front_s(w, p, t)
    count_request(w, p, t, outside_s)
    call_next(w, r.row, t + outside_s)
    give_slot(w, p)


@inner
def call_next(w: Memory, row: int, t: float) -> None:
    """Whoever waited for this request sends the next one."""
    n = w[0]
    if n.closed and (n.last == 0 or n.cursor + n.coming < n.loaded):
        push_future(w, t + n.think, NEXT_ROW * CODE)
        n.coming += 1
    elif mem.follow(w).shape[0] > 0 and mem.follow(w)[row] >= 0:
        follower = mem.follow(w)[row]
        push_future(w, t + mem.think_s(w)[follower], ROW * CODE + follower)
        n.coming += 1


@inner
def preempt_last(w: Memory, i: int) -> float:
    """Send the request that was admitted last back to the line; return the time to swap it out [s]."""
    p, s = mem.live(w)[i].run_tail, mem.setup(w)[i]
    r = mem.pool(w)[p]
    decoding = r.finish >= 0
    context = context_of(w, i, p) if decoding else r.filled
    swaps = decoding and s.swap_s_per_block >= 0.0
    r.made = made_by(w, i, p)
    if decoding and s.draft_tokens == 0:
        drop_finish(w, i, p)
    _release(w, i, p, 0)
    if swaps:
        r.todo = r.filled = context
    else:
        w[0].wasted += context
        r.todo, r.filled, r.handed = r.prompt + r.made, 0, 0
    r.chunk = 0
    r.preemptions += 1
    w[0].preempted += 1
    wait_first(w, i, p)
    if not swaps:
        return 0.0
    return float((context + s.block_tokens - 1) // s.block_tokens * s.swap_s_per_block)


@inner
def lose_running(w: Memory, i: int) -> int:
    """Throw out a running request of a failed instance; it starts over, keeping what it has sent."""
    p = mem.live(w)[i].run_tail
    r = mem.pool(w)[p]
    r.made = made_by(w, i, p)
    if r.finish >= 0 and mem.setup(w)[i].draft_tokens == 0:
        drop_finish(w, i, p)
    w[0].wasted += r.filled
    _release(w, i, p, 0)
    r.todo, r.filled, r.chunk, r.handed = r.prompt + r.made, 0, 0, 0
    return int(p)
