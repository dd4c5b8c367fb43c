"""What every run keeps under any policy: tokens, blocks, order, and one answer however steps are taken."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.simulate.assemble import Settings
from planner.simulate.instance import (
    Batching,
    Engine,
    Fleet,
    Kind,
    Outages,
    Role,
    Router,
    Scaling,
    single,
    slots,
)
from planner.simulate.run import feed, run
from planner.simulate.step_law import linear_law
from tonnage.errors import InvalidInput
from workloads.arrivals import draw_sessions
from workloads.requests import Requests
from workloads.streams import stream
from workloads.traffic import Arrivals, Length, Sessions, Traffic

LAW = linear_law(
    overhead_s=2e-3, weights_s=5e-3, token_s=2e-5, cached_token_s=2e-8, pair_s=1e-10, sequence_s=1e-5
)
ROOMY = Engine(max_sequences=64, token_budget=512, cache_blocks=100_000)
TIGHT = Engine(max_sequences=64, token_budget=512, cache_blocks=180)
SWAPPING = Engine(max_sequences=64, token_budget=512, cache_blocks=180, swap_s_per_block=1e-5)
SPECULATING = Engine(max_sequences=64, token_budget=512, cache_blocks=400, draft_tokens=3, acceptance=(0.7,))
STATIC = Engine(max_sequences=16, token_budget=512, cache_blocks=4000, batching=Batching.STATIC)
LLAMA = slots(8, context=1600)
ENGINES = {
    "roomy": ROOMY,
    "tight": TIGHT,
    "swapping": SWAPPING,
    "speculating": SPECULATING,
    "static": STATIC,
    "slots": LLAMA,
}


def requests(rows: int = 600, rate: float = 10.0, seed: int = 0) -> Requests:
    lengths = stream(seed, "lengths")
    return Requests(
        arrival_s=np.cumsum(stream(seed, "arrivals").exponential(1 / rate, rows)),
        prompt_tokens=lengths.integers(1, 900, rows),
        output_tokens=lengths.integers(1, 300, rows),
    )


def kept(fleet: Fleet, traffic: Requests, *, merge: bool = True, seed: int = 0):
    """Simulate, keeping every request; `run` itself checks requests, blocks and Little's law."""
    rows = len(traffic)
    return run(fleet, feed(traffic), Settings(rows=rows, keep_rows=rows, merge=merge, seed=seed))


@pytest.mark.parametrize("name", ENGINES)
def test_merged_steps_are_the_steps_taken_one_by_one(name: str) -> None:
    traffic = requests()
    merged = kept(single(LAW, ENGINES[name]), traffic)
    stepped = kept(single(LAW, ENGINES[name]), traffic, merge=False)
    np.testing.assert_allclose(merged.record, stepped.record, rtol=1e-9)
    for count in ("steps", "made", "prompts_in", "preempted", "wasted", "peak_blocks"):
        assert merged.totals[0][count] == stepped.totals[0][count], count
    assert stepped.totals[0]["plans"] == stepped.totals[0]["steps"]
    if name in ("roomy", "slots"):
        assert merged.totals[0]["plans"] < merged.totals[0]["steps"]


@pytest.mark.parametrize("name", ENGINES)
def test_every_token_is_made_and_every_block_comes_back(name: str) -> None:
    traffic, engine = requests(rate=30.0), ENGINES[name]
    world = kept(single(LAW, engine), traffic)
    n = world.totals[0]
    assert n["finished"] == len(traffic)
    assert n["made"] == traffic.output_tokens.sum()
    recomputed = n["prompts_in"] - traffic.prompt_tokens.sum()
    # What was thrown away is computed again, and with it the token that was under way.
    assert n["wasted"] <= recomputed <= n["wasted"] + n["preempted"]
    assert 0 < n["peak_blocks"] <= engine.cache_blocks
    assert world.live["used_blocks"].sum() == 0
    scheduled, first, last = world.record[:, 0], world.record[:, 1], world.record[:, 2]
    assert np.all(traffic.arrival_s <= scheduled) and np.all(scheduled < first) and np.all(first <= last)


def test_a_small_cache_preempts_and_a_large_one_does_not() -> None:
    traffic = requests(rate=30.0)
    assert kept(single(LAW, TIGHT), traffic).totals[0]["preempted"] > 0
    assert kept(single(LAW, SWAPPING), traffic).totals[0]["preempted"] > 0
    assert kept(single(LAW, ROOMY), traffic).totals[0]["preempted"] == 0


