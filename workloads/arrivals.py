"""Draw requests from a description of traffic, in chunks, from named random streams.

Gaps are drawn at rate one and divided by the rate, so that two rates under one
seed differ in their clock alone: common random numbers.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tonnage.errors import InvalidInput
from workloads.requests import Requests
from workloads.streams import stream
from workloads.traffic import Arrivals, Traffic

CHUNK = 65_536
"""Requests in memory at a time."""
HOUR_S = 3600.0


def draw(traffic: Traffic, rows: int, *, seed: int, chunk: int = CHUNK) -> Iterator[Requests]:
    """Draw `rows` requests; the same ones whatever the chunk.

    Raises
    ------
    InvalidInput
        For sessions, whose turns follow each other's ends: see `draw_sessions`.
    """
    if traffic.sessions is not None:
        raise InvalidInput("sessions are drawn as a whole, not in chunks")
    times, lengths = (
        arrival_times(traffic.arrivals, seed, chunk=chunk),
        stream(seed, f"lengths {traffic.name}"),
    )
    shared = traffic.shared_prefix_tokens
    for start in range(0, rows, chunk):
        size = min(chunk, rows - start)
        prompt, output = _lengths(traffic, size, lengths)
        prompt = np.maximum(prompt, shared + 1) if shared else prompt
        yield Requests(
            arrival_s=next(times)[:size],
            prompt_tokens=prompt,
            output_tokens=output,
            level=np.full(size, traffic.priority) if traffic.priority else None,
            group=np.zeros(size, dtype=np.int64) if shared else None,
            prefix_tokens=np.full(size, shared) if shared else None,
            keep_tokens=np.full(size, shared) if shared else None,
        )


def _lengths(
    traffic: Traffic, size: int, draw: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw prompts and outputs that are correlated in their normal scores."""
    from scipy.special import ndtr

    scores = draw.standard_normal((size, 2))
    rho = traffic.correlation
    scores[:, 1] = rho * scores[:, 0] + np.sqrt(1 - rho**2) * scores[:, 1]
    probability = ndtr(scores)
    return traffic.prompt.tokens(probability[:, 0]), traffic.output.tokens(probability[:, 1])


def arrival_times(arrivals: Arrivals, seed: int, *, chunk: int = CHUNK) -> Iterator[NDArray[np.float64]]:
    """Yield arrival times [s] without end, `chunk` at a time."""
    unit = _DRAWN[arrivals.process]
    return unit(arrivals, stream(seed, "arrivals"), chunk)


def _at_once(_: Arrivals, _draw: np.random.Generator, chunk: int) -> Iterator[NDArray[np.float64]]:
    while True:
        yield np.zeros(chunk)


def _renewal(arrivals: Arrivals, draw: np.random.Generator, chunk: int) -> Iterator[NDArray[np.float64]]:
    """Independent gaps: exponential, or gamma with the coefficient of variation that is asked for."""
    now = 0.0
    shape = 1.0 / arrivals.gap_cv**2
    while True:
        if arrivals.process == "poisson":
            gaps = draw.standard_exponential(chunk)
        else:
            gaps = draw.standard_gamma(shape, chunk) / shape
        times = now + np.cumsum(gaps) / arrivals.requests_per_s
        now = float(times[-1])
        yield times


