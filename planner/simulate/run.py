"""One run: feed the compiled loop with requests, enlarge its pool, and check what must hold afterwards."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.simulate.assemble import Settings, assemble, grown
from planner.simulate.instance import Fleet
from tonnage.errors import InvalidInput
from workloads.requests import Requests

if TYPE_CHECKING:
    from planner.simulate.kernel.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Requests as they are needed.

    Attributes
    ----------
    chunks : iterator of Requests
        In the order of arrival; the times of a closed loop are left aside.
    rows : int
        Requests that count.
    users : int
        Closed loop: so many send one request at a time; 0 is an open one.
    ramp_s : float
        Time over which the users of a closed loop begin, evenly. All at once they would march in
        step for ever where lengths are equal. [s]
    """

    chunks: Iterator[Requests]
    rows: int
    users: int = 0
    think_s: float = 0.0
    ramp_s: float = 0.0
    classes: int = 1
    groups: int = 0
    followers: Requests | None = field(default=None)


def feed(requests: Requests, *, users: int = 0, think_s: float = 0.0, classes: int = 1) -> Feed:
    """Return the feed of requests that are in memory; `users` of them are on their way at any time."""
    return Feed(
        chunks=iter((requests,)),
        rows=max(len(requests) - users, 1),
        users=users,
        think_s=think_s,
        classes=classes,
        groups=requests.groups,
        followers=requests if requests.follower is not None else None,
    )


def run(fleet: Fleet, traffic: Feed, settings: Settings | None = None) -> "World":
    """Simulate a fleet under traffic until the traffic has ended.

    Returns
    -------
    World
        What was counted; `planner.simulate.outcome` reads it.

    Raises
    ------
    InvalidInput
        If no request fits any instance.
    """
    from planner.simulate.kernel.world import DONE, NEED_ROWS

    settings = settings or Settings(rows=traffic.rows)
    settings = replace(settings, classes=max(settings.classes, traffic.classes), groups=traffic.groups)
    world = assemble(fleet, settings, traffic.followers)
    world = _with_users(grown(world, to=len(world.pool) + traffic.users), traffic.users, traffic.ramp_s)
    chunks = iter(traffic.chunks)
    rows, following = _rows(next(chunks)), next(chunks, None)
    n = world.totals[0]
    n["closed"], n["think"], n["loaded"], n["last"] = (
        traffic.users > 0,
        traffic.think_s,
        len(rows),
        following is None,
    )
    while (why := _advance(world, rows)) != DONE:
        if why == NEED_ROWS and following is not None:
            n["base"] += len(rows)
            rows, following = _rows(following), next(chunks, None)
            n["cursor"], n["loaded"], n["last"] = 0, len(rows), following is None
        elif len(world.pool) >= settings.most_in_flight:
            break
        else:
            world = grown(world, to=min(2 * len(world.pool), settings.most_in_flight))
            n = world.totals[0]
    if n["arrived"] and n["refused"] == n["arrived"]:
        raise InvalidInput(_refusal(fleet, n["arrived"], rows[0]))
    _check(world)
    return world


def _advance(world: "World", rows: NDArray[np.void]) -> int:
    from planner.simulate.kernel.loop import advance
    from planner.simulate.kernel.memory import bind

    bind(world)
    return advance(world.totals, rows)


def _with_users(world: "World", users: int, ramp_s: float) -> "World":
    """Let the users of a closed loop send their first requests, evenly over `ramp_s`."""
    from planner.simulate.kernel.world import CODE, NEXT_ROW

    n = world.totals[0]
    n["coming"] = users
    begin = [(ramp_s * user / users, NEXT_ROW * CODE) for user in range(users)]
    coming = sorted(begin + list(zip(world.future_s, world.future_code, strict=True))[: n["futures"]])
    n["futures"] = len(coming)
    world.future_s[: len(coming)] = [time for time, _ in coming]
    world.future_code[: len(coming)] = [code for _, code in coming]
    return world


def _rows(requests: Requests) -> NDArray[np.void]:
    from planner.simulate.kernel.world import ROW_FIELDS

    rows = np.zeros(len(requests), ROW_FIELDS)
    rows["arrival_s"], rows["prompt"], rows["output"] = (
        requests.arrival_s,
        requests.prompt_tokens,
        requests.output_tokens,
    )
    rows["group"] = -1
    for name, column in (
        ("klass", requests.klass),
        ("level", requests.level),
        ("group", requests.group),
        ("prefix", requests.prefix_tokens),
        ("keep", requests.keep_tokens),
    ):
        if column is not None:
            rows[name] = column
    return rows


def _refusal(fleet: Fleet, requests: int, one: np.void) -> str:
    best = max(fleet.kinds, key=lambda kind: min(kind.engine.cache_tokens, kind.engine.max_tokens))
    limit = min(best.engine.cache_tokens, best.engine.max_tokens)
    return (
        f"none of {requests} requests fits, such as one of {one['prompt']} + {one['output']} tokens: "
        f"the largest cache ('{best.name}') holds {limit} tokens of a request, prompt and output "
        "together; use shorter requests, more memory or a smaller cache format"
    )


def _check(world: "World") -> None:
    """Laws that hold on every run: requests, tokens, blocks and Little's L = lambda W."""
    n = world.totals[0]
    inside = n["in_system"]
    if n["arrived"] != n["finished"] + n["refused"] + inside:
        raise AssertionError(f"requests were lost: {n}")
    if inside == 0:
        if np.any(world.live["used_blocks"] != world.live["kept_blocks"]) or np.any(world.live["running"]):
            raise AssertionError(f"blocks or seats were lost: {world.live}")
        if not math.isclose(n["system_area"], n["sojourn"], rel_tol=1e-6, abs_tol=1e-6):
            raise AssertionError(f"Little's law fails: {n['system_area']} != {n['sojourn']}")
