"""The simulator against queueing theory: closed forms, each within its own confidence interval.

A server with one seat and a step time in proportion to the prompt is a G/G/1
queue; seats that each advance one token a step of constant length are G/G/c; a
step that takes a fixed time per running request is processor sharing.
"""

import math
from itertools import pairwise

import numpy as np
import pytest

from planner.simulate.assemble import Settings
from planner.simulate.instance import Engine, single
from planner.simulate.outcome import E2E, WAIT
from planner.simulate.replicate import half_width
from planner.simulate.run import feed, run
from planner.simulate.step_law import StepLaw, linear_law
from workloads.requests import Requests
from workloads.streams import stream

REPLICATIONS = 10
ROWS = 60_000
TOKEN_S = 1e-3
"""Service of 1000 tokens takes 1 s, so that rounding to whole tokens is 0.1 %."""


def poisson(rate: float, *, prompts: np.ndarray, outputs: np.ndarray, seed: int) -> Requests:
    gaps = stream(seed, "arrivals").exponential(1 / rate, len(prompts))
    return Requests(arrival_s=np.cumsum(gaps), prompt_tokens=prompts, output_tokens=outputs)


def mean_of(requests: Requests, law: StepLaw, engine: Engine, metric: int) -> float:
    """Mean over the second to last batch: the first is warm-up."""
    world = run(single(law, engine), feed(requests), Settings(rows=len(requests)))
    return float(world.total[0, metric, 1:20].sum() / world.counts[0, metric, 1:20].sum())


def assert_theory(values: list[float], theory: float) -> None:
    """Within a 99.9 % interval of the replications and 0.5 % for whole tokens."""
    width = half_width(values, confidence=0.999)
    assert abs(np.mean(values) - theory) <= width + 0.005 * theory, (np.mean(values), width, theory)
    assert width < 0.2 * theory, "too noisy to tell anything"


def one_seat(lengths: str, rate: float, seed: int) -> tuple[Requests, np.ndarray]:
    draw = stream(seed, "lengths")
    prompts = {
        "deterministic": lambda: np.full(ROWS, 1000),
        "exponential": lambda: np.ceil(draw.exponential(1000.0, ROWS)).astype(np.int64),
        "hyperexponential": lambda: np.where(draw.random(ROWS) < 0.9, 500, 5500),
        "uniform": lambda: draw.integers(1, 2000, ROWS),
    }[lengths]()
    return poisson(rate, prompts=prompts, outputs=np.ones(ROWS, dtype=np.int64), seed=seed), prompts


SEAT = Engine(max_sequences=1, token_budget=2**20, cache_blocks=2**20)


@pytest.mark.parametrize("lengths", ["deterministic", "exponential", "hyperexponential", "uniform"])
@pytest.mark.parametrize("load", [0.3, 0.8])
def test_one_seat_against_pollaczek_khinchine(lengths: str, load: float) -> None:
    """M/G/1: mean wait = rate E[S^2] / (2 (1 - load)); M/D/1 and M/M/1 are cases of it."""
    values, theory = [], []
    for seed in range(REPLICATIONS):
        requests, prompts = one_seat(lengths, load, seed)
        values.append(mean_of(requests, linear_law(token_s=TOKEN_S), SEAT, WAIT))
        service = prompts * TOKEN_S
        rate = load
        theory.append(rate * np.mean(service**2) / (2 * (1 - rate * np.mean(service))))
    assert_theory(values, float(np.mean(theory)))


