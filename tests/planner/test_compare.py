"""A comparison says over the context what `predict` says, and crossings are where curves meet."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.compare import contexts, crossings
from planner.compare.comparison import Comparison, Metric, ModelCurve, Pair, Point
from planner.compare.run import compare
from planner.deployment import Case
from planner.serving.predict import predict
from tonnage.errors import InvalidInput, UnknownName
from tonnage.evidence import Evidence, Quantiles
from tonnage.files import read_record, write_record

H100 = "nvidia-h100-sxm5-80gb"
PROFILE = Path(__file__).parents[1] / "captures" / "profiles" / "epyc-2cpu.json"


@pytest.fixture(scope="module")
def three() -> Comparison:
    return compare(("llama-3.1-8b", "mamba-2.8b", "jamba-v0.1"), device=H100, tp=2, engine="vllm")


def curve(name, tokens, values, *, spread=0.0, max_context=None, fits=True):
    """A model whose time to the first token is given."""
    points = tuple(
        Point(
            context_tokens=at,
            ttft_s=Quantiles.lognormal(value, spread),
            fits=fits,
            beyond_max_context=False,
            evidence=Evidence.MEASURED,
        )
        for at, value in zip(tokens, values, strict=True)
    )
    return ModelCurve(model=name, name=name, weights="F16", max_context_tokens=max_context, points=points)


def by_first_token(*curves) -> Pair:
    return next(pair for pair in crossings.pairs(curves) if pair.metric is Metric.TTFT)


def pair_of(comparison, metric, *models) -> Pair:
    return next(p for p in comparison.pairs if p.metric is metric and set(p.models) == set(models))


@given(low=st.floats(1, 1e6), times=st.floats(1, 1e3))
def test_a_range_doubles_and_holds_both_ends(low, times):
    high = min(low * times, 1e9)
    lengths = contexts.parse(f"{low!r}..{high!r}")
    assert lengths[0] == low
    assert lengths[-1] == high
    ratios = [b / a for a, b in pairwise(lengths)]
    assert all(ratio == 2 for ratio in ratios[:-1])
    assert all(1 < ratio <= 2 for ratio in ratios)


def test_a_list_of_contexts_is_sorted_and_without_doubles():
    assert contexts.parse("32k,4k,4000") == (4000.0, 32000.0)


@pytest.mark.parametrize("text", ["", "0", "8k..1k", "1k..", "..1k", "1k..2k..4k", "nan", "1e10", "-5"])
def test_a_context_that_cannot_be_is_refused(text):
    with pytest.raises(InvalidInput, match="context"):
        contexts.parse(text)


@settings(max_examples=50)
@given(at=st.floats(1100, 900_000), slope=st.floats(0.2, 2.0), spread=st.floats(0, 0.5))
def test_power_laws_cross_where_they_are_equal(at, slope, spread):
    """Interpolation between logarithms is exact for power laws."""
    tokens = contexts.parse("1k..1M")
    flat = curve("flat", tokens, [1.0] * len(tokens), spread=spread)
    steep = curve("steep", tokens, [(t / at) ** slope for t in tokens], spread=spread)
    pair = by_first_token(flat, steep)
    if min(abs(math.log(t / at)) for t in tokens) < 1e-9:
        return
    assert pair.lower == "steep"
    (crossing,) = pair.crossings
    assert crossing.context_tokens == pytest.approx(at, rel=1e-9)
    assert crossing.lower_after == "flat"
    wide = 2 * 1.2815515655446004 * spread / slope
    expected = [t for t in tokens if math.log(t / at) > wide]
    assert crossing.apart_from_tokens == (expected[0] if expected else None)
    before = [t for t in tokens if math.log(at / t) > wide]
    assert crossing.apart_until_tokens == (before[-1] if before else None)


def test_curves_that_cross_twice_have_two_crossings_with_their_own_sure_contexts():
    tokens = (1.0, 2.0, 4.0, 8.0, 16.0)
    pair = by_first_token(
        curve("a", tokens, [1.0, 1.0, 3.0, 3.0, 1.0]), curve("b", tokens, [2.0, 2.0, 2.0, 2.0, 2.0])
    )
    first, second = pair.crossings
    assert (first.apart_until_tokens, first.apart_from_tokens) == (2.0, 4.0)
    assert (second.apart_until_tokens, second.apart_from_tokens) == (8.0, 16.0)
    assert (pair.lower, first.lower_after, second.lower_after) == ("a", "b", "a")


def test_equal_curves_have_no_order_and_no_crossing():
    tokens = (1.0, 2.0)
    pair = by_first_token(curve("a", tokens, [1.0, 2.0]), curve("b", tokens, [1.0, 2.0]))
    assert (pair.lower, pair.crossings, pair.apart_from_tokens) == (None, (), None)
    assert (pair.from_tokens, pair.to_tokens) == (1.0, 2.0)


def test_what_does_not_fit_is_compared_with_nothing():
    tokens = (1.0, 2.0)
    pair = by_first_token(curve("a", tokens, [1.0, 2.0]), curve("b", tokens, [2.0, 1.0], fits=False))
    assert pair == Pair(metric=Metric.TTFT, models=("a", "b"))


def test_a_crossing_beyond_what_a_model_was_made_for_says_so():
    tokens = (1000.0, 4000.0)
    pair = by_first_token(
        curve("a", tokens, [1.0, 1.0], max_context=1500), curve("b", tokens, [0.5, 2.0], max_context=9000)
    )
    assert pair.crossings[0].beyond_max_context == ("a",)


def test_every_point_is_the_prediction_of_its_case(three):
    point = three.models[0].points[3]
    answer = predict(
        Case.parse(
            {
                "id": "x", "device": H100, "model": "llama-3.1-8b", "weights": "BF16", "engine": "vllm",
                "tp": 2, "isl": point.context_tokens, "osl": 256,
            },
            where="test",
        )
    )  # fmt: skip
    assert (point.ttft_s, point.tpot_s, point.memory_bytes) == (
        answer.ttft_s,
        answer.tpot_s,
        answer.memory_bytes,
    )


def test_attention_grows_with_the_context_and_a_state_does_not(three):
    llama, mamba, jamba = three.models
    assert len({point.tpot_s for point in mamba.points}) == 1
    assert len({point.largest_concurrency for point in mamba.points}) == 1
    for grows in (llama, jamba):
        times = [point.tpot_s.p50 for point in grows.points]
        assert times == sorted(times)
        assert times[-1] > times[0]
        room = [point.largest_concurrency for point in grows.points]
        assert room == sorted(room, reverse=True)
    growth = [m.points[-1].tpot_s.p50 / m.points[0].tpot_s.p50 for m in (llama, jamba, mamba)]
    assert growth == sorted(growth, reverse=True)


def test_a_hybrid_overtakes_a_transformer_of_more_active_work_at_length(three):
    pair = pair_of(three, Metric.TTFT, "llama-3.1-8b", "jamba-v0.1")
    assert pair.lower == "llama-3.1-8b"
    (crossing,) = pair.crossings
    assert crossing.lower_after == "jamba-v0.1"
    llama, _, jamba = three.models
    below = [p for p in range(11) if three.contexts_tokens[p] < crossing.context_tokens]
    for position in range(11):
        faster = llama.points[position].ttft_s.p50 < jamba.points[position].ttft_s.p50
        assert faster == (position in below)


def test_the_largest_concurrency_fits_and_one_more_does_not(three):
    point = three.models[0].points[7]
    case = {
        "id": "x", "device": H100, "model": "llama-3.1-8b", "weights": "BF16", "engine": "vllm", "tp": 2,
        "isl": point.context_tokens, "osl": 256,
    }  # fmt: skip
    most = point.largest_concurrency
    assert most > 1
    fits = predict(Case.parse({**case, "concurrency": most}, where="test"))
    more = predict(Case.parse({**case, "concurrency": most + 1}, where="test"))
    assert not any("run at once" in note for note in fits.notes)
    assert any(f"at most {most} sequences run at once" in note for note in more.notes)


def test_beyond_its_maximum_a_model_is_marked(three):
    for model, most in ((three.models[0], 131072), (three.models[1], 2048), (three.models[2], 262144)):
        assert model.max_context_tokens == most
        for point in model.points:
            assert point.beyond_max_context == (point.context_tokens + 256 > most)


def test_a_model_that_does_not_fit_says_so_and_is_not_compared():
    found = compare(("llama-3.1-8b", "jamba-v0.1"), device="nvidia-l4", context="1k..128k")
    llama, jamba = found.models
    assert [point.fits for point in jamba.points] == [False] * 8
    assert [point.largest_concurrency for point in jamba.points] == [0] * 8
    assert llama.points[0].fits
    assert not llama.points[-1].fits
    assert all(pair.from_tokens is None and not pair.crossings for pair in found.pairs)


def test_a_profile_is_compared_like_a_catalog_device():
    found = compare(("llama-3.2-1b", "mamba-1.4b"), device=str(PROFILE), weights="F16", context="1k..32k")
    assert found.engine == "llama.cpp"
    assert {point.evidence for model in found.models for point in model.points} <= {
        Evidence.FITTED,
        Evidence.EXTRAPOLATED,
    }
    assert pair_of(found, Metric.TPOT, "llama-3.2-1b", "mamba-1.4b").crossings[0].lower_after == "mamba-1.4b"


def test_a_comparison_survives_its_file(three, tmp_path):
    write_record(tmp_path / "c.json", three)
    assert read_record(tmp_path / "c.json", Comparison) == three


@pytest.mark.parametrize(
    ("models", "settings", "error"),
    [
        ((), {}, InvalidInput),
        (("mamba-2.8b", "mamba-2.8b"), {}, InvalidInput),
        (("mamba-2.9b",), {}, UnknownName),
        (("mamba-2.8b",), {"device": "nvidia-h101"}, UnknownName),
        (("mamba-2.8b",), {"weights": "BF17"}, UnknownName),
        (("mamba-2.8b",), {"concurrency": 0}, InvalidInput),
        (("mamba-2.8b",), {"osl": 0}, InvalidInput),
        (("mamba-2.8b",), {"context": "1k..1"}, InvalidInput),
    ],
)
def test_bad_input_is_named(models, settings, error):
    with pytest.raises(error):
        compare(models, **{"device": H100, **settings})
