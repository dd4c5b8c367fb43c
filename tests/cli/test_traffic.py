"""`tonnage traffic`: a log described, and the description used again by a simulation."""

import json
from pathlib import Path

import pytest

from tonnage.cli import main
from workloads import samples


def test_a_sample_is_described_with_the_distance_of_the_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["traffic", "azure2023_conv", "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    log = samples.get("azure2023_conv").requests
    assert both["traffic"]["prompt"]["mean"] == pytest.approx(log.prompt_tokens.mean())
    assert 0 <= both["fit"]["prompt_ks"] < 0.02 and both["fit"]["gaps_ks"] < 0.05


def test_a_description_is_a_load_of_a_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described = tmp_path / "traffic.json"
    assert main(["traffic", "azure2023_conv", "-o", str(described)]) == 0
    assert "4.77 requests/s" in capsys.readouterr().out
    case = tmp_path / "case.toml"
    case.write_text(
        'device = "nvidia-h100-sxm5-80gb"\nmodel = "llama-3.1-8b"\nweights = "FP8"\n'
        f'traffic = "{described}"\nslo = {{ ttft_p95_s = 1.0 }}\n'
    )
    assert main(["simulate", str(case), "--json", "--requests", "2000"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["requests_per_s"] == pytest.approx(4.77, rel=0.05)
    assert answer["classes"][0]["name"] == "azure2023_conv"


def test_lengths_without_times_are_said_to_be_that(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["traffic", "sharegpt_8k"]) == 0
    text = capsys.readouterr().out
    assert "no times" in text and "requests/s" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["none.csv"], "none.csv"), (["azure2023_conv", "-o", "no/folder/t.json"], "does not exist")],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["traffic", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err and captured.err.count("\n") == 1


def test_too_few_requests_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "short.csv"
    path.write_text("arrival_s,input_tokens,output_tokens\n0,1,1\n1,1,1\n")
    assert main(["traffic", str(path)]) == 2
    assert "10 are the least" in capsys.readouterr().err
