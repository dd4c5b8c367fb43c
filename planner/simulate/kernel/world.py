"""Everything a run knows: flat arrays of records, allocated once, changed in place.

Indices: i instance, k kind of instance, p request in flight, b batch of requests
(for warm-up and intervals), c traffic class, m metric.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Records = NDArray[np.void]

LEVELS = 3
"""Priority levels; 0 is served first."""
BINS_PER_OCTAVE = 64
LOWEST_LOG2 = -24
"""log2 of the smallest time that a histogram resolves: 60 ns."""
BINS = BINS_PER_OCTAVE * 48
"""Up to 2^24 s; neighbouring edges are 1.09 % apart."""
TTFT, TPOT, E2E, WAIT = range(4)
METRICS = 4
WAITING, RUNNING, BUSY, BLOCKS, UP, ELAPSED = range(6)
AREAS = 6

DONE, NEED_ROWS, POOL_FULL = range(3)
"""Why the loop returned."""
OFF, ON, DRAINING, STARTING = range(4)
"""State of an instance."""
WHOLE, PREFILL, DECODE = range(3)
"""Role of an instance."""
RANDOM, ROUND_ROBIN, LEAST_LOADED, SHORTEST_QUEUE, PREFIX_AFFINITY, BY_LENGTH = range(6)
"""Routers."""
NEXT_ROW, ROW, HANDOFF, FAIL, READY, TICK = range(6)
"""What is in the future heap."""
CODE = 1 << 40
"""code = kind of future x CODE + its number."""


def _record(ints: str, floats: str = "") -> np.dtype[np.void]:
    fields = [(name, np.int64) for name in ints.split()] + [(name, np.float64) for name in floats.split()]
    return np.dtype(fields, align=True)


SETUP = _record(
    "kind max_sequences token_budget block_tokens capacity_blocks role static reserve draft_tokens "
    "finish_at phase_at max_tokens pool discards",
    "swap_s_per_block",
)
"""What an instance is. static: a batch runs until its last request ends. reserve: blocks of the whole
request are taken at admission, nothing is preempted. pool: of a half, those that it hands caches to or
takes them from have the same. discards: the first token is made anew where the cache goes.
swap_s_per_block < 0: the preempted are recomputed."""

LIVE = _record(
    "state counter running decoding alive used_blocks waiting load_tokens run_head run_tail fill_head "
    "fill_tail plan_steps plan_blocks finishes lru_head lru_tail kept_blocks",
    "cached plan_start plan_end plan_first_s plan_growth_s",
)
"""What an instance does. counter: steps so far, the clock of finishes and block growth. alive: decoding
sequences that still want tokens (below `decoding` in a static batch only). cached: tokens in the cache
of the decoding sequences together. plan_steps: -1 idle, 0 about to schedule, else steps under way.
kept_blocks: blocks of prefixes nobody uses just now, which give way when needed."""

REQUEST = _record(
    "row klass level batch prompt output made todo filled chunk offset finish shared group prefix keep "
    "instance preemptions handed next prev fill_next",
    "arrival_s scheduled_s first_s",
)
"""A request in flight. made: output tokens so far. todo: tokens to be cached before the next token can
come; filled: those that are. offset: cached tokens minus the counter, while decoding. finish: counter at
which it ends, -1 while it does not decode. shared: blocks of a cached prefix that it leans on. handed: it
comes with its cache, from a prefill instance."""

ROW_FIELDS = _record("prompt output klass level group prefix keep", "arrival_s")
"""A request to come. arrival inf: follows its predecessor. group -1: shares no prefix. keep: tokens that
stay useful to its group after it ended."""

GROUP = _record("tokens users newer older")
"""A cached prefix of one group on one instance, in a list by last use."""

KIND = _record(
    "first last least",
    "length_limit up_s down_s cold_s interval_s high low draft_s request_s wait_steps transfer_s "
    "transfer_s_per_token",
)
"""A kind: its instances [first, last), when they fail, how they scale, and constants of its step law."""


_INT, _FLOAT = np.dtype(np.int64), np.dtype(np.float64)

TABLES: Final[dict[str, tuple[np.dtype[Any], int]]] = {
    "setup": (SETUP, 1),
    "kinds": (KIND, 1),
    "live": (LIVE, 1),
    "pool": (REQUEST, 1),
    "groups": (GROUP, 1),
    "wait_head": (_INT, 2),
    "wait_tail": (_INT, 2),
    "finish_key": (_INT, 1),
    "finish_request": (_INT, 1),
    "growth": (_INT, 1),
    "future_s": (_FLOAT, 1),
    "future_code": (_INT, 1),
    "event_s": (_FLOAT, 1),
    "event_at": (_INT, 1),
    "event_of": (_INT, 1),
    "share": (_FLOAT, 2),
    "acceptance": (_FLOAT, 2),
    "random": (np.dtype(np.uint64), 1),
    "histogram": (_INT, 4),
    "total": (_FLOAT, 3),
    "square": (_FLOAT, 3),
    "counts": (_INT, 3),
    "good": (_INT, 2),
    "limits": (_FLOAT, 2),
    "tokens": (_FLOAT, 2),
    "area": (_FLOAT, 2),
    "began": (_FLOAT, 2),
    "follow": (_INT, 1),
    "think_s": (_FLOAT, 1),
    "record": (_FLOAT, 2),
    "law_tokens_s": (_FLOAT, 2),
    "law_cached": (_FLOAT, 2),
    "law_decode_s": (_FLOAT, 3),
    "law_pairs": (_FLOAT, 2),
    "law_pairs_s": (_FLOAT, 2),
}
"""Arrays of a run: element and dimensions."""

TOTALS = _record(
    "cursor loaded base last rows closed in_system waiting running busy blocks up free futures events batch "
    "batches refused arrived finished preempted steps plans prompts_in made wasted router turn merge coming "
    "limbo limbo_count failures hit_tokens peak_blocks groups most_in_system starts "
    + " ".join(
        f"{name}_{part}" for name, (_, dimensions) in TABLES.items() for part in ("at", *range(dimensions))
    ),
    "now think system_area sojourn last_arrival up_area",
)
"""Counters and cursors of the whole run, and where its arrays lie."""

Memory = Records
"""The one record of TOTALS, as compiled functions take it."""


class World(NamedTuple):
    """All arrays of a run; those that it counts in are read afterwards."""

    totals: Records
    setup: Records
    kinds: Records
    live: Records
    pool: Records
    groups: Records
    wait_head: Ints
    """(i, level); and the tail."""
    wait_tail: Ints
    finish_key: Ints
    finish_request: Ints
    growth: Ints
    """Decoding sequences by the step, modulo the block, at which they need a new block."""
    future_s: Floats
    future_code: Ints
    event_s: Floats
    event_at: Ints
    """Heap position -> instance."""
    event_of: Ints
    """Instance -> heap position, or -1."""
    share: Floats
    """(row, kind): cumulative probability that a request goes to a kind; negative: any. One row per class,
    then one per kind that read a prompt and class."""
    acceptance: Floats
    """(kind, guess): probability that a guess holds when those before it do."""
    random: NDArray[np.uint64]
    histogram: Ints
    """(class, metric, batch, bin)."""
    total: Floats
    """(class, metric, batch); so are squares and counts."""
    square: Floats
    counts: Ints
    good: Ints
    """(class, batch): requests within the limits."""
    limits: Floats
    """(class, metric)."""
    tokens: Floats
    """(batch, 2): prompt and output tokens of finished requests."""
    area: Floats
    """(batch, AREAS): time integrals while the batch arrived."""
    began: Floats
    """(batch, 2): time and requests in the system when the batch began."""
    follow: Ints
    """Row that comes after a row has ended, or -1; empty where none does."""
    think_s: Floats
    record: Floats
    """(row, 9): scheduled, first, last, preemptions, instance, arrival, prompt, output, prefix tokens found;
    no rows: not kept."""
    law_tokens_s: Floats
    """(kind, tokens): the step law; see `planner.simulate.step_law`."""
    law_cached: Floats
    law_decode_s: Floats
    """(kind, sequences, knot)."""
    law_pairs: Floats
    law_pairs_s: Floats
