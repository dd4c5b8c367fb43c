"""Lay a fleet out as the arrays that the compiled loop works on."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from planner.role import Role
from planner.simulate.instance import Batching, Engine, Fleet, Kind, Router
from planner.simulate.step_law import StepLaw, line
from workloads.requests import Requests
from workloads.streams import sequence

if TYPE_CHECKING:
    from planner.simulate.kernel.world import World

BATCHES = 20
"""Parts of a run by arrival: warm-up is cut in whole parts."""
ROLES = {Role.WHOLE: 0, Role.PREFILL: 1, Role.DECODE: 2}
ROUTERS = {router: number for number, router in enumerate(Router)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run is made, apart from fleet and traffic.

    Attributes
    ----------
    rows : int
        Requests that count; what arrives after them keeps the load up and is not counted.
    classes, groups : int
        Traffic classes, and groups that share prefixes.
    limits : ndarray, shape (classes, 4)
        Limits on TTFT, TPOT, E2E and wait of a good request. [s]
    merge : bool
        Take steps with an unchanged batch at once. False takes them one by one.
    keep_rows : int
        Requests whose times are kept one by one.
    most_in_flight : int
        The run stops and is called saturated when more requests are in the system.
    """

    rows: int
    classes: int = 1
    groups: int = 0
    limits: NDArray[np.float64] | None = None
    seed: int = 0
    merge: bool = True
    keep_rows: int = 0
    most_in_flight: int = 400_000


def assemble(fleet: Fleet, settings: Settings, followers: Requests | None = None) -> "World":
    """Build the world of a run."""
    from planner.simulate.kernel import world as w

    size = fleet.size
    setup = _setup(fleet)
    coming = _announcements(fleet, settings.seed)
    live = np.zeros(size, w.LIVE)
    for name in ("run_head", "run_tail", "fill_head", "fill_tail", "lru_head", "lru_tail", "plan_steps"):
        live[name] = -1
    classes, parts = settings.classes, BATCHES + 1
    built = w.World(
        setup=setup,
        kinds=_kinds(fleet),
        live=live,
        pool=np.zeros(0, w.REQUEST),
        wait_head=np.full((size, w.LEVELS), -1, dtype=np.int64),
        wait_tail=np.full((size, w.LEVELS), -1, dtype=np.int64),
        finish_key=np.zeros(int(setup["max_sequences"].sum()) + size, dtype=np.int64),
        finish_request=np.zeros(int(setup["max_sequences"].sum()) + size, dtype=np.int64),
        growth=np.zeros(int(np.where(setup["reserve"], 1, setup["block_tokens"]).sum()), dtype=np.int64),
        groups=np.zeros(max(size * settings.groups, 1), w.GROUP),
        future_s=np.array([time for time, _ in coming]),
        future_code=np.array([code for _, code in coming], dtype=np.int64),
        event_s=np.zeros(size),
        event_at=np.zeros(size, dtype=np.int64),
        event_of=np.full(size, -1, dtype=np.int64),
        share=_share(fleet, classes),
        acceptance=_acceptance(fleet),
        random=np.array(
            [
                sequence(settings.seed, name).generate_state(1, np.uint64)[0]
                for name in ("router", "speculation", "outages")
            ],
            dtype=np.uint64,
        ),
        histogram=np.zeros((classes, w.METRICS, parts, w.BINS), dtype=np.int64),
        total=np.zeros((classes, w.METRICS, parts)),
        square=np.zeros((classes, w.METRICS, parts)),
        counts=np.zeros((classes, w.METRICS, parts), dtype=np.int64),
        good=np.zeros((classes, parts), dtype=np.int64),
        limits=np.full((classes, w.METRICS), np.inf) if settings.limits is None else settings.limits,
        tokens=np.zeros((parts, 2)),
        area=np.zeros((parts, w.AREAS)),
        began=np.zeros((parts, 2)),
        follow=_column(followers, "follower", np.int64),
        think_s=_column(followers, "think_s", np.float64),
        record=np.full((settings.keep_rows, 9), np.nan),
        totals=np.zeros(1, w.TOTALS),
        **_laws(fleet),
    )
    _switch_on(built, fleet, settings)
    return grown(built, to=256 + 2 * size)