def test_one_request_alone_takes_the_time_of_its_steps() -> None:
    alone = Requests(arrival_s=np.zeros(1), prompt_tokens=np.array([1300]), output_tokens=np.array([200]))
    world = kept(single(LAW, ROOMY), alone)
    chunks = [(0, 512), (512, 512), (1024, 276)]
    first_s = sum(
        float(LAW.step_s(tokens=size, pairs=size * (done + (size + 1) / 2))) for done, size in chunks
    )
    decode_s = float(LAW.step_s(tokens=1, sequences=1, cached=1300 + np.arange(199)).sum())
    assert world.record[0, 1] == pytest.approx(first_s, rel=1e-12)
    assert world.record[0, 2] == pytest.approx(first_s + decode_s, rel=1e-9)


def test_a_fleet_of_one_is_the_instance() -> None:
    traffic = requests(rate=20.0)
    alone = kept(single(LAW, ROOMY), traffic).record
    for router in Router:
        again = kept(Fleet(kinds=(Kind(law=LAW, engine=ROOMY),), router=router), traffic).record
        np.testing.assert_array_equal(alone, again)


def test_round_robin_is_so_many_instances_with_every_nth_request() -> None:
    traffic = requests(rate=30.0)
    fleet = Fleet(kinds=(Kind(law=LAW, engine=ROOMY, count=3),), router=Router.ROUND_ROBIN)
    together = kept(fleet, traffic).record
    for first in range(3):
        part = kept(single(LAW, ROOMY), traffic.slice(slice(first, None, 3))).record
        np.testing.assert_allclose(together[first::3, :3], part[:, :3], rtol=1e-12)


@pytest.mark.parametrize("router", list(Router))
def test_every_router_serves_everything(router: Router) -> None:
    kinds = (
        Kind(name="short", law=LAW, engine=TIGHT, count=2, length_limit=400.0),
        Kind(name="long", law=LAW.scaled(0.5), engine=ROOMY, count=3),
    )
    traffic = requests(rate=60.0)
    world = kept(Fleet(kinds=kinds, router=router), traffic)
    assert world.totals[0]["finished"] == len(traffic)
    if router is Router.BY_LENGTH:
        short = traffic.prompt_tokens + traffic.output_tokens <= 400
        assert np.all((world.record[:, 4] < 2) == short)


def test_shares_of_a_class_are_kept() -> None:
    kinds = (
        Kind(law=LAW, engine=ROOMY, count=2, share={0: 0.25}),
        Kind(law=LAW, engine=ROOMY, share={0: 0.75}),
    )
    world = kept(Fleet(kinds=kinds), requests(rows=4000, rate=60.0))
    assert np.mean(world.record[:, 4] < 2) == pytest.approx(0.25, abs=0.03)  # 4 sigma of a binomial


HANDOFF_S, PER_TOKEN_S = 0.01, 1e-6


def apart(*, discards: bool = False, pool: str = "", count: int = 2) -> tuple[Kind, Kind]:
    """A prefill instance, and those that it hands caches to."""
    return (
        Kind(
            law=LAW, engine=ROOMY, role=Role.PREFILL, transfer_s=HANDOFF_S, transfer_s_per_token=PER_TOKEN_S,
            pool=pool, discards_first=discards,
        ),
        Kind(law=LAW, engine=ROOMY, count=count, role=Role.DECODE, pool=pool),
    )  # fmt: skip


@pytest.mark.parametrize("discards", [False, True])
def test_first_tokens_of_requests_that_are_handed_over_come_after_their_cache(discards: bool) -> None:
    traffic = requests(rate=20.0)
    world = kept(Fleet(kinds=apart(discards=discards)), traffic)
    assert world.totals[0]["finished"] == len(traffic)
    assert world.totals[0]["prompts_in"] == traffic.prompt_tokens.sum()
    assert world.totals[0]["made"] == traffic.output_tokens.sum()
    handed = traffic.output_tokens > (0 if discards else 1)
    prompt_s = LAW.step_s(tokens=traffic.prompt_tokens, pairs=0.0)
    least_s = prompt_s + HANDOFF_S + PER_TOKEN_S * (traffic.prompt_tokens - 1)
    assert np.all((world.record[:, 1] - world.record[:, 5])[handed] >= least_s[handed] * (1 - 1e-9))


def test_a_first_token_that_is_made_anew_takes_one_step_more() -> None:
    """A lone request: its steps are those of one sequence, one more in all where nothing came along."""
    one = Requests(arrival_s=np.zeros(1), prompt_tokens=np.array([400]), output_tokens=np.array([5]))
    comes, anew = (kept(Fleet(kinds=apart(discards=discards)), one).record[0] for discards in (False, True))
    prompt_s = float(LAW.step_s(tokens=400, pairs=400 * 401 / 2))
    step_s = float(LAW.step_s(tokens=1, sequences=1, cached=400))
    assert comes[1] == pytest.approx(prompt_s + HANDOFF_S + 400 * PER_TOKEN_S, rel=1e-6)
    assert anew[1] - comes[1] == pytest.approx(step_s, rel=0.02)
    assert anew[2] - comes[2] == pytest.approx(step_s, rel=0.02)


