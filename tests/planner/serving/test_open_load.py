"""Queueing formulas against textbook results, and the states built on them."""

import numpy as np
import pytest

from planner.deployment import Case
from planner.serving import coefficients, open_load, placement, situation, steady_state
from planner.serving.open_load import LENGTH_CV2, Tail, place_wait
from planner.serving.predict import predict


def ready(points=5, **changes):
    data = {"device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-8b", "weights": "BF16", "engine": "vllm",
            "isl": 1000, "osl": 250, "concurrency": 100_000}  # fmt: skip
    case = Case.parse({"id": "x", **data, **changes}, where="case")
    placed = [placement.place(case)]
    where = situation.situation(placed, situation.demand([case]), points=points)
    return steady_state.service(where, placement.values(placed, coefficients.shipped()))


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
def test_one_place_waits_as_pollaczek_and_khinchine_say(load):
    service_s = 2.0
    rate = np.array([load / service_s])
    expected = load * service_s * (1 + LENGTH_CV2) / (2 * (1 - load))
    assert place_wait(rate, np.array([service_s]), np.array([1.0]))[0] == pytest.approx(expected)


@pytest.mark.parametrize(("servers", "load"), [(2, 0.8), (5, 0.9), (20, 0.95)])
def test_many_places_wait_nearly_as_erlang_says(servers, load):
    """M/M/c by Erlang's C formula; Sakasegawa's fit is within 6 % there."""
    offered = servers * load
    terms = [1.0]
    for k in range(1, servers + 1):
        terms.append(terms[-1] * offered / k)
    busy = terms[-1] / (1 - load)
    erlang_c = busy / (sum(terms[:-1]) + busy)
    expected = erlang_c / (servers * (1 - load))
    found = place_wait(np.array([load * servers]), np.array([1.0]), np.array([float(servers)]))[0]
    assert found * 2 / (1 + LENGTH_CV2) == pytest.approx(expected, rel=0.06)


def test_the_tail_of_a_wait_has_its_mean():
    tail = Tail(np.array([0.6]), np.array([3.0]))
    p = (np.arange(200_000) + 0.5) / 200_000
    quantiles = [float(tail(x)[0]) for x in p[::100]]
    assert np.mean(quantiles) == pytest.approx(3.0, rel=0.01)
    assert float(tail(0.3)[0]) == 0.0


def test_rates_grow_with_the_batch_and_so_do_all_times():
    s = ready()
    states = [open_load.at_running(s, np.array([n])) for n in (1.0, 10.0, 50.0, 200.0)]
    for name in ("requests_per_s", "ttft_s", "tpot_s", "load_frac"):
        values = [float(getattr(state, name)[0]) for state in states]
        assert values == sorted(values)
    for state in states:
        assert state.ttft_at[0.5] <= state.ttft_at[0.95] <= state.ttft_at[0.99]
        assert state.tpot_at[0.5] <= state.tpot_at[0.95] <= state.tpot_at[0.99]


@pytest.mark.parametrize("rate", [0.1, 2.0, 8.0])
def test_a_rate_is_met_where_the_replica_keeps_up(rate):
    state = open_load.at_rate(ready(), np.array([rate]))
    assert float(state.requests_per_s[0]) == pytest.approx(rate, rel=1e-3)
    assert state.load_frac[0] < 1


def test_beyond_its_means_a_replica_says_so():
    state = open_load.at_rate(ready(), np.array([1e4]))
    assert float(state.requests_per_s[0]) < 1e3
    assert state.load_frac[0] >= 1


@pytest.mark.parametrize("users", [4, 16, 56])
@pytest.mark.parametrize(("prompt", "output"), [(1024, 256), (200, 400)])
def test_arrivals_at_the_rate_of_a_closed_loop_find_its_batch(users, prompt, output):
    """Little's law: one rate on one replica holds about one number of sequences, however they arrive."""
    setting = {"device": "nvidia-h100-sxm5-80gb", "model": "qwen2.5-14b", "weights": "FP8", "engine": "vllm",
               "isl": prompt, "osl": output}  # fmt: skip
    loop = predict(Case.parse({"id": "loop", **setting, "concurrency": users}, where="case"))
    rate = loop.requests_per_s.p50
    flow = predict(
        Case.parse({"id": "flow", **setting, "load": "open", "requests_per_s": rate}, where="case")
    )
    assert flow.tpot_s.p50 == pytest.approx(loop.tpot_s.p50, rel=0.1)


def test_tpot_under_an_open_load_grows_with_the_rate():
    setting = {"device": "nvidia-l4", "model": "llama-3.1-8b", "weights": "FP8", "load": "open"}
    found = [
        predict(Case.parse({"id": "x", **setting, "requests_per_s": rate}, where="case")).tpot_s.p50
        for rate in (0.01, 0.1, 0.3, 0.6, 1.0)
    ]
    assert found == sorted(found)
    assert found[-1] > 1.2 * found[0]


def test_who_comes_at_random_to_an_idle_engine_waits_for_half_a_step_and_the_own_prompt_alone():
    case = Case.parse(
        {"id": "x", "device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-8b", "weights": "BF16",
         "engine": "sglang", "isl": 1000, "osl": 250, "load": "open", "requests_per_s": 1e-6}, where="case",
    )  # fmt: skip
    placed = [placement.place(case)]
    where = situation.situation(placed, situation.demand([case]))
    s = steady_state.service(where, placement.values(placed, coefficients.shipped()))
    state = open_load.at_rate(s, np.array([1e-6]))
    v = s.values
    expected = v["request_s"] + s.prefill_s + 0.5 * state.tpot_s
    assert state.ttft_s == pytest.approx(v["first_token_factor"] * expected, rel=1e-3)


@pytest.mark.parametrize("engine", ["vllm", "sglang", "trtllm"])
def test_users_of_a_closed_loop_wait_for_each_other_longer_than_who_comes_at_random(engine):
    common = {"id": "x", "device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-8b", "weights": "BF16",
              "engine": engine, "isl": 1000, "osl": 250}  # fmt: skip
    loop = predict(Case.parse({**common, "concurrency": 16}, where="case"))
    rate = loop.requests_per_s.p50
    come = predict(Case.parse({**common, "load": "open", "requests_per_s": rate}, where="case"))
    assert come.ttft_s.p50 < loop.ttft_s.p50
    assert come.tpot_s.p50 == pytest.approx(loop.tpot_s.p50, rel=0.1)
