"""Classes on one unit: laws of the closed form, and the simulation of the same unit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.deployment import Deployment
from planner.serving.units.shared_unit import shared_unit
from workloads.scenario import TrafficClass

H100 = Deployment(device="nvidia-h100-sxm5-80gb", model="llama-3.1-8b", weights="FP8", engine="vllm")
SHORT = TrafficClass(name="short", requests_per_s=1, prompt_tokens=300, output_tokens=40)
LONG = TrafficClass(name="long", requests_per_s=1, prompt_tokens=6000, output_tokens=300)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 20), st.sampled_from(["mean", "p90", "p95", "p99"]), st.floats(0.05, 0.95))
def test_a_class_split_in_two_stretches_nothing(rate: float, name: str, part: float) -> None:
    both = shared_unit(H100, [SHORT, SHORT])
    split = both.tpot_s(np.array([part * rate, (1 - part) * rate]), name)
    whole = both.alone_s(np.array([rate, rate]), name)
    assert split == pytest.approx(whole, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.5, 10), st.floats(0.01, 1.0), st.sampled_from(["mean", "p95"]))
def test_long_prompts_of_others_never_shorten_a_token(short: float, long: float, name: str) -> None:
    unit = shared_unit(H100, [SHORT, LONG])
    few = unit.tpot_s(np.array([short, long]), name)
    more = unit.tpot_s(np.array([short, 1.3 * long]), name)
    assert (more >= few * (1 - 1e-9)).all()
    assert few[0] >= unit.alone_s(np.array([short, long]), name)[0] * (1 - 1e-6)


def test_short_outputs_suffer_most() -> None:
    """One long prompt weighs on a request by its part of few tokens."""
    unit = shared_unit(H100, [SHORT, LONG])
    short, long = unit.tpot_s(np.array([4.0, 1.0]), "p95")
    assert short > long


def test_waits_for_prompts_are_compound_poisson() -> None:
    """The variance beyond that of the batch, against draws of how many prompts come in a request's life."""
    unit = shared_unit(H100, [SHORT, LONG])
    rates = np.array([4.0, 1.0])
    mean_s = float(unit.tpot_s(rates, "mean")[0])
    draw = np.random.default_rng(1)
    steps = SHORT.output_tokens - 1
    life_s = steps * mean_s
    prompts = draw.poisson(rates * life_s, size=(200_000, 2)) @ unit.prompt_s
    assert np.var(prompts / steps) == pytest.approx(
        mean_s * float(rates @ unit.prompt_s**2) / steps, rel=0.03
    )
