"""`tonnage simulate`: data on stdout, one line per problem, exit codes."""

import json
from pathlib import Path

import pytest

import tonnage
from tonnage.cli import main
from workloads import samples

CASE = {
    "id": "a",
    "device": "nvidia-h100-sxm5-80gb",
    "model": "llama-3.1-8b",
    "weights": "BF16",
    "engine": "vllm",
    "isl": 256,
    "osl": 64,
    "load": "open",
    "requests_per_s": 5.0,
}
QUICK = ["--requests", "300", "--replications", "1", "--processes", "1"]
SCENARIO = """
[traffic]
requests_per_s = 4.0
prompt_tokens = { mean = 600, p95 = 1500 }
output_tokens = 150
[slo]
ttft_p95_s = 1.0
tpot_p95_s = 0.08
[candidates]
devices = ["nvidia-l4", "nvidia-h100-sxm5-80gb"]
models = ["llama-3.1-8b"]
formats = ["FP8", "BF16"]
engines = ["vllm"]
api = false
"""


def batch(tmp_path: Path, *cases: object) -> str:
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(json.dumps(case) for case in cases) + "\n")
    return str(path)


def test_cases_in_answers_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {**CASE, "id": "b", "device": "nvidia-h1000"}
    sample = {**CASE, "id": "c", "load": "azure2023_conv", "requests_per_s": None}
    assert main(["simulate", "--batch", batch(tmp_path, CASE, wrong, sample), *QUICK]) == 0
    first, second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["id"] == "a" and first["requests_per_s"] == pytest.approx(5.0, rel=0.2)
    assert first["classes"][0]["ttft_s"]["p50"] < first["classes"][0]["ttft_s"]["p99"]
    assert second["id"] == "b" and "nvidia-h1000" in second["error"]
    assert third["classes"][0]["requests"] == len(samples.get("azure2023_conv").requests)


def test_a_scenario_is_planned_and_its_fleet_simulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, requests = tmp_path / "scenario.toml", tmp_path / "requests.csv"
    path.write_text(SCENARIO)
    arguments = ["simulate", str(path), "--json", "--requests", "500", "--csv", str(requests)]
    assert main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["format"] == "tonnage.simulation" and not answer["saturated"]
    assert answer["cost_usd_per_h"] > 0 and answer["classes"][0]["good_frac"] > 0.5
    rows = requests.read_text().splitlines()
    assert rows[0].startswith("arrival_s,input_tokens,output_tokens") and len(rows) > 500


def test_a_plan_is_simulated_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    plan = tmp_path / "plan.json"
    main(["plan", str(tmp_path / "scenario.toml"), "-o", str(plan)])
    capsys.readouterr()
    assert main(["simulate", str(plan), "--requests", "500"]) == 0
    text = capsys.readouterr().out
    assert "first token" in text and "p99" in text and "USD/h" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either a plan.json or scenario.toml, or --batch"),
        (["plan.json", "--batch", "cases.jsonl"], "either"),
        (["missing.json"], "missing.json"),
        (["--batch", "missing.jsonl"], "missing.jsonl"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err and captured.err.count("\n") == 1


def test_ray_without_ray_says_how_to_get_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        import ray  # noqa: F401
    except ImportError:
        assert main(["simulate", "--batch", batch(tmp_path, CASE), "--ray", "auto"]) == 2
        assert "extra 'cluster'" in capsys.readouterr().err
    else:
        pytest.skip("ray is installed here")


def test_the_library_simulates_a_case() -> None:
    answer = tonnage.simulate(CASE, requests=300, replications=2)
    assert answer.classes[0].requests > 100 and answer.replications == 2
    assert answer.classes[0].ttft_ci95_s is not None


def test_a_plan_is_simulated_under_a_trace_at_a_rate_of_choice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    plan = tmp_path / "plan.json"
    main(["plan", str(tmp_path / "scenario.toml"), "-o", str(plan)])
    capsys.readouterr()
    rates = {}
    for scaling in ("resample", "compress"):
        trace = ["--trace", "azure2023_conv", "--rate", "2", "--scaling", scaling]
        assert main(["simulate", str(plan), *trace, "--replications", "1", "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        rates[scaling] = answer["requests_per_s"]
        assert any("azure2023_conv" in note for note in answer["notes"])
        if scaling == "compress":
            assert answer["classes"][0]["requests"] == len(samples.get("azure2023_conv").requests)
    assert rates["resample"] == pytest.approx(2.0, rel=0.1) == rates["compress"]