def test_caches_stay_within_their_pool_and_go_on_in_the_parts_that_are_named() -> None:
    first, second = apart(pool="a", count=1), apart(pool="b", count=1)
    named = replace(first[0], hands={0: {1: 0.25, 4: 0.75}}, share={0: 0.5})
    other = replace(first[1], count=3)
    kinds = (named, first[1], replace(second[0], share={0: 0.5}), second[1], other)
    traffic = requests(rows=4000, rate=40.0)
    world = kept(Fleet(kinds=kinds), traffic)
    assert world.totals[0]["finished"] == len(traffic)
    ended = world.record[:, 4][traffic.output_tokens > 1]
    by_kind = [np.mean((ended >= low) & (ended < high)) for low, high in ((1, 2), (3, 4), (4, 7))]
    assert by_kind == pytest.approx([0.125, 0.5, 0.375], abs=0.03)  # 4 sigma of a binomial


def test_each_pool_needs_both_halves() -> None:
    with pytest.raises(InvalidInput, match="go with decode"):
        Fleet(kinds=(apart(pool="a")[0], apart(pool="b")[1]))


def test_failures_lose_no_request() -> None:
    kind = Kind(law=LAW, engine=ROOMY, count=3, outages=Outages(up_s=20.0, down_s=5.0), cold_start_s=1.0)
    traffic = requests(rows=1500, rate=20.0)
    world = kept(Fleet(kinds=(kind,)), traffic)
    n = world.totals[0]
    assert n["failures"] > 3 and n["finished"] == len(traffic) and n["made"] == traffic.output_tokens.sum()


def test_an_autoscaler_starts_instances_under_load_and_drains_them_after() -> None:
    scaling = Scaling(interval_s=1.0, high=8.0, low=2.0)
    kind = Kind(law=LAW, engine=ROOMY, count=6, scaling=scaling, cold_start_s=3.0)
    crowd, calm = requests(rows=1200, rate=60.0), requests(rows=200, rate=0.5, seed=1)
    both = Requests(
        arrival_s=np.concatenate([crowd.arrival_s, crowd.arrival_s[-1] + calm.arrival_s]),
        prompt_tokens=np.concatenate([crowd.prompt_tokens, calm.prompt_tokens]),
        output_tokens=np.concatenate([crowd.output_tokens, calm.output_tokens]),
    )
    world = kept(Fleet(kinds=(kind,)), both)
    n = world.totals[0]
    assert n["starts"] >= 2 and n["up"] == 1 and n["finished"] == len(both)


def test_turns_of_a_conversation_find_what_was_computed() -> None:
    traffic = Traffic(
        arrivals=Arrivals(requests_per_s=2.0),
        prompt=Length(mean=300, cv=0.5),
        output=Length(mean=100, cv=0.5),
        sessions=Sessions(turns_mean=4.0, think_s=5.0),
    )
    turns = draw_sessions(traffic, 300, seed=5)
    world = run(single(LAW, ROOMY), feed(turns), Settings(rows=len(turns), keep_rows=len(turns)))
    n = world.totals[0]
    assert n["finished"] == len(turns)
    assert n["prompts_in"] + n["hit_tokens"] == turns.prompt_tokens.sum()
    # With room for everything a turn computes its message, and at most a block and a token of the past.
    past = turns.prefix_tokens[np.isinf(turns.arrival_s)].sum()
    assert past - 17 * len(turns) <= n["hit_tokens"] <= past


def test_a_shared_prompt_is_computed_about_once_and_evicted_when_space_is_short() -> None:
    rows = 400
    lengths = stream(2, "lengths")
    shared = Requests(
        arrival_s=np.cumsum(stream(2, "arrivals").exponential(0.1, rows)),
        prompt_tokens=lengths.integers(520, 900, rows),
        output_tokens=lengths.integers(1, 200, rows),
        group=np.arange(rows) % 5,
        prefix_tokens=np.full(rows, 512),
        keep_tokens=np.full(rows, 512),
    )
    roomy, tight = kept(single(LAW, ROOMY), shared), kept(single(LAW, TIGHT), shared)
    assert roomy.totals[0]["hit_tokens"] >= 512 * (rows - 30)
    assert 0 < tight.totals[0]["hit_tokens"] < roomy.totals[0]["hit_tokens"]
    assert tight.totals[0]["finished"] == rows


