"""Cases, plans, capacities and sweeps: answers that hold together, and reasons where there is none."""

import json
from pathlib import Path

import numpy as np
import pytest

from planner.deployment import Deployment
from planner.prediction import Prediction
from planner.serving.predict import predict_batch
from planner.simulate.capacity import TOLERANCE, bracket, capacity
from planner.simulate.case_record import SimulatedCase
from planner.simulate.cases import Effort, experiment_of
from planner.simulate.deployments import adapter_errors
from planner.simulate.instance import Engine, single
from planner.simulate.outcome import histogram_quantiles, mser
from planner.simulate.replicate import Experiment, simulate
from planner.simulate.request_log import request_log
from planner.simulate.run import Feed, feed
from planner.simulate.simulation_record import Simulation
from planner.simulate.step_law import linear_law
from planner.simulate.sweep import answer_line, answer_lines
from planner.simulate.trace_fit import Observed, agreement, fit_law, replay
from tonnage.errors import FormatError, InvalidInput
from workloads.requests import Requests
from workloads.scenario import Slo, TrafficClass
from workloads.streams import stream

EFFORT = Effort(requests=1500, replications=2)
CASE = {
    "id": "open",
    "device": "nvidia-h100-sxm5-80gb",
    "model": "llama-3.1-8b",
    "weights": "BF16",
    "engine": "vllm",
    "isl": 512,
    "osl": 128,
    "load": "open",
    "requests_per_s": 10.0,
}


def case(**other: object) -> SimulatedCase:
    return SimulatedCase.parse({**CASE, **other}, where="case")


def simulated(**other: object) -> Simulation:
    return simulate(experiment_of(case(**other), EFFORT))


def test_equal_seeds_give_equal_answers_and_other_seeds_other_ones() -> None:
    assert simulated() == simulated()
    other = simulate(experiment_of(case(), Effort(requests=1500, replications=2, seed=1)))
    assert other.classes != simulated().classes


@pytest.mark.parametrize(
    "deployment",
    [
        {},
        {"model": "llama-3.1-70b", "weights": "FP8", "tp": 4, "devices": 4},
        {"model": "mixtral-8x7b", "tp": 2, "devices": 2},
        {"device": "nvidia-l4", "weights": "Q4_K_M", "engine": "llama.cpp"},
        {"model": "mamba-2.8b"},
    ],
    ids=["8b", "70b-tp4", "moe", "llama.cpp", "ssm"],
)
def test_tables_repeat_the_step_times_they_were_made_of(deployment: dict[str, object]) -> None:
    errors = np.abs(adapter_errors(case(**deployment)))
    assert np.mean(errors) < 0.02 and np.quantile(errors, 0.95) < 0.06


@pytest.mark.parametrize(
    ("users", "isl", "osl"), [(1, 512, 128), (8, 512, 128), (16, 256, 256), (64, 128, 512)]
)
def test_closed_loops_agree_with_the_closed_form(users: int, isl: int, osl: int) -> None:
    """The time per output token of `predict` and of the simulation, where prompts are a small part of it."""
    asked = case(load="closed", concurrency=users, requests_per_s=None, isl=isl, osl=osl)
    closed_form = predict_batch([asked])[0]
    assert isinstance(closed_form, Prediction) and closed_form.tpot_s is not None
    spread = simulate(experiment_of(asked, EFFORT)).classes[0].tpot_s
    assert spread is not None
    assert spread.mean == pytest.approx(closed_form.tpot_s.p50, rel=0.05)


def test_a_closed_loop_keeps_its_users_busy() -> None:
    """Little's law over the loop: users = throughput x time of a request."""
    answer = simulated(load="closed", concurrency=16, requests_per_s=None)
    e2e = answer.classes[0].e2e_s
    assert e2e is not None
    assert answer.requests_per_s * e2e.mean == pytest.approx(16, rel=0.03)


