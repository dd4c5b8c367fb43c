"""Which instance an arrival goes to."""

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.randomness import uniform
from planner.simulate.kernel.world import (
    BY_LENGTH,
    DECODE,
    LEAST_LOADED,
    ON,
    PREFILL,
    PREFIX_AFFINITY,
    RANDOM,
    ROUND_ROBIN,
    WHOLE,
    Memory,
)

ANY_KIND = -1


@inner
def could_hold(w: Memory, i: int, p: int) -> bool:
    """Say if the request fits the cache of instance `i` when it is alone there."""
    s, r = mem.setup(w)[i], mem.pool(w)[p]
    tokens = r.prompt + 1 if s.role == PREFILL else r.prompt + r.output
    blocks = (tokens + s.block_tokens - 1) // s.block_tokens
    return bool(tokens <= s.max_tokens and blocks <= s.capacity_blocks)


@inner
def _has_role(w: Memory, i: int, p: int) -> bool:
    """Say if instance `i` serves the part of the request that comes next."""
    s, r = mem.setup(w)[i], mem.pool(w)[p]
    if r.handed == 1:
        return bool(s.role == DECODE and s.pool == mem.setup(w)[r.instance].pool)
    return bool(s.role == WHOLE or s.role == PREFILL)


@inner
def _takes(w: Memory, i: int, p: int) -> bool:
    return bool(mem.live(w)[i].state == ON and _has_role(w, i, p) and could_hold(w, i, p))


@inner
def route(w: Memory, p: int) -> int:
    """Return the instance for a request, -1 if none can take it now, -2 if none ever could."""
    for k in (_kind_for(w, p), ANY_KIND):
        i = _among(w, p, k)
        if i >= 0:
            return i
    for other in range(mem.setup(w).shape[0]):
        if _has_role(w, other, p) and could_hold(w, other, p):
            return -1
    return -2


@inner
def _kind_for(w: Memory, p: int) -> int:
    """Return the kind that the class's share or the request's length points to, or -1."""
    r = mem.pool(w)[p]
    row = r.klass
    if r.handed == 1:
        row += (1 + mem.setup(w)[r.instance].kind) * mem.histogram(w).shape[0]
    elif w[0].router == BY_LENGTH:
        for k in range(mem.kinds(w).shape[0]):
            if r.prompt + r.output <= mem.kinds(w)[k].length_limit:
                return k
        return -1
    if mem.share(w)[row, 0] < 0.0:
        return -1
    drawn = uniform(w, 0)
    for k in range(mem.kinds(w).shape[0]):
        if drawn < mem.share(w)[row, k]:
            return k
    return int(mem.kinds(w).shape[0]) - 1


@inner
def _among(w: Memory, p: int, k: int) -> int:
    """Pick an instance of a kind, or of any, by the router's rule; -1 if none takes the request."""
    router, first, last = w[0].router, 0, mem.setup(w).shape[0]
    if last == 1:
        return 0 if _takes(w, first, p) else -1
    if k >= 0:
        first, last = mem.kinds(w)[k].first, mem.kinds(w)[k].last
    if router == RANDOM:
        return _random(w, p, first, last)
    if router == ROUND_ROBIN:
        return _next_in_turn(w, p, first, last)
    best, best_load = -1, 0
    for i in range(first, last):
        if not _takes(w, i, p):
            continue
        v = mem.live(w)[i]
        load = v.load_tokens if router == LEAST_LOADED else v.waiting + v.running
        if best < 0 or load < best_load:
            best, best_load = i, load
    if router == PREFIX_AFFINITY and best >= 0 and mem.pool(w)[p].group >= 0:
        return _with_prefix(w, p, first, last, best)
    return best


@inner
def _random(w: Memory, p: int, first: int, last: int) -> int:
    able = 0
    for i in range(first, last):
        able += _takes(w, i, p)
    if able == 0:
        return -1
    left = int(uniform(w, 0) * able)
    for i in range(first, last):
        if _takes(w, i, p):
            if left == 0:
                return i
            left -= 1
    return -1


@inner
def _next_in_turn(w: Memory, p: int, first: int, last: int) -> int:
    n, size = w[0], last - first
    for ahead in range(size):
        i = first + (n.turn + ahead) % size
        if _takes(w, i, p):
            n.turn = (n.turn + ahead + 1) % size
            return int(i)
    return -1


@inner
def _with_prefix(w: Memory, p: int, first: int, last: int, shortest: int) -> int:
    """Prefer the longest cached prefix, unless its line is a full batch longer than the shortest."""
    best, tokens = shortest, 0
    group, groups = mem.pool(w)[p].group, w[0].groups
    fair = mem.live(w)[shortest].waiting + mem.live(w)[shortest].running
    for i in range(first, last):
        held = mem.groups(w)[i * groups + group].tokens
        line = mem.live(w)[i].waiting + mem.live(w)[i].running - fair
        if held > tokens and line <= mem.setup(w)[i].max_sequences and _takes(w, i, p):
            best, tokens = i, held
    return best
