"""Speculative decoding: a step verifies `draft_tokens` guesses per sequence and keeps the accepted ones.

Guess j holds with probability a_j when those before it do: the acceptance curve.
The first that does not ends the run, and the verifying model adds one token of
its own. So a step gives 1 + a_1 + a_1 a_2 + ... tokens on average, cut at the end
of the request.
Sequences advance unequally, so steps are taken one by one.
"""

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.leaving import end_request
from planner.simulate.kernel.randomness import uniform
from planner.simulate.kernel.world import Memory


@inner
def blocks_at_most(w: Memory, i: int) -> int:
    """Return the blocks that the next step needs if every guess is accepted."""
    s, p, needed = mem.setup(w)[i], mem.live(w)[i].run_head, 0
    while p >= 0:
        r = mem.pool(w)[p]
        if r.finish >= 0:
            most = min(1 + s.draft_tokens, r.output - r.made)
            last = (r.filled + most + s.block_tokens - 1) // s.block_tokens
            needed += last - (r.filled + s.block_tokens - 1) // s.block_tokens
        p = r.next
    return int(needed)


@inner
def verify(w: Memory, i: int, t: float) -> None:
    """Advance every decoding sequence by what was accepted."""
    s, v, n, p = mem.setup(w)[i], mem.live(w)[i], w[0], mem.live(w)[i].run_head
    holds = mem.acceptance(w)[s.kind]
    while p >= 0:
        r = mem.pool(w)[p]
        following = r.next
        if r.finish >= 0:
            tokens, most = 1, min(1 + s.draft_tokens, r.output - r.made)
            while tokens < most and uniform(w, 1) < holds[tokens - 1]:
                tokens += 1
            before = (r.filled + s.block_tokens - 1) // s.block_tokens
            r.filled += tokens
            r.made += tokens
            n.made += tokens
            v.cached += tokens
            if not s.reserve:
                grown = (r.filled + s.block_tokens - 1) // s.block_tokens - before
                v.used_blocks += grown
                n.blocks += grown
            n.peak_blocks = max(n.peak_blocks, v.used_blocks)
            if r.made >= r.output:
                end_request(w, i, p, t)
        p = following
