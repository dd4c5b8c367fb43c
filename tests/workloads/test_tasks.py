"""Published success rates: sourced, consistent with what they are rates of, and found by id."""

import pytest

from tonnage.errors import FormatError, UnknownName
from workloads import models, tasks
from workloads.offers import offers

ROUNDED = 6e-4
"""Sources give three digits."""


def test_every_rate_is_sourced_and_of_a_known_model() -> None:
    known = set(models.names()) | {offer.model for offer in offers()}
    assert len(tasks.rates()) > 500
    for row in tasks.rates():
        assert row.source
        assert row.model_id is None or row.model_id in known, row.model


def test_all_of_more_tries_is_rarer_and_any_of_more_is_likelier() -> None:
    for row in tasks.rates():
        falling = [row.all_of[k] for k in sorted(row.all_of)]
        rising = [row.any_of[k] for k in sorted(row.any_of)]
        assert falling == sorted(falling, reverse=True), row
        assert rising == sorted(rising), row


def test_all_of_k_lies_between_independent_tries_and_tries_that_agree() -> None:
    """Jensen: E[p^k] >= (E p)^k, and p^k <= p; what is published must obey it."""
    for row in tasks.rates():
        for k, share in row.all_of.items():
            assert row.first_try**k - ROUNDED * k <= share <= row.first_try + ROUNDED, row


def test_a_rate_that_tells_about_several_tries_comes_first() -> None:
    best, *_ = tasks.success("glm-5", "tau2-bench", split="airline")
    assert (best.tasks, best.trials, sorted(best.all_of)) == (50, 4, [1, 2, 3, 4])
    assert tasks.success("gpt2", "tau-bench") == ()
    assert len(tasks.success("gpt-4.1", "tau2-bench", split="retail")) >= 1


def test_a_paper_is_found_as_it_was_printed() -> None:
    """tau-bench, airline, gpt-4o with tool calling: 0.420 at the first try, 0.200 in all of four."""
    row = tasks.success("gpt-4o", "tau-bench", split="airline")[0]
    tool_calling = [r for r in tasks.success("gpt-4o", "tau-bench") if r.agent == "tool-calling"]
    assert 4 in row.all_of
    assert {r.split: (r.all_of[1], r.all_of[4]) for r in tool_calling} == {
        "airline": (0.42, 0.2),
        "retail": (0.604, 0.383),
    }


def test_an_unknown_benchmark_lists_the_near_ones() -> None:
    with pytest.raises(UnknownName, match="tau-bench"):
        tasks.splits("taubench")


@pytest.mark.parametrize(
    "shares", [{}, {"all_of": {2: 0.5}}, {"all_of": {1: 1.5}}, {"any_of": {0: 0.1, 1: 0.2}}]
)
def test_rates_without_a_first_try_or_beyond_one_are_refused(shares: dict) -> None:
    with pytest.raises(FormatError):
        tasks.Success.parse({"benchmark": "b", "model": "m", "source": "s", **shares}, where="mine")