def _through(
    spent: NDArray[np.float64], edges: NDArray[np.float64], measure: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Map operational time to clock time: the inverse of the integrated rate."""
    return np.interp(spent, measure, edges)


def _profile(arrivals: Arrivals, draw: np.random.Generator, chunk: int) -> Iterator[NDArray[np.float64]]:
    """Follow relative rates, window by window: a renewal process in operational time.

    With `gap_cv` 1 that is a Poisson process whose rate is the profile.
    """
    hours = arrivals.process == "diurnal"
    shape = np.array(arrivals.hourly if hours else arrivals.rates)
    relative, window_s = shape / shape.mean(), HOUR_S if hours else arrivals.window_s
    edges = np.arange(len(relative) + 1.0) * window_s
    measure = np.concatenate([[0.0], np.cumsum(relative * window_s * arrivals.requests_per_s)])
    now, order = 0.0, 1.0 / arrivals.gap_cv**2
    while True:
        gaps = draw.standard_exponential(chunk) if order == 1 else draw.standard_gamma(order, chunk) / order
        spent = now + np.cumsum(gaps)
        now = float(spent[-1])
        rounds, rest = np.divmod(spent, measure[-1])
        yield rounds * edges[-1] + _through(rest, edges, measure)


def _markov(arrivals: Arrivals, draw: np.random.Generator, chunk: int) -> Iterator[NDArray[np.float64]]:
    """Calm and bursts of exponential length in turn, Poisson within each."""
    burst_frac = arrivals.burst_s / (arrivals.burst_s + arrivals.calm_s)
    calm = arrivals.requests_per_s / (1 + burst_frac * (arrivals.burst_ratio - 1))
    dwell = np.random.default_rng(draw.integers(2**63))
    edges, measure, spent_until, bursting = np.zeros(1), np.zeros(1), 0.0, False
    while True:
        spent = spent_until + np.cumsum(draw.standard_exponential(chunk))
        spent_until = float(spent[-1])
        while measure[-1] < spent_until:
            lengths = dwell.standard_exponential(64) * np.where(
                np.arange(64) % 2 == bursting, arrivals.calm_s, arrivals.burst_s
            )
            rates = np.where(np.arange(64) % 2 == bursting, calm, calm * arrivals.burst_ratio)
            edges = np.concatenate([edges, edges[-1] + np.cumsum(lengths)])
            measure = np.concatenate([measure, measure[-1] + np.cumsum(lengths * rates)])
        yield _through(spent, edges, measure)
        keep = max(int(np.searchsorted(measure, spent_until)) - 1, 0)
        edges, measure = edges[keep:], measure[keep:]


_DRAWN = {
    "poisson": _renewal,
    "gamma": _renewal,
    "markov": _markov,
    "diurnal": _profile,
    "profile": _profile,
    "at-once": _at_once,
}


def draw_sessions(traffic: Traffic, conversations: int, *, seed: int) -> Requests:
    """Draw conversations whose turns follow each other: first turns in time, followers last.

    A turn's prompt is all of the conversation so far and a new message of the
    length of a first prompt; what was computed stays useful to the next turn.
    """
    sessions = traffic.sessions
    if sessions is None:
        raise InvalidInput(f"traffic '{traffic.name}' has no sessions")
    turns = stream(seed, "turns").geometric(1 / sessions.turns_mean, conversations)
    conversation = np.repeat(np.arange(conversations), turns)
    turn = np.arange(len(conversation)) - np.repeat(np.cumsum(turns) - turns, turns)
    message, output = _lengths(traffic, len(conversation), stream(seed, f"lengths {traffic.name}"))
    both = np.cumsum(message + output)
    before_all = np.repeat((both - message - output)[turn == 0], turns)
    prefix = both - message - output - before_all
    fits = prefix + message + output <= sessions.max_tokens
    fits |= turn == 0
    conversation, turn, message, output, prefix = (
        column[fits] for column in (conversation, turn, message, output, prefix)
    )
    order = np.lexsort((conversation, turn))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    follower = np.full(len(order), -1)
    same = conversation[1:] == conversation[:-1]
    follower[place[:-1][same]] = place[1:][same]
    arrival_s = np.full(len(order), np.inf)
    arrival_s[:conversations] = next(arrival_times(traffic.arrivals, seed, chunk=conversations))
    return replace(
        Requests(
            arrival_s=arrival_s,
            prompt_tokens=(prefix + message)[order],
            output_tokens=output[order],
            group=conversation[order],
            prefix_tokens=prefix[order],
            keep_tokens=(prefix + message + output)[order],
        ),
        follower=follower,
        think_s=stream(seed, "think").exponential(sessions.think_s, len(order))
        if sessions.think_s
        else np.zeros(len(order)),
    )
