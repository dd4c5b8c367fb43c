"""Units that only prefill: known waits of queues, and how they fall with more units behind one line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.serving.units.prompts import Prompts


def units(*, together: float, cv2: float = 0.0, first_s: float = 0.1, more_s: float = 0.04) -> Prompts:
    one = np.ones(1)
    return Prompts(
        first_s=first_s * one,
        more_s=(first_s if together < 2 else more_s) * one,
        together=together * one,
        bare_s=(0.01 + first_s) * one,
        moved_s=0.02 * one,
        stretch=one,
        held=1e9 * one,
        replicas=one,
        cv2=cv2 * one,
    )


@given(st.floats(0.05, 0.95), st.floats(0.0, 3.0))
def test_one_prompt_at_a_time_waits_as_pollaczek_and_khinchine_say(load: float, cv2: float) -> None:
    state = units(together=1.0, cv2=cv2).at_rate(np.array([load / 0.1]))
    assert state.wait_s[0] == pytest.approx(load * 0.1 * (1 + cv2) / (2 * (1 - load)), rel=1e-9)


@given(st.floats(0.05, 0.95), st.floats(1.0, 8.0), st.floats(1.0, 30.0))
def test_more_units_behind_one_line_never_wait_longer(load: float, together: float, more: float) -> None:
    prompts = units(together=max(round(together), 1))
    rate = load * prompts.most
    alone, several = prompts.at_rate(rate), prompts.at_rate(rate, units=more)
    assert several.wait_s[0] <= alone.wait_s[0] * (1 + 1e-9)
    assert several.ttft_at[0.95][0] <= alone.ttft_at[0.95][0] * (1 + 1e-9)
    assert several.load_frac[0] == pytest.approx(load)


@pytest.mark.parametrize("servers", [2, 4, 8])
def test_waits_of_several_units_are_those_of_a_simulated_line(servers: int) -> None:
    """M/D/c, by the recursion of Kiefer and Wolfowitz: the fit for M/G/c is within a fifth of it."""
    draw = np.random.default_rng(servers)
    load, service_s, count = 0.85, 0.1, 200_000
    arrivals = np.cumsum(draw.exponential(service_s / (load * servers), count))
    free = np.zeros(servers)
    waits = np.empty(count)
    for n, arrival in enumerate(arrivals):
        first = int(free.argmin())
        begin = max(arrival, free[first])
        waits[n] = begin - arrival
        free[first] = begin + service_s
    state = units(together=1.0, first_s=service_s).at_rate(np.array([load / service_s]), units=servers)
    assert state.wait_s[0] == pytest.approx(waits[count // 10 :].mean(), rel=0.2)
