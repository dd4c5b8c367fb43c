import gc

import pytest

from hw_targets import catalog
from planner.deployment import Case
from planner.prediction import Prediction, Refusal
from planner.serving.predict import predict, predict_batch
from tonnage.errors import InvalidInput, UnknownName
from tonnage.evidence import Evidence

GOOD = {"device": "nvidia-l4", "model": "llama-3.1-8b", "weights": "FP8", "engine": "vllm"}


def case(**changes):
    return Case.parse({"id": "x", **GOOD, **changes}, where="case")


def test_a_bad_case_is_refused_alone_and_the_order_is_kept():
    cases = [case(id="a"), case(id="b", device="nvidia-l5"), case(id="c", moe_tp=3), case(id="d")]
    found = predict_batch(cases)
    assert [answer.id for answer in found] == ["a", "b", "c", "d"]
    assert [type(answer) for answer in found] == [Prediction, Refusal, Refusal, Prediction]
    assert "nvidia-l4" in found[1].error


@pytest.mark.parametrize("on", [True, False])
def test_a_batch_leaves_the_collector_as_it_was_and_no_cycles_behind(on):
    was_on = gc.isenabled()
    try:
        gc.enable() if on else gc.disable()
        predict_batch([case()])
        gc.collect()
        answers = predict_batch([case(id=str(n)) for n in range(100)])
        assert gc.isenabled() is on
        del answers
        assert gc.collect() < 100
    finally:
        gc.enable() if was_on else gc.disable()


def test_no_cases_give_no_answers():
    assert predict_batch([]) == []


def test_one_case_raises_what_a_batch_would_say():
    with pytest.raises(UnknownName, match="nvidia-l4"):
        predict(case(device="nvidia-l5"))


def test_an_open_load_needs_its_rate():
    with pytest.raises(InvalidInput, match="requests_per_s"):
        predict(case(load="open"))


def test_an_answer_survives_its_own_json():
    answer = predict(case(load="open", requests_per_s=0.1))
    assert Prediction.model_validate_json(answer.model_dump_json()) == answer


def test_every_catalog_device_has_an_answer_or_says_what_is_missing():
    names = catalog.names()
    found = predict_batch(
        [case(id=name, device=name, model="llama-3.2-1b", weights="BF16") for name in names]
    )
    for answer in found:
        if isinstance(answer, Refusal):
            assert "memory bandwidth" in answer.error
            assert catalog.get(answer.id).memory_bandwidth_bytes_per_s is None
    assert sum(isinstance(answer, Prediction) for answer in found) > 0.9 * len(names)


def test_an_unknown_engine_is_answered_as_assumed_with_a_note_and_a_wider_interval():
    known, unknown = predict_batch([case(), case(engine="engine-of-tomorrow")])
    assert unknown.evidence is Evidence.ASSUMED
    assert any("engine-of-tomorrow" in note for note in unknown.notes)
    assert unknown.ttft_s.sigma_log > known.ttft_s.sigma_log
    assert unknown.output_tokens_per_s.sigma_log > known.output_tokens_per_s.sigma_log


def test_a_model_too_large_is_answered_but_said_not_to_fit():
    answer = predict(case(model="llama-3.1-405b"))
    assert answer.fits is False
    assert any("does not fit" in note for note in answer.notes)


def test_users_beyond_the_memory_wait():
    answer = predict(case(concurrency=5000, isl=4096))
    assert answer.bound == "queue"
    assert any("the other users wait" in note for note in answer.notes)


def test_a_closed_loop_obeys_littles_law():
    answer = predict(case(concurrency=16, isl=512, osl=128))
    loop_s = answer.ttft_s.p50 + 127 * answer.tpot_s.p50
    assert answer.requests_per_s.p50 * loop_s == pytest.approx(16, rel=0.02)


def test_two_devices_need_less_memory_each_than_one():
    one, two = predict_batch([case(), case(tp=2)])
    assert two.memory_bytes < one.memory_bytes


def test_a_layer_split_does_not_speed_up_a_single_stream():
    setup = {"device": "nvidia-rtx-3090", "weights": "Q4_0", "engine": "llama.cpp"}
    one, split = predict_batch([case(**setup), case(**setup, pp=4)])
    assert split.tpot_s.p50 == pytest.approx(one.tpot_s.p50, rel=0.1)


def test_an_overloaded_replica_says_that_it_cannot_keep_up():
    easy, hard = predict_batch(
        [case(load="open", requests_per_s=0.2), case(load="open", requests_per_s=500.0)]
    )
    assert not any("keep up" in note for note in easy.notes)
    assert any("cannot keep up" in note for note in hard.notes)
    assert hard.requests_per_s.p50 < 500
    assert easy.requests_per_s.p50 == pytest.approx(0.2, rel=1e-3)
