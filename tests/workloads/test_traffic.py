"""Drawn traffic against the moments of its process, and descriptions fitted back to it."""

import numpy as np
import pytest

from tonnage.errors import FormatError, InvalidInput
from workloads.arrivals import arrival_times, draw, draw_sessions
from workloads.mixture import draw_mixture
from workloads.trace_scale import compressed, mean_rate, resampled
from workloads.traffic import Arrivals, Length, Sessions, Traffic
from workloads.traffic_fit import distance, fit_traffic

ROWS = 60_000


def times(arrivals: Arrivals, rows: int = ROWS, seed: int = 0) -> np.ndarray:
    return next(arrival_times(arrivals, seed, chunk=rows))


@pytest.mark.parametrize("cv", [0.5, 1.0, 3.0])
def test_gaps_have_the_rate_and_variation_asked_for(cv: float) -> None:
    process = "poisson" if cv == 1.0 else "gamma"
    gaps = np.diff(times(Arrivals(process=process, requests_per_s=7.0, gap_cv=cv)))
    assert gaps.mean() == pytest.approx(1 / 7.0, rel=4 * cv / np.sqrt(ROWS))
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.05)


def test_bursts_keep_the_mean_rate_and_raise_the_variance_of_counts() -> None:
    bursty = Arrivals(process="markov", requests_per_s=20.0, burst_ratio=8.0, burst_s=5.0, calm_s=20.0)
    at = times(bursty)
    assert len(at) / at[-1] == pytest.approx(20.0, rel=0.1)
    counts, _ = np.histogram(at, bins=np.arange(0, at[-1], 5.0))
    assert np.var(counts) / np.mean(counts) > 10  # a Poisson process has 1
    assert np.all(np.diff(at) >= 0)