def test_overload_is_labelled_and_not_averaged() -> None:
    over = simulated(requests_per_s=500.0)
    assert over.saturated and over.why_saturated
    assert over.classes[0].ttft_s is None and over.classes[0].tpot_s is not None
    queued = simulated(load="saturated", requests_per_s=None)
    assert over.requests_per_s == pytest.approx(queued.requests_per_s, rel=0.1)
    assert not simulated().saturated


def test_goodput_counts_requests_within_the_limits() -> None:
    free, tight = simulated(slo={"ttft_p95_s": 100.0}), simulated(slo={"tpot_p95_s": 1e-6})
    assert free.classes[0].good_frac == 1.0 and tight.classes[0].good_frac == 0.0
    assert free.goodput_requests_per_s == pytest.approx(free.requests_per_s)
    assert simulated().goodput_requests_per_s is None


def test_percentiles_are_those_of_the_requests() -> None:
    asked = experiment_of(case(), Effort(requests=1500, replications=1))
    log, answer = request_log(asked), simulate(asked)
    first = int(1500 * answer.warmup_frac)
    counted = log.e2e_s[first:1500]
    shown, law = answer.classes[0].e2e_s, asked.fleet.kinds[0].law
    assert shown is not None
    outside_s = law.request_s + law.wait_steps * np.nan_to_num(log.tpot_s[first:1500])
    for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        # One bin of the histogram is 1.1 % wide.
        assert getattr(shown, name) == pytest.approx(np.quantile(counted + outside_s, q), rel=0.012)


def test_histogram_quantiles_are_within_half_a_bin() -> None:
    from planner.simulate.kernel.world import BINS, BINS_PER_OCTAVE, LOWEST_LOG2

    values = np.sort(stream(0, "values").lognormal(-3, 1.5, 50_000))
    at = ((np.log2(values) - LOWEST_LOG2) * BINS_PER_OCTAVE).astype(int)
    found = histogram_quantiles(np.bincount(at, minlength=BINS), (0.1, 0.5, 0.99))
    np.testing.assert_allclose(found, np.quantile(values, (0.1, 0.5, 0.99)), rtol=0.006)


def test_warm_up_is_cut_where_it_ends() -> None:
    settled = stream(1, "noise").normal(10.0, 0.5, 20)
    climbing = settled.copy()
    climbing[:4] = (1.0, 4.0, 6.0, 8.0)
    assert 3 <= mser(climbing) <= 6
    assert mser(settled) <= 10


