"""`tonnage predict` through the command: one case, a file of them, and everything that can be wrong."""

import json
from pathlib import Path

import pytest

from tonnage.cli import main

GOOD = {"id": "a", "device": "nvidia-l4", "model": "llama-3.1-8b", "weights": "FP8"}
ONE = ["predict", "--device", "nvidia-l4", "--model", "llama-3.1-8b", "--weights", "FP8"]


def batch(tmp_path, *lines):
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ["predict", "--batch", str(path)]


def test_one_case_as_json_is_one_prediction(capsys):
    assert main([*ONE, "--isl", "4k", "--concurrency", "8", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["tpot_s"]["p10"] < answer["tpot_s"]["p50"] < answer["tpot_s"]["p90"]
    assert answer["fits"] is True
    assert answer["evidence"]


def test_without_weights_a_model_is_what_it_is_published_in(capsys):
    answers = []
    for words in (ONE[:5], [*ONE[:5], "--weights", "BF16"]):
        assert main([*words, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("device", "model"), [("L4 24GB", "meta-llama/Llama-3.1-8B-Instruct"), ("NVIDIA-L4", "Llama 3.1 8B")]
)
def test_names_as_people_write_them_mean_the_same_as_ids(device, model, capsys):
    answers = []
    for names in ((device, model), ("nvidia-l4", "llama-3.1-8b")):
        assert main(["predict", "--device", names[0], "--model", names[1], "--weights", "FP8", "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]


def test_a_name_of_several_devices_lists_them(capsys):
    assert main(["predict", "--device", "H100", "--model", "llama-3.1-8b"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(word in said for word in ("h100-sxm5-80gb", "h100-pcie-80gb", "h100-nvl-94gb"))


def test_one_case_as_a_table_names_the_metrics(capsys):
    assert main(ONE) == 0
    shown = capsys.readouterr().out
    assert "time to first token" in shown
    assert "80 % interval" in shown


def test_a_random_load_has_percentiles(capsys):
    assert main([*ONE, "--qps", "0.5", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ttft_p95_s"]["p50"] >= answer["ttft_p50_s"]["p50"]
    assert answer["requests_per_s"]["p50"] == pytest.approx(0.5, rel=1e-3)


def test_a_batch_answers_line_by_line_in_order_and_a_bad_line_fails_alone(tmp_path, capsys):
    lines = [
        json.dumps(GOOD),
        "",
        "{not json",
        json.dumps({**GOOD, "id": "b", "device": "nothing"}),
        json.dumps({**GOOD, "id": "c", "isl": -1}),
        json.dumps([1, 2]),
        json.dumps({**GOOD, "id": "d", "length_spread": "uniform-a-b"}),
        json.dumps({**GOOD, "id": "e", "isl": 1e300}),
        json.dumps({**GOOD, "id": "f", "load": "open", "requests_per_s": float("nan")}),
        json.dumps({**GOOD, "id": 7, "engine_version": float("nan"), "measured": {}, "source": "x"}),
    ]
    assert main(batch(tmp_path, *lines)) == 0
    said = capsys.readouterr()
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "line 3", "b", "c", "line 6", "d", "e", "f", "7"]
    assert ["error" in answer for answer in answers] == [False, *[True] * 7, False]
    assert "isl" in answers[3]["error"]
    assert said.err == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "a" * 5000), ("device", "a" * 5000), ("weights", "a" * 5000), ("anchor", "a" * 5000),
        ("device", "../" * 2000 + "x.json"), ("model", "x\0y.json"), ("device", "x\0y.json"),
        ("anchor", "\0"), ("draft_model", "b" * 5000), ("length_spread", "uniform-1-" + "9" * 400),
        ("isl", 10**400), ("pp", 1000), ("device", "/proc/self/mem"), ("model", "/proc/self/mem"),
    ],
)  # fmt: skip
def test_a_name_that_no_file_can_have_and_a_size_that_nothing_has_fail_alone(field, value, tmp_path, capsys):
    lines = [json.dumps(one) for one in (GOOD, {**GOOD, "id": "bad", field: value}, GOOD)]
    assert main(batch(tmp_path, *lines)) == 0
    first, second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert second["id"] == "bad"
    assert 0 < len(second["error"]) < 1000
    assert first["tpot_s"] == third["tpot_s"]


def test_what_nobody_thought_of_costs_its_own_line_alone(tmp_path, capsys, monkeypatch):
    from planner.serving import stream

    answer = stream.predict_batch

    def fails_on_one(cases, **given):
        if any(case.id == "13" for case in cases):
            raise ZeroDivisionError("of course")
        return answer(cases, **given)

    monkeypatch.setattr(stream, "predict_batch", fails_on_one)
    assert main(batch(tmp_path, *(json.dumps({**GOOD, "id": str(i)}) for i in range(20)))) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["id"] for answer in answers] == [str(i) for i in range(20)]
    assert [answer["id"] for answer in answers if "error" in answer] == ["13"]
    assert "ZeroDivisionError" in answers[13]["error"]


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line(tmp_path, capsys):
    words = batch(tmp_path, json.dumps(GOOD))
    path = Path(words[-1])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert main(words) == 0
    assert "error" not in json.loads(capsys.readouterr().out)


def test_every_model_of_the_catalog_is_what_its_own_id_means():
    from tonnage.cli import spelled
    from workloads import models

    assert [name for name in models.names() if spelled.model(name) != name] == []
    assert spelled.model("mistralai/Mistral-7B-v0.1") == "mistral-7b-v0.1"
    assert spelled.model("deepseek-ai/DeepSeek-V3") == "deepseek-v3"
    assert spelled.model("DeepSeek R1 0528") == "deepseek-r1-0528"


def test_a_batch_longer_than_a_block_keeps_its_order(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("planner.serving.stream.BLOCK", 3)
    assert main(batch(tmp_path, *(json.dumps({**GOOD, "id": str(i)}) for i in range(10)))) == 0
    ids = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert ids == [str(i) for i in range(10)]


def test_a_profile_is_a_device(capsys):
    profile = Path(__file__).parents[1] / "captures" / "profiles" / "epyc-2cpu.json"
    words = ["predict", "--device", str(profile), "--model", "mamba-130m", "--weights", "F16", "--json"]
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["evidence"] == "fitted"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["predict"], "--device"),
        ([*ONE, "--batch", "x.jsonl"], "leave out"),
        (["predict", "--batch", "missing.jsonl"], "missing.jsonl"),
        ([*ONE, "--isl", "many"], "many"),
        ([*ONE, "--isl", "0"], "isl"),
        ([*ONE, "--tp", "0"], "tp"),
        ([*ONE, "--qps", "nan"], "qps"),
        ([*ONE, "--qps", "-1"], "qps"),
        (["predict", "--device", "nvidia-l5", "--model", "llama-3.1-8b", "--weights", "FP8"], "nvidia-l4"),
        (["predict", "--device", "nvidia-l4", "--model", "llama-9", "--weights", "FP8"], "llama-9"),
        (["predict", "--device", "nvidia-l4", "--model", "llama-3.1-8b", "--weights", "FP9"], "FP9"),
        (
            ["predict", "--device", "missing.json", "--model", "llama-3.1-8b", "--weights", "FP8"],
            "missing.json",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_two(words, says, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert says in said.err


def test_a_corrupt_profile_is_one_line(tmp_path, capsys):
    path = tmp_path / "profile.json"
    path.write_text('{"format": "tonnage.profile", "version": 1, "machine": {')
    assert main(["predict", "--device", str(path), "--model", "llama-3.2-1b", "--weights", "F16"]) == 2
    assert "not valid JSON" in capsys.readouterr().err


def test_an_endless_line_is_cut_and_fails_alone(tmp_path, capsys):
    assert main(batch(tmp_path, json.dumps(GOOD), '{"id": "' + "x" * 3_000_000, json.dumps(GOOD))) == 0
    first, second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert "error" in second
    assert len(second["error"]) < 500
    assert first["tpot_s"] == third["tpot_s"]


def test_answers_come_before_the_last_line_was_read():
    from planner.serving.stream import BLOCK, answer_lines

    read = 0

    def lines():
        nonlocal read
        while True:  # an endless file of refusals, which cost nothing
            read += 1
            yield "{not json\n"

    answers = answer_lines(lines())
    for _ in range(3 * BLOCK):
        next(answers)
    assert read == 3 * BLOCK
