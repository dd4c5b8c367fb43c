"""Cached prefixes: whole blocks that requests of one group share, kept until the space is needed.

A group's entry on an instance holds its first `tokens` tokens, a multiple of
the block. While requests lean on it its blocks are in use; afterwards it waits
in a list by last use and the oldest gives way first.
"""

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.world import Memory


@inner
def _entry(w: Memory, i: int, group: int) -> int:
    return int(i * w[0].groups + group)


@inner
def found_tokens(w: Memory, i: int, p: int) -> int:
    """Return how much of the request's prefix is cached here; at least one token stays to be computed."""
    r, block = mem.pool(w)[p], mem.setup(w)[i].block_tokens
    if r.group < 0:
        return 0
    return int(min(r.prefix, mem.groups(w)[_entry(w, i, r.group)].tokens, r.todo - 1) // block * block)


@inner
def wakes_blocks(w: Memory, i: int, p: int) -> int:
    """Return the blocks that stop being free when the request leans on its group's entry."""
    r = mem.pool(w)[p]
    if r.group < 0:
        return 0
    entry = mem.groups(w)[_entry(w, i, r.group)]
    return int(entry.tokens // mem.setup(w)[i].block_tokens) if entry.users == 0 else 0


@inner
def lean(w: Memory, i: int, p: int, found: int) -> None:
    """Let an admitted request use its group's entry."""
    r = mem.pool(w)[p]
    if r.group < 0:
        return
    at = _entry(w, i, r.group)
    if mem.groups(w)[at].users == 0 and mem.groups(w)[at].tokens > 0:
        _unlist(w, i, at)
    mem.groups(w)[at].users += 1
    r.shared = found // mem.setup(w)[i].block_tokens
    r.filled = found
    w[0].hit_tokens += found
    if r.row < mem.record(w).shape[0]:
        mem.record(w)[r.row, 8] = found


@inner
def publish(w: Memory, i: int, p: int, tokens: int) -> None:
    """Hand the request's first `tokens` tokens, already computed, to its group."""
    r, block = mem.pool(w)[p], mem.setup(w)[i].block_tokens
    if r.group < 0:
        return
    entry = mem.groups(w)[_entry(w, i, r.group)]
    whole = tokens // block * block
    if whole > entry.tokens and r.shared * block == entry.tokens:
        entry.tokens = whole
        r.shared = whole // block


@inner
def unlean(w: Memory, i: int, p: int) -> None:
    """Stop using the group's entry; the last request to do so turns it into spare blocks."""
    r = mem.pool(w)[p]
    r.shared = 0
    if r.group < 0:
        return
    at = _entry(w, i, r.group)
    mem.groups(w)[at].users -= 1
    if mem.groups(w)[at].users == 0 and mem.groups(w)[at].tokens > 0:
        _enlist(w, i, at)


@inner
def make_room(w: Memory, i: int, blocks: int) -> None:
    """Evict the least recently used entries until so many blocks are free."""
    v, s = mem.live(w)[i], mem.setup(w)[i]
    while s.capacity_blocks - v.used_blocks < blocks and v.lru_head >= 0:
        evict_oldest(w, i)


@inner
def evict_oldest(w: Memory, i: int) -> None:
    """Drop the entry that was not used for longest."""
    v = mem.live(w)[i]
    at = v.lru_head
    _unlist(w, i, at)
    freed = mem.groups(w)[at].tokens // mem.setup(w)[i].block_tokens
    mem.groups(w)[at].tokens = 0
    v.used_blocks -= freed
    w[0].blocks -= freed


@inner
def _enlist(w: Memory, i: int, at: int) -> None:
    v, entry = mem.live(w)[i], mem.groups(w)[at]
    entry.older, entry.newer = v.lru_tail, -1
    if v.lru_tail < 0:
        v.lru_head = at
    else:
        mem.groups(w)[v.lru_tail].newer = at
    v.lru_tail = at
    v.kept_blocks += entry.tokens // mem.setup(w)[i].block_tokens


@inner
def _unlist(w: Memory, i: int, at: int) -> None:
    v, entry = mem.live(w)[i], mem.groups(w)[at]
    if entry.older < 0:
        v.lru_head = entry.newer
    else:
        mem.groups(w)[entry.older].newer = entry.newer
    if entry.newer < 0:
        v.lru_tail = entry.older
    else:
        mem.groups(w)[entry.newer].older = entry.older
    v.kept_blocks -= entry.tokens // mem.setup(w)[i].block_tokens