class _Drawn:
    """Poisson requests of a hand-made law."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, seed: int) -> Feed:
        rows = 4000
        arrivals = np.cumsum(stream(seed, "arrivals").standard_exponential(rows)) / self.rate
        ones = np.ones(rows, dtype=np.int64)
        return feed(Requests(arrival_s=arrivals, prompt_tokens=1000 * ones, output_tokens=ones))


def test_the_bracket_closes_on_the_rate_of_theory() -> None:
    """M/D/1 of 1 s: the mean wait plus service reaches 2 s at load 2/3 exactly (1 + u / (2 (1 - u)) = 2)."""
    engine = Engine(max_sequences=1, token_budget=4096, cache_blocks=1000)
    fleet = single(linear_law(token_s=1e-3), engine)

    def at(rate: float) -> Simulation:
        return simulate(Experiment(fleet=fleet, traffic=_Drawn(rate), replications=8))

    found = bracket(at, Slo(ttft_mean_s=2.0), start=0.1)
    assert found.broken_at / found.requests_per_s < 1 + TOLERANCE
    assert found.requests_per_s == pytest.approx(2 / 3, rel=0.05)


def test_capacity_holds_its_limits_and_a_tighter_limit_gives_less() -> None:
    deployment = Deployment(device=CASE["device"], model=CASE["model"], weights="BF16", engine="vllm")
    traffic = TrafficClass(requests_per_s=1.0, prompt_tokens=512, output_tokens=128)
    loose = capacity(deployment, traffic, Slo(tpot_p95_s=0.03), requests=800)
    tight = capacity(deployment, traffic, Slo(tpot_p95_s=0.015), requests=800)
    assert loose.at_capacity is not None and loose.at_capacity.classes[0].tpot_s.p95 <= 0.03
    assert 0 < tight.requests_per_s < loose.requests_per_s
    assert loose.requests_per_s < loose.broken_at and loose.why_not
    assert loose == capacity(deployment, traffic, Slo(tpot_p95_s=0.03), requests=800)
    never = capacity(deployment, traffic, Slo(tpot_p95_s=1e-5), requests=800)
    assert never.requests_per_s == 0 and "tpot_p95_s" in str(never.why_not)
    with pytest.raises(InvalidInput, match="at least one limit"):
        capacity(deployment, traffic, Slo(), requests=800)


def test_a_law_is_found_again_from_the_times_of_its_requests() -> None:
    truth = linear_law(overhead_s=3e-3, weights_s=9e-3, token_s=4e-5, cached_token_s=2e-8, pair_s=2e-10)
    guess = linear_law(overhead_s=2e-3, weights_s=6e-3, token_s=6e-5, cached_token_s=1e-8, pair_s=2e-10)
    engine = Engine(max_sequences=32, token_budget=512, cache_blocks=5000)
    draw = stream(0, "lengths")
    requests = Requests(
        arrival_s=np.cumsum(stream(0, "arrivals").exponential(0.2, 200)),
        prompt_tokens=draw.integers(10, 1500, 200),
        output_tokens=draw.integers(2, 300, 200),
    )
    real = replay(truth, engine, requests)
    observed = Observed(ttft_s=real.ttft_s, tpot_s=real.tpot_s, e2e_s=real.e2e_s)
    fitted = fit_law(guess, engine, requests, observed, rows=np.arange(100))
    before, after = (
        agreement(replay(law, engine, requests).e2e_s[100:], real.e2e_s[100:]) for law in (guess, fitted)
    )
    assert abs(after.p50_error) < 0.03 and abs(after.p95_error) < 0.05 and after.ks < before.ks


def _lines(count: int) -> list[str]:
    return [json.dumps({**CASE, "id": str(n), "requests_per_s": 1.0 + n}) for n in range(count)]


SMALL = Effort(requests=200, replications=1)


def test_a_sweep_answers_every_line_in_order_on_any_number_of_processes() -> None:
    lines = [*_lines(5), "nonsense", "", json.dumps({**CASE, "id": "b", "model": "llama-3.1-80b"})]
    alone = list(answer_lines(lines, SMALL, processes=1))
    assert [json.loads(line).get("id") for line in alone] == ["0", "1", "2", "3", "4", "", "b"]
    assert "error" in json.loads(alone[5]) and "llama-3.1-8b" in json.loads(alone[6])["error"]
    assert list(answer_lines(lines, SMALL, processes=2)) == alone


def test_an_interrupted_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    journal, asked = tmp_path / "sweep.journal", []

    def count(line: str, effort: Effort) -> str:
        asked.append(line)
        return answer_line(line, effort)

    lines = _lines(6)
    whole = list(answer_lines(lines, SMALL, processes=1))
    running = answer_lines(lines, SMALL, processes=1, journal=journal, answer=count)
    first = [next(running) for _ in range(3)]
    running.close()
    with journal.open("a") as out:
        out.write('{"key": "cut o')
    assert first == whole[:3] and len(asked) == 3
    for _ in range(2):
        assert list(answer_lines(lines, SMALL, processes=1, journal=journal, answer=count)) == whole
        assert sorted(asked) == sorted(lines)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.txt"
    path.write_text("hello\nworld\n")
    with pytest.raises(FormatError, match="no journal"):
        list(answer_lines(_lines(1), SMALL, processes=1, journal=path))


def test_numba_is_loaded_by_a_simulation_only() -> None:
    import subprocess
    import sys

    code = (
        "import sys, tonnage.cli, planner.simulate.cases, planner.simulate.sweep;"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
