"""The step law at work, and how many steps with an unchanged batch can be taken at once.

A step of n decoding sequences with S cached tokens together and T tokens takes

    t = f(T) + g(n, S) + h(A) ,

g piecewise linear in S. While the batch is unchanged S grows by n a step, so
within one piece step q = 0, 1, ... takes a + b q, and k steps take
a k + b k (k - 1) / 2: the same steps, added up in one go.
"""

import math

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.world import Memory


@inner
def decode_line(w: Memory, k: int, n: int, cached: float) -> tuple[float, float, float]:
    """Return g(n, S) [s], its slope in S [s/token] and the S at which the slope changes."""
    knots, values = mem.law_cached(w)[k], mem.law_decode_s(w)[k, min(n, mem.law_decode_s(w).shape[1] - 1)]
    at, last = 0, knots.shape[0] - 2
    while at < last and knots[at + 1] <= cached:
        at += 1
    slope = (values[at + 1] - values[at]) / (knots[at + 1] - knots[at])
    limit = knots[at + 1] if at < last else math.inf
    return values[at] + slope * (cached - knots[at]), slope, limit


@inner
def tokens_s(w: Memory, k: int, tokens: int) -> float:
    """Return f(T) [s]; beyond the table it goes on as its last piece does."""
    table = mem.law_tokens_s(w)[k]
    top = table.shape[0] - 1
    if tokens <= top:
        return float(table[tokens])
    return float(table[top] + (tokens - top) * (table[top] - table[top - 1]))


@inner
def pairs_s(w: Memory, k: int, pairs: float) -> float:
    """Return h(A) [s] for (query, key) pairs of prompt chunks."""
    if pairs <= 0.0:
        return 0.0
    knots, values = mem.law_pairs(w)[k], mem.law_pairs_s(w)[k]
    at, last = 0, knots.shape[0] - 2
    while at < last and knots[at + 1] <= pairs:
        at += 1
    slope = (values[at + 1] - values[at]) / (knots[at + 1] - knots[at])
    return float(values[at] + slope * (pairs - knots[at]))


@inner
def growth_of(w: Memory, i: int, steps: int) -> int:
    """Return the blocks that the decoding sequences of `i` take in their next steps."""
    v, block, base = mem.live(w)[i], mem.setup(w)[i].block_tokens, mem.setup(w)[i].phase_at
    if mem.setup(w)[i].reserve:
        return 0
    total = (steps // block) * v.decoding
    for q in range(steps % block):
        total += mem.growth(w)[base + (v.counter + q) % block]
    return int(total)


@inner
def steps_that_fit(w: Memory, i: int, wanted: int) -> int:
    """Return how many steps the free blocks allow, at most `wanted`."""
    v, block, base = mem.live(w)[i], mem.setup(w)[i].block_tokens, mem.setup(w)[i].phase_at
    if mem.setup(w)[i].reserve or v.decoding == 0:
        return wanted
    free = mem.setup(w)[i].capacity_blocks - v.used_blocks + v.kept_blocks
    if v.decoding * (wanted // block + 1) <= free:
        return wanted
    rounds = min(wanted // block, free // v.decoding)
    free -= rounds * v.decoding
    steps = rounds * block
    while steps < wanted:
        free -= mem.growth(w)[base + (v.counter + steps) % block]
        if free < 0:
            break
        steps += 1
    return int(steps)


@inner
def run_s(first_s: float, growth_s: float, steps: int) -> float:
    """Return the time of so many steps, each `growth_s` longer than the one before."""
    return first_s * steps + growth_s * (0.5 * steps * (steps - 1))


@inner
def steps_until(first_s: float, growth_s: float, duration_s: float) -> int:
    """Return the fewest steps that take at least `duration_s`."""
    if duration_s <= first_s:
        return 1
    half = 0.5 * growth_s
    linear = first_s - half
    if half > 0.0:
        guess = 2.0 * duration_s / (linear + math.sqrt(linear * linear + 4.0 * half * duration_s))
    else:
        guess = duration_s / first_s
    steps = max(int(guess), 1)
    while steps > 1 and run_s(first_s, growth_s, steps - 1) >= duration_s:
        steps -= 1
    while run_s(first_s, growth_s, steps) < duration_s:
        steps += 1
    return steps
