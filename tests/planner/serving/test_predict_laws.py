"""Laws that any prediction must keep, whatever the coefficients are."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.deployment import Case
from planner.prediction import Prediction
from planner.serving import placement, situation
from planner.serving.predict import predict_batch

SETUPS = [
    {"device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-8b", "weights": "BF16", "engine": "vllm"},
    {"device": "nvidia-l40s", "model": "llama-3.1-70b", "weights": "FP8", "engine": "trtllm", "tp": 4},
    {"device": "nvidia-b200-sxm-180gb", "model": "qwen3-32b", "weights": "NVFP4", "engine": "sglang"},
    {"device": "nvidia-h200-sxm-141gb", "model": "deepseek-r1", "weights": "FP8", "engine": "vllm", "tp": 8},
    {"device": "nvidia-rtx-4090", "model": "qwen3-30b-a3b", "weights": "Q4_K_M", "engine": "llama.cpp"},
    {"device": "apple-m2-ultra", "model": "llama-2-7b", "weights": "Q4_0", "engine": "llama.cpp"},
    {"device": "amd-mi300x", "model": "mamba-2.8b", "weights": "BF16", "engine": "an-engine-of-tomorrow"},
    {"device": "intel-gaudi3", "model": "mixtral-8x7b", "weights": "FP8", "engine": "vllm", "tp": 2},
    {"device": "amd-epyc-9654", "model": "gemma-3-4b", "weights": "Q8_0", "engine": "llama.cpp"},
]  # fmt: skip

setups = st.sampled_from(SETUPS)
lengths = st.integers(16, 16384)
users = st.integers(1, 256)


def answers(setup, *changes):
    cases = [Case.parse({"id": str(i), **setup, **change}, where="case") for i, change in enumerate(changes)]
    found = predict_batch(cases)
    assert all(isinstance(answer, Prediction) for answer in found)
    return found


@settings(max_examples=40, deadline=None)
@given(setups, lengths, st.integers(2, 4096), users, st.sampled_from(["closed", "saturated"]))
def test_every_number_is_finite_and_every_interval_in_order(setup, isl, osl, concurrency, load):
    (answer,) = answers(setup, {"isl": isl, "osl": osl, "concurrency": concurrency, "load": load})
    shown = [answer.ttft_s, answer.tpot_s, answer.output_tokens_per_s, answer.requests_per_s]
    for quantiles in shown:
        if quantiles is not None:
            assert 0 < quantiles.p10 <= quantiles.p50 <= quantiles.p90 < math.inf
    assert answer.memory_bytes > 0
    assert (answer.ttft_s is None) == (load == "saturated")


@settings(max_examples=40, deadline=None)
@given(setups, lengths, st.integers(2, 2048), st.integers(1, 128), st.integers(2, 4))
def test_more_users_never_make_a_token_or_a_request_faster(setup, isl, osl, concurrency, times):
    few, many = answers(
        setup,
        {"isl": isl, "osl": osl, "concurrency": concurrency},
        {"isl": isl, "osl": osl, "concurrency": concurrency * times},
    )
    whole = [a.ttft_s.p50 + (osl - 1) * a.tpot_s.p50 for a in (few, many)]
    # Step times are interpolated between two batch sizes: 2 % of slack.
    assert whole[1] >= whole[0] * 0.98


@settings(max_examples=40, deadline=None)
@given(setups, lengths, st.integers(0, 32768), st.integers(1, 32768))
def test_more_context_never_makes_a_lone_user_faster(setup, isl, context, more):
    short, long = answers(
        setup,
        {"isl": isl, "osl": 64, "context": context},
        {"isl": isl, "osl": 64, "context": context + more},
    )
    assert long.tpot_s.p50 >= short.tpot_s.p50 * (1 - 1e-9)
    assert long.ttft_s.p50 >= short.ttft_s.p50 * (1 - 1e-9)
    assert long.memory_bytes >= short.memory_bytes


@settings(max_examples=30, deadline=None)
@given(setups, st.integers(128, 4096))
def test_a_longer_prompt_never_starts_sooner(setup, isl):
    short, long = answers(setup, {"isl": isl, "osl": 32}, {"isl": 2 * isl, "osl": 32})
    assert long.ttft_s.p50 >= short.ttft_s.p50


@settings(max_examples=30, deadline=None)
@given(setups, lengths, users)
def test_no_prediction_reads_the_weights_faster_than_the_datasheet_allows(setup, isl, concurrency):
    case = Case.parse({"id": "x", **setup, "isl": isl, "osl": 64, "concurrency": concurrency}, where="case")
    placed = [placement.place(case)]
    where = situation.situation(placed, situation.demand([case]))
    (answer,) = predict_batch([case])
    # A batch of one reads the fewest bytes that any step can.
    assert answer.tpot_s.p10 >= where.stages[0] * where.decode[-1].floor_s[0] * (1 - 1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(setups, lengths, users), min_size=1, max_size=12), st.randoms())
def test_an_answer_does_not_depend_on_its_neighbours(batch, rng):
    cases = [
        Case.parse({"id": str(i), **setup, "isl": isl, "concurrency": n}, where="case")
        for i, (setup, isl, n) in enumerate(batch)
    ]
    mixed = cases[:]
    rng.shuffle(mixed)
    together = {answer.id: answer for answer in predict_batch(mixed)}
    for case in cases:
        (alone,) = predict_batch([case])
        assert together[case.id].tpot_s.p50 == alone.tpot_s.p50
        assert together[case.id].ttft_s.p50 == alone.ttft_s.p50