def test_a_day_follows_its_hours() -> None:
    hourly = tuple(float(1 + hour % 12) for hour in range(24))
    at = times(Arrivals(process="diurnal", requests_per_s=1.0, hourly=hourly), rows=200_000)
    days = at[-1] // 86_400
    counts = np.bincount((at[at < days * 86_400] % 86_400 // 3600).astype(int), minlength=24)
    share, wanted = counts / counts.sum(), np.array(hourly) / sum(hourly)
    assert np.all(np.abs(share - wanted) < 5 * np.sqrt(wanted / counts.sum()))


def test_chunks_do_not_change_what_is_drawn() -> None:
    for process in ("poisson", "gamma", "markov", "diurnal"):
        hourly = tuple(range(1, 25)) if process == "diurnal" else ()
        traffic = Traffic(
            arrivals=Arrivals(process=process, requests_per_s=3.0, gap_cv=2.0, hourly=hourly),
            prompt=Length(mean=500, cv=1.0),
            output=Length(mean=100, cv=0.5),
            correlation=0.4,
        )
        whole = next(draw(traffic, 1000, seed=4, chunk=1000))
        parts = list(draw(traffic, 1000, seed=4, chunk=250))
        np.testing.assert_allclose(
            np.concatenate([part.arrival_s for part in parts]), whole.arrival_s, rtol=1e-12
        )
        np.testing.assert_array_equal(
            np.concatenate([part.prompt_tokens for part in parts]), whole.prompt_tokens
        )


def test_two_rates_under_one_seed_differ_in_their_clock_alone() -> None:
    slow, fast = (times(Arrivals(requests_per_s=rate), 100) for rate in (1.0, 4.0))
    np.testing.assert_allclose(slow, 4 * fast, rtol=1e-12)


def test_a_log_normal_has_the_mean_and_percentile_it_was_given() -> None:
    length = Length.from_percentile(1000.0, 2500.0)
    tokens = length.tokens((np.arange(200_000) + 0.5) / 200_000)
    assert tokens.mean() == pytest.approx(1000, rel=0.01)
    assert np.quantile(tokens, 0.95) == pytest.approx(2500, rel=0.01)


def test_turns_bring_their_conversation_along() -> None:
    traffic = Traffic(
        prompt=Length(mean=100, cv=0.5),
        output=Length(mean=50, cv=0.5),
        sessions=Sessions(turns_mean=5.0, max_tokens=1000),
    )
    turns = draw_sessions(traffic, 200, seed=1)
    timed = np.isfinite(turns.arrival_s)
    assert timed.sum() == 200 and np.all(timed[:200])
    for row in range(len(turns)):
        following = turns.follower[row]
        if following >= 0:
            assert turns.group[following] == turns.group[row]
            assert turns.prefix_tokens[following] == turns.prompt_tokens[row] + turns.output_tokens[row]
    assert np.all((turns.prompt_tokens + turns.output_tokens)[200:] <= 1000)
    assert sorted(turns.follower[turns.follower >= 0]) == list(range(200, len(turns)))


def test_a_mixture_has_the_rates_of_its_kinds() -> None:
    kinds = [
        Traffic(name="a", arrivals=Arrivals(requests_per_s=3.0), prompt=Length(mean=10)),
        Traffic(name="b", arrivals=Arrivals(requests_per_s=1.0), prompt=Length(mean=1000)),
    ]
    mixed = next(draw_mixture(kinds, 20_000, seed=0))
    assert np.mean(mixed.klass == 0) == pytest.approx(0.75, abs=0.015)
    assert np.all(mixed.prompt_tokens[mixed.klass == 0] == 10)
    assert mean_rate(mixed) == pytest.approx(4.0, rel=0.03)
    with pytest.raises(InvalidInput, match="Poisson"):
        bursty = kinds[0].model_copy(update={"arrivals": Arrivals(process="gamma")})
        list(draw_mixture([bursty, kinds[1]], 10, seed=0))


def test_compressing_keeps_requests_and_resampling_keeps_the_clock() -> None:
    traffic = Traffic(arrivals=Arrivals(requests_per_s=2.0), prompt=Length(mean=500, cv=1.0))
    trace = next(draw(traffic, 5000, seed=0))
    faster = compressed(trace, 7.0)
    assert mean_rate(faster) == pytest.approx(7.0) and len(faster) == len(trace)
    np.testing.assert_allclose(
        np.diff(faster.arrival_s) * 7.0, np.diff(trace.arrival_s) * mean_rate(trace), atol=1e-9
    )
    for rate in (0.5, 7.0):
        other = resampled(trace, rate, seed=1)
        assert mean_rate(other) == pytest.approx(rate, rel=0.1)
        assert other.duration_s == pytest.approx(trace.duration_s, rel=0.02)
        assert distance(other.prompt_tokens.astype(float), trace.prompt_tokens.astype(float)) < 0.05
    with pytest.raises(InvalidInput, match="requests per second"):
        compressed(trace, 0.0)


def test_a_fitted_description_draws_what_it_was_fitted_to() -> None:
    traffic = Traffic(
        arrivals=Arrivals(process="gamma", requests_per_s=5.0, gap_cv=2.0),
        prompt=Length(mean=800, cv=1.2),
        output=Length(mean=200, cv=0.8),
        correlation=0.5,
    )
    trace = next(draw(traffic, 20_000, seed=0))
    found, goodness = fit_traffic(trace)
    assert found.arrivals.requests_per_s == pytest.approx(5.0, rel=0.06)
    assert found.arrivals.gap_cv == pytest.approx(2.0, rel=0.06)
    assert found.correlation == pytest.approx(0.5, abs=0.03)
    assert max(goodness.prompt_ks, goodness.output_ks) < 0.02 and goodness.gaps_ks < 0.05
    again = next(draw(found, 20_000, seed=1))
    assert distance(again.prompt_tokens.astype(float), trace.prompt_tokens.astype(float)) < 0.03


def test_a_bad_fit_says_so() -> None:
    at_once = np.repeat(np.arange(500) * 3.0, 10)
    trace = next(draw(Traffic(), 5000, seed=0))
    from dataclasses import replace

    _, goodness = fit_traffic(replace(trace, arrival_s=at_once))
    assert goodness.gaps_ks > 0.2


def test_a_day_without_hours_is_refused() -> None:
    with pytest.raises(FormatError, match="24 relative rates"):
        Arrivals.parse({"process": "diurnal"}, where="traffic")


def test_rates_that_change_are_described_by_windows() -> None:
    """Calm and busy ten minutes in turn: gaps of one rate would miss them, and so would the counts."""
    truth = Arrivals(process="profile", rates=(8.0, 1.0), window_s=600.0, requests_per_s=3.0)
    trace = next(draw(Traffic(arrivals=truth), 20_000, seed=3))
    described, fit = fit_traffic(trace)
    assert described.arrivals.process == "profile" and fit.gaps_ks < 0.03
    again = next(draw(described, 20_000, seed=4))
    counts = [np.histogram(one.arrival_s, bins=np.arange(0.0, 6000.0, 600.0))[0] for one in (trace, again)]
    np.testing.assert_allclose(counts[0], counts[1], rtol=0.2, atol=60)