def _switch_on(world: "World", fleet: Fleet, settings: Settings) -> None:
    """Set the counters that do not begin at zero, and switch the first instances on."""
    from planner.simulate.kernel import world as w

    n = world.totals[0]
    n["rows"], n["batches"], n["merge"], n["groups"] = settings.rows, BATCHES, settings.merge, settings.groups
    n["router"], n["free"], n["limbo"], n["batch"] = ROUTERS[fleet.router], -1, -1, -1
    n["futures"] = len(world.future_s)
    first = 0
    for kind in fleet.kinds:
        world.live["state"][first : first + _on_at_first(kind)] = w.ON
        n["up"] += _on_at_first(kind)
        first += kind.count


def _on_at_first(kind: Kind) -> int:
    return kind.count if kind.scaling is None else min(max(kind.scaling.least, 1), kind.count)


def _announcements(fleet: Fleet, seed: int) -> list[tuple[float, int]]:
    """First failures and first looks of the autoscaler, in the order of time: a valid heap."""
    from planner.simulate.kernel import world as w

    draw = np.random.default_rng(sequence(seed, "first outages"))
    coming: list[tuple[float, int]] = []
    first = 0
    for k, kind in enumerate(fleet.kinds):
        if math.isfinite(kind.outages.up_s):
            times = draw.exponential(kind.outages.up_s, _on_at_first(kind))
            coming += [(float(time), w.FAIL * w.CODE + first + i) for i, time in enumerate(times)]
        if kind.scaling is not None:
            coming.append((kind.scaling.interval_s, w.TICK * w.CODE + k))
        first += kind.count
    return sorted(coming)


def grown(world: "World", *, to: int) -> "World":
    """Return the world with a pool of at least `to` slots and a future heap to match."""
    old = len(world.pool)
    if to <= old:
        return world
    pool = np.zeros(to, world.pool.dtype)
    pool[:old] = world.pool
    n = world.totals[0]
    pool["next"][old:] = np.arange(old + 1, to + 1)
    pool["next"][-1] = n["free"]
    n["free"] = old
    room = to + 4 * len(world.setup) + len(world.kinds) + 16
    future_s, future_code = np.zeros(room), np.zeros(room, dtype=np.int64)
    future_s[: len(world.future_s)] = world.future_s
    future_code[: len(world.future_code)] = world.future_code
    return world._replace(pool=pool, future_s=future_s, future_code=future_code)


def _setup(fleet: Fleet) -> NDArray[np.void]:
    from planner.simulate.kernel import world as w

    setup = np.zeros(fleet.size, w.SETUP)
    pools = list(dict.fromkeys(kind.pool for kind in fleet.kinds))
    i = finish_at = phase_at = 0
    for k, kind in enumerate(fleet.kinds):
        e = kind.engine
        reserve = e.batching is not Batching.CONTINUOUS
        for _ in range(kind.count):
            s = setup[i]
            s["kind"], s["role"], s["static"], s["reserve"] = (
                k,
                ROLES[kind.role],
                e.batching is Batching.STATIC,
                reserve,
            )
            s["max_sequences"], s["token_budget"], s["max_tokens"] = e.max_sequences, _budget(e), e.max_tokens
            s["block_tokens"], s["capacity_blocks"] = e.block_tokens, e.cache_blocks
            s["draft_tokens"] = e.draft_tokens
            s["pool"], s["discards"] = pools.index(kind.pool), kind.discards_first
            s["swap_s_per_block"] = -1.0 if e.swap_s_per_block is None else e.swap_s_per_block
            s["finish_at"], s["phase_at"] = finish_at, phase_at
            i, finish_at = i + 1, finish_at + e.max_sequences + 1
            phase_at += 1 if reserve else e.block_tokens
    return setup


def _budget(engine: Engine) -> int:
    """Return the token budget; a static batch takes all its prompts in one step."""
    return 2**40 if engine.batching is Batching.STATIC else engine.token_budget


