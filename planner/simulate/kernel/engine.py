"""One iteration of one instance: make room, go on with prompts, admit, take steps, finish."""

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.heaps import clear_event, drop_finish, pop_finish, push_finish, set_event
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.leaving import end_request, preempt_last
from planner.simulate.kernel.prefixes import found_tokens, lean, make_room, publish, wakes_blocks
from planner.simulate.kernel.queues import (
    first_waiting,
    leave_line,
    start_filling,
    start_running,
    stop_filling,
)
from planner.simulate.kernel.speculation import blocks_at_most, verify
from planner.simulate.kernel.steptime import (
    decode_line,
    growth_of,
    pairs_s,
    run_s,
    steps_that_fit,
    steps_until,
    tokens_s,
)
from planner.simulate.kernel.world import BLOCKS, DRAINING, OFF, PREFILL, Memory


@inner
def plan_step(w: Memory, i: int, t: float) -> None:
    """Decide what instance `i` does from `t` on, and when it will look again."""
    v, s, k = mem.live(w)[i], mem.setup(w)[i], mem.setup(w)[i].kind
    preempted, extra_s = _make_decoding_possible(w, i)
    running = v.running
    budget = s.token_budget - v.decoding * (1 + s.draft_tokens)
    budget, pairs = _continue_prompts(w, budget, v.fill_head)
    if preempted == 0:
        budget, more, swap_s = _admit(w, i, t, budget)
        pairs += more
        extra_s += swap_s
    if v.decoding == 0 and v.fill_head < 0:
        _rest(w, i)
        return
    line_s, slope_s, limit = decode_line(w, k, v.decoding, v.cached)
    if v.decoding == 0:
        line_s, slope_s = 0.0, 0.0
    first_s = tokens_s(w, k, s.token_budget - budget) + line_s + pairs_s(w, k, pairs) + extra_s
    if s.draft_tokens > 0 and v.decoding > 0:
        first_s += s.draft_tokens * mem.kinds(w)[k].draft_s
    _first_tokens(w, i, v.running - running, t + first_s)
    steps = 1
    if w[0].merge and v.fill_head < 0 and preempted == 0 and extra_s == 0.0 and s.draft_tokens == 0:
        steps = mem.finish_key(w)[s.finish_at] - v.counter
        if limit - v.cached < v.decoding * (steps - 1.0):
            steps = int((limit - v.cached) // v.decoding) + 1
        steps = max(steps_that_fit(w, i, steps), 1)
    if v.plan_steps <= 0:
        w[0].busy += 1
    v.plan_steps, v.plan_start = steps, t
    v.plan_first_s, v.plan_growth_s = first_s, slope_s * v.decoding
    v.plan_end = t + run_s(first_s, v.plan_growth_s, steps)
    set_event(w, i, v.plan_end)


@inner
def _first_tokens(w: Memory, i: int, admitted: int, t: float) -> None:
    """Note when the first token leaves of those who came with a cache and had none yet."""
    p = mem.live(w)[i].run_tail
    for _ in range(admitted):
        r = mem.pool(w)[p]
        if r.handed == 1 and r.first_s < 0.0:
            r.first_s = t
        p = r.prev


@inner
def _rest(w: Memory, i: int) -> None:
    """Nothing to do until the next arrival."""
    v = mem.live(w)[i]
    if v.plan_steps > 0:
        w[0].busy -= 1
    v.plan_steps = -1
    clear_event(w, i)
    if v.state == DRAINING:
        v.state = OFF
        w[0].up -= 1


@inner
def _make_decoding_possible(w: Memory, i: int) -> tuple[int, float]:
    """Preempt until every decoding sequence can write its next tokens; return how many, and swap time."""
    v, s = mem.live(w)[i], mem.setup(w)[i]
    preempted, swap_s = 0, 0.0
    if s.reserve or v.decoding == 0:
        return preempted, swap_s
    while True:
        needed = blocks_at_most(w, i) if s.draft_tokens > 0 else growth_of(w, i, 1)
        if s.capacity_blocks - v.used_blocks + v.kept_blocks >= needed or v.running <= 1:
            return preempted, swap_s
        swap_s += preempt_last(w, i)
        preempted += 1


@inner
def _continue_prompts(w: Memory, budget: int, p: int) -> tuple[int, float]:
    """Give the prompts under way their next chunks, oldest first."""
    pairs = 0.0
    while p >= 0:
        budget, more = _take_chunk(w, p, budget)
        pairs += more
        p = mem.pool(w)[p].fill_next
    return budget, pairs


@inner
def _take_chunk(w: Memory, p: int, budget: int) -> tuple[int, float]:
    """Return the budget left and the (query, key) pairs of the request's next chunk."""
    r = mem.pool(w)[p]
    r.chunk = min(r.todo - r.filled, max(budget, 0))
    return budget - r.chunk, r.chunk * (r.filled + 0.5 * (r.chunk + 1.0))


@inner
def _admit(w: Memory, i: int, t: float, budget: int) -> tuple[int, float, float]:
    """Admit from the head of the line while seats, tokens and blocks last."""
    v, s = mem.live(w)[i], mem.setup(w)[i]
    pairs, swap_s = 0.0, 0.0
    if s.static and v.running > 0:
        return budget, pairs, swap_s
    spare = s.capacity_blocks - v.used_blocks + v.kept_blocks
    if not s.reserve and v.decoding > 0:
        spare -= blocks_at_most(w, i) if s.draft_tokens > 0 else growth_of(w, i, 1)
    while budget > 0 and v.running < s.max_sequences:
        p = first_waiting(w, i)
        if p < 0:
            break
        r = mem.pool(w)[p]
        resumes = r.filled > 0 or r.handed == 1
        found = 0 if resumes else found_tokens(w, i, p)
        tokens = r.prompt + r.output if s.reserve else r.todo
        needed = (tokens + s.block_tokens - 1) // s.block_tokens - found // s.block_tokens
        if needed + wakes_blocks(w, i, p) + (2 if resumes else 0) > spare and v.running > 0:
            break
        spare -= needed + wakes_blocks(w, i, p) + (1 if resumes else 0)
        leave_line(w, i, p)
        lean(w, i, p, found if not resumes else 0)
        make_room(w, i, needed)
        v.used_blocks += needed
        w[0].blocks += needed
        start_running(w, i, p)
        if r.scheduled_s < 0.0:
            r.scheduled_s = t
        if resumes:
            if r.made > 0 and r.first_s < 0.0:  # its first token came with the cache
                r.first_s = t
            if r.preemptions > 0:
                swap_s += needed * max(s.swap_s_per_block, 0.0)
            start_decoding(w, i, p)
            budget -= 1 + s.draft_tokens
        else:
            start_filling(w, i, p)
            budget, more = _take_chunk(w, p, budget)
            pairs += more
    return budget, pairs, swap_s


@inner
def start_decoding(w: Memory, i: int, p: int) -> None:
    """Add a request whose prompt is in the cache to the decoding batch."""
    v, s, r = mem.live(w)[i], mem.setup(w)[i], mem.pool(w)[p]
    r.filled = r.todo
    r.offset = r.todo - v.counter
    r.finish = v.counter + r.output - r.made
    v.decoding += 1
    v.alive += 1
    v.cached += r.todo
    if s.draft_tokens == 0:
        push_finish(w, i, r.finish, p)
        if not s.reserve:
            mem.growth(w)[s.phase_at + (-r.offset) % s.block_tokens] += 1


@inner
def take_steps(w: Memory, i: int) -> None:
    """Carry out the steps that were planned; the clock stands at their end."""
    v, s, n, t = mem.live(w)[i], mem.setup(w)[i], w[0], mem.live(w)[i].plan_end
    steps = v.plan_steps
    n.steps += steps
    n.plans += 1
    if s.draft_tokens > 0:
        v.counter += steps
        verify(w, i, t)
    else:
        grown = growth_of(w, i, steps)
        make_room(w, i, grown)
        v.used_blocks += grown
        n.blocks += grown
        mem.area(w)[n.batch, BLOCKS] += 0.5 * grown * (t - v.plan_start)
        v.counter += steps
        v.cached += float(steps * v.decoding)
        n.made += steps * v.alive
        n.peak_blocks = max(n.peak_blocks, v.used_blocks)
        while v.finishes > 0 and mem.finish_key(w)[s.finish_at] <= v.counter:
            end_request(w, i, pop_finish(w, i), t)
    _end_chunks(w, i, t)
    n.peak_blocks = max(n.peak_blocks, v.used_blocks)


@inner
def _end_chunks(w: Memory, i: int, t: float) -> None:
    """Prompts that are complete give their first token and go on to decode, elsewhere if only read here."""
    v, s, n = mem.live(w)[i], mem.setup(w)[i], w[0]
    p = v.fill_head
    while p >= 0:
        r = mem.pool(w)[p]
        following = r.fill_next
        r.filled += r.chunk
        n.prompts_in += r.chunk
        r.chunk = 0
        if r.filled == r.todo:
            stop_filling(w, i, p)
            publish(w, i, p, min(r.prefix, r.todo))
            if not s.discards:
                r.made += 1
                n.made += 1
            if r.first_s < 0.0 and (s.role != PREFILL or r.made >= r.output):
                r.first_s = t
            start_decoding(w, i, p)
            if r.made >= r.output or s.role == PREFILL:
                if s.draft_tokens == 0:
                    drop_finish(w, i, p)
                end_request(w, i, p, t)
        p = following


@inner
def cut_short(w: Memory, i: int, t: float) -> None:
    """End the steps under way at the first boundary at or after `t`: there is something new to admit."""
    v = mem.live(w)[i]
    steps = steps_until(v.plan_first_s, v.plan_growth_s, t - v.plan_start)
    if steps < v.plan_steps:
        v.plan_steps = steps
        v.plan_end = v.plan_start + run_s(v.plan_first_s, v.plan_growth_s, steps)
        set_event(w, i, v.plan_end)
