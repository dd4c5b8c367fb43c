"""Time per output token under random prompts: closed forms against steps drawn one by one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from planner.serving.between_tokens import BetweenTokens, between_tokens

Array = NDArray[np.float64]
DECODE_S = 0.01
REQUESTS = 40_000


def drawn(rng: np.random.Generator, *, load: float, prompt_s: float, steps: int) -> Array:
    """Time per output token of requests that come at random: each replays the steps that follow its own.

    The step in which a request comes is chosen by its length; its prompt goes into the next one.
    """
    rate = load / prompt_s
    before = np.full(REQUESTS, DECODE_S / (1 - load))
    for _ in range(60):
        before = DECODE_S + prompt_s * rng.poisson(rate * before)
    own = rng.choice(before, size=REQUESTS, p=before / before.sum())
    step = DECODE_S + prompt_s * (1 + rng.poisson(rate * own))
    total = np.zeros(REQUESTS)
    for _ in range(steps):
        step = DECODE_S + prompt_s * rng.poisson(rate * step)
        total += step
    return np.asarray(total / steps)


def closed(*, load: float, prompt_s: float, steps: int) -> BetweenTokens:
    one = np.ones(1)
    return between_tokens(
        step_s=DECODE_S / (1 - load) * one,
        decode_s=DECODE_S * one,
        load_frac=load * one,
        second_s=load * prompt_s * one,
        own_s=prompt_s * one,
        steps=steps * one,
    )


@pytest.mark.parametrize("load", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("prompt_s", [0.003, 0.03])
@pytest.mark.parametrize("steps", [10, 60, 400])
def test_mean_and_variance_are_those_of_drawn_steps(load: float, prompt_s: float, steps: int) -> None:
    found = closed(load=load, prompt_s=prompt_s, steps=steps)
    times = drawn(np.random.default_rng(steps), load=load, prompt_s=prompt_s, steps=steps)
    assert float(found.mean_s[0]) == pytest.approx(times.mean(), rel=0.02)
    assert float(np.sqrt(found.variance_s2[0])) == pytest.approx(times.std(), rel=0.25)


@pytest.mark.parametrize("load", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("prompt_s", [0.003, 0.03])
@pytest.mark.parametrize("steps", [10, 60, 400])
def test_the_95th_percentile_is_near_that_of_drawn_steps(load: float, prompt_s: float, steps: int) -> None:
    found = closed(load=load, prompt_s=prompt_s, steps=steps)
    times = drawn(np.random.default_rng(steps), load=load, prompt_s=prompt_s, steps=steps)
    assert float(found.at(1.6449, np.zeros(1))[0]) == pytest.approx(np.quantile(times, 0.95), rel=0.15)


def test_without_prompts_only_the_batch_is_left() -> None:
    none, one = np.zeros(1), np.ones(1)
    found = between_tokens(
        step_s=one, decode_s=one, load_frac=none, second_s=none, own_s=none, steps=10 * one
    )
    assert found.mean_s == pytest.approx(1.0)
    assert found.at(1.6449, 0.5 * one) == pytest.approx(1.5)