def _kinds(fleet: Fleet) -> NDArray[np.void]:
    from planner.simulate.kernel import world as w

    table = np.zeros(len(fleet.kinds), w.KIND)
    first = 0
    for row, kind in zip(table, fleet.kinds, strict=True):
        row["first"], row["last"] = first, first + kind.count
        first += kind.count
        row["length_limit"], row["up_s"], row["down_s"] = (
            kind.length_limit,
            kind.outages.up_s,
            kind.outages.down_s,
        )
        row["cold_s"], row["draft_s"], row["request_s"] = (
            kind.cold_start_s,
            kind.law.draft_s,
            kind.law.request_s,
        )
        row["wait_steps"] = kind.law.wait_steps
        row["transfer_s"], row["transfer_s_per_token"] = kind.transfer_s, kind.transfer_s_per_token
        if kind.scaling is not None:
            row["interval_s"], row["high"], row["low"] = (
                kind.scaling.interval_s,
                kind.scaling.high,
                kind.scaling.low,
            )
            row["least"] = max(kind.scaling.least, 1)
    return table


def _share(fleet: Fleet, classes: int) -> NDArray[np.float64]:
    """Cumulative probability per class, then per kind that read and class; -1 where nothing is said of it."""
    numbers = range(len(fleet.kinds))
    rows = [[(kind.share or {}).get(c, 0.0) for kind in fleet.kinds] for c in range(classes)]
    rows += [
        [kind.hands.get(c, {}).get(k, 0.0) for k in numbers] for kind in fleet.kinds for c in range(classes)
    ]
    share = np.array(rows, dtype=np.float64)
    total = share.sum(axis=1, keepdims=True)
    return np.where(total > 0, np.cumsum(share, axis=1) / np.where(total > 0, total, 1.0), -1.0)


def _acceptance(fleet: Fleet) -> NDArray[np.float64]:
    most = max(kind.engine.draft_tokens for kind in fleet.kinds)
    return np.array(
        [
            [kind.engine.acceptance_at(j) if kind.engine.acceptance else 0.0 for j in range(max(most, 1))]
            for kind in fleet.kinds
        ]
    )


def _column(followers: Requests | None, name: str, dtype: type[np.generic]) -> NDArray[Any]:
    column = None if followers is None else getattr(followers, name)
    return np.zeros(0, dtype=dtype) if column is None else np.asarray(column, dtype=dtype)


def _laws(fleet: Fleet) -> dict[str, NDArray[np.float64]]:
    """Tabulate the laws densely in tokens and sequences; pad knots so that all kinds share one shape."""
    tokens = max(min(kind.engine.token_budget, 16_384) for kind in fleet.kinds) + 2
    sequences = max(kind.engine.max_sequences for kind in fleet.kinds) + 1
    cached = max(len(kind.law.cached_knots) for kind in fleet.kinds)
    pairs = max(len(kind.law.pair_knots) for kind in fleet.kinds)
    laws = [kind.law for kind in fleet.kinds]
    cached_knots = np.stack([_padded(law.cached_knots, cached) for law in laws])
    pair_knots = np.stack([_padded(law.pair_knots, pairs) for law in laws])
    return {
        "law_tokens_s": np.stack(
            [line(np.arange(tokens, dtype=float), law.token_knots, law.token_s) for law in laws]
        ),
        "law_cached": cached_knots,
        "law_decode_s": np.stack(
            [_decode_table(law, sequences, knots) for law, knots in zip(laws, cached_knots, strict=True)]
        ),
        "law_pairs": pair_knots,
        "law_pairs_s": np.stack(
            [line(knots, law.pair_knots, law.pairs_s) for law, knots in zip(laws, pair_knots, strict=True)]
        ),
    }


def _padded(knots: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.concatenate([knots, knots[-1] * 2.0 ** np.arange(1, length - len(knots) + 1)])


def _decode_table(law: StepLaw, sequences: int, knots: NDArray[np.float64]) -> NDArray[np.float64]:
    at_knots = np.stack([line(knots, law.cached_knots, row) for row in law.decode_s])
    counts = np.arange(sequences, dtype=float)
    return np.stack([line(counts, law.sequence_knots, column) for column in at_knots.T], axis=1)