def test_guesses_that_always_hold_divide_the_steps() -> None:
    alone = Requests(arrival_s=np.zeros(1), prompt_tokens=np.array([64]), output_tokens=np.array([401]))
    engine = Engine(max_sequences=4, token_budget=512, cache_blocks=400, draft_tokens=3, acceptance=(1.0,))
    assert kept(single(LAW, engine), alone).totals[0]["steps"] == 1 + 100
    never = Engine(max_sequences=4, token_budget=512, cache_blocks=400, draft_tokens=3, acceptance=(0.0,))
    assert kept(single(LAW, never), alone).totals[0]["steps"] == 1 + 400


def test_accepted_tokens_per_step_follow_the_truncated_geometric() -> None:
    """(1 - a^(k + 1)) / (1 - a) tokens a step (Leviathan et al., ICML 2023, equation 1)."""
    tokens, a, k = 60_000, 0.7, 3
    alone = Requests(arrival_s=np.zeros(1), prompt_tokens=np.array([1]), output_tokens=np.array([tokens]))
    engine = Engine(max_sequences=4, token_budget=64, cache_blocks=5000, draft_tokens=k, acceptance=(a,))
    steps = kept(single(LAW, engine), alone).totals[0]["steps"]
    expected = (1 - a ** (k + 1)) / (1 - a)
    assert tokens / steps == pytest.approx(expected, rel=0.02)  # standard error 0.3 %


def test_an_acceptance_curve_gives_its_products_of_tokens() -> None:
    """1 + a1 + a1 a2 + a1 a2 a3 tokens a step; beyond the curve its last value goes on."""
    tokens = 60_000
    alone = Requests(arrival_s=np.zeros(1), prompt_tokens=np.array([1]), output_tokens=np.array([tokens]))
    for curve, expected in (((0.9, 0.5, 0.2), 1 + 0.9 + 0.45 + 0.09), ((0.8, 0.5), 1 + 0.8 + 0.4 + 0.2)):
        engine = Engine(max_sequences=4, token_budget=64, cache_blocks=5000, draft_tokens=3, acceptance=curve)
        steps = kept(single(LAW, engine), alone).totals[0]["steps"]
        assert tokens / steps == pytest.approx(expected, rel=0.02)  # standard error 0.3 %


def test_high_priority_waits_less() -> None:
    traffic = requests(rows=1500, rate=40.0)
    level = np.arange(1500) % 2
    world = kept(single(LAW, TIGHT), replace(traffic, level=level))
    wait_s = world.record[:, 0] - traffic.arrival_s
    assert wait_s[level == 0].mean() < 0.5 * wait_s[level == 1].mean()


def test_a_request_that_fits_nowhere_is_explained() -> None:
    huge = Requests(arrival_s=np.zeros(1), prompt_tokens=np.array([10**6]), output_tokens=np.array([1]))
    with pytest.raises(InvalidInput, match=r"the largest cache .* holds 2880 tokens"):
        kept(single(LAW, TIGHT), huge)


def test_memory_stays_bounded_when_arrivals_outrun_service() -> None:
    rows = 20_000
    crowd = Requests(
        arrival_s=np.zeros(rows),
        prompt_tokens=np.full(rows, 100),
        output_tokens=np.full(rows, 100),
    )
    world = run(single(LAW, ROOMY), feed(crowd), Settings(rows=rows, most_in_flight=5000))
    assert len(world.pool) == 5000 and world.totals[0]["in_system"] == 5000


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seats=st.integers(1, 12),
    budget=st.integers(12, 200),
    block=st.integers(1, 40),
    blocks=st.integers(60, 400),
    batching=st.sampled_from(list(Batching)),
    swap=st.sampled_from([None, 1e-5]),
    rate=st.floats(1.0, 500.0),
    seed=st.integers(0, 1000),
)
def test_no_policy_loses_tokens_or_blocks(
    *,
    seats: int,
    budget: int,
    block: int,
    blocks: int,
    batching: Batching,
    swap: float | None,
    rate: float,
    seed: int,
) -> None:
    engine = Engine(
        max_sequences=seats,
        token_budget=budget,
        block_tokens=block,
        cache_blocks=blocks,
        batching=batching,
        swap_s_per_block=swap,
    )
    draw = stream(seed, "lengths")
    longest = max(engine.cache_tokens // 2 - block, 2)
    traffic = Requests(
        arrival_s=np.cumsum(stream(seed, "arrivals").exponential(1 / rate, 60)),
        prompt_tokens=draw.integers(1, max(longest, 2), 60),
        output_tokens=draw.integers(1, max(longest, 2), 60),
    )
    merged, stepped = (kept(single(LAW, engine), traffic, merge=merge) for merge in (True, False))
    assert merged.totals[0]["made"] == traffic.output_tokens.sum()
    assert merged.totals[0]["finished"] == 60
    assert merged.totals[0]["peak_blocks"] <= blocks
    np.testing.assert_allclose(merged.record, stepped.record, rtol=1e-9)