def test_one_seat_against_mm1_quantiles() -> None:
    """M/M/1: the time in the system is exponential with rate mu - lambda."""
    load, values = 0.7, []
    for seed in range(REPLICATIONS):
        requests, _ = one_seat("exponential", load, seed)
        world = run(
            single(linear_law(token_s=TOKEN_S), SEAT), feed(requests), Settings(rows=ROWS, keep_rows=ROWS)
        )
        values.append(
            float(np.quantile(world.record[ROWS // 20 :, 2] - requests.arrival_s[ROWS // 20 :], 0.95))
        )
    assert_theory(values, -math.log(0.05) / (1 - load))


@pytest.mark.parametrize(("seats", "load"), [(2, 0.6), (8, 0.85)])
def test_seats_against_erlang_c(seats: int, load: float) -> None:
    """M/M/c: mean wait = ErlangC(c, a) / (c mu - lambda)."""
    values, mean_tokens, rows = [], 400, 30_000
    rate = load * seats / (mean_tokens * TOKEN_S)
    law = linear_law(overhead_s=TOKEN_S)
    engine = Engine(max_sequences=seats, token_budget=2**20, cache_blocks=2**20)
    for seed in range(REPLICATIONS):
        outputs = stream(seed, "lengths").geometric(1 / mean_tokens, rows)
        requests = poisson(rate, prompts=np.ones(rows, dtype=np.int64), outputs=outputs, seed=seed)
        values.append(mean_of(requests, law, engine, WAIT))
    offered = load * seats
    tail = offered**seats / math.factorial(seats) / (1 - load)
    erlang_c = tail / (sum(offered**k / math.factorial(k) for k in range(seats)) + tail)
    wait = erlang_c / (seats / (mean_tokens * TOKEN_S) - rate)
    boundary = TOKEN_S / 2  # an arrival waits for the step under way to end
    width = half_width(values, confidence=0.999)
    assert abs(np.mean(values) - wait) <= width + boundary + 0.005 * wait, (np.mean(values), width, wait)


@pytest.mark.parametrize("lengths", ["fixed", "hyperexponential"])
def test_shared_processor_against_insensitivity(lengths: str) -> None:
    """M/G/1-PS: mean time in the system = E[S] / (1 - load), whatever the lengths."""
    load, rows, tokens, values, theory = 0.7, 20_000, 200, [], []
    law = linear_law(sequence_s=TOKEN_S)
    engine = Engine(max_sequences=512, token_budget=2**20, cache_blocks=2**24)
    for seed in range(REPLICATIONS):
        draw = stream(seed, "lengths")
        outputs = (
            np.full(rows, tokens) if lengths == "fixed" else np.where(draw.random(rows) < 0.9, 100, 1100)
        )
        requests = poisson(
            load / (tokens * TOKEN_S), prompts=np.ones(rows, dtype=np.int64), outputs=outputs, seed=seed
        )
        values.append(mean_of(requests, law, engine, E2E))
        service_s = float(np.mean(outputs - 1)) * TOKEN_S  # the first token comes with the prompt, for free
        rate = rows / requests.arrival_s[-1]
        theory.append(service_s / (1 - rate * service_s))
    assert_theory(values, float(np.mean(theory)))


def test_faster_clock_is_the_same_run_in_shorter_time() -> None:
    """Arrivals and steps twice as fast halve every time: exactly, request by request."""
    law = linear_law(overhead_s=2e-3, weights_s=5e-3, token_s=2e-5, cached_token_s=1e-8, pair_s=1e-10)
    engine = Engine(max_sequences=64, token_budget=512, cache_blocks=3000)
    draw = stream(3, "lengths")
    prompts, outputs = draw.integers(1, 900, 3000), draw.integers(1, 300, 3000)
    requests = poisson(12.0, prompts=prompts, outputs=outputs, seed=3)
    halved = Requests(arrival_s=requests.arrival_s / 2, prompt_tokens=prompts, output_tokens=outputs)
    settings = Settings(rows=3000, keep_rows=3000)
    slow = run(single(law, engine), feed(requests), settings).record[:, :3]
    fast = run(single(law.scaled(0.5), engine), feed(halved), settings).record[:, :3]
    np.testing.assert_allclose(fast, slow / 2, rtol=1e-9)


def test_more_load_never_shortens_the_wait() -> None:
    """Monotone in the rate under common random numbers, beyond the joint confidence interval."""
    law = linear_law(overhead_s=2e-3, weights_s=5e-3, token_s=2e-5, cached_token_s=1e-8, pair_s=1e-10)
    engine = Engine(max_sequences=64, token_budget=2048, cache_blocks=6000)
    means = []
    for rate in (5.0, 10.0, 15.0, 20.0):
        values = []
        for seed in range(5):
            draw = stream(seed, "lengths")
            prompts, outputs = draw.integers(1, 900, 4000), draw.integers(1, 300, 4000)
            values.append(
                mean_of(poisson(rate, prompts=prompts, outputs=outputs, seed=seed), law, engine, E2E)
            )
        means.append((np.mean(values), half_width(values)))
    for (low, low_width), (high, high_width) in pairwise(means):
        assert high + high_width >= low - low_width
    assert means[-1][0] > means[0][0]
