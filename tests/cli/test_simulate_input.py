"""`tonnage simulate` given bad traces, overload, a cache too small, an interrupted sweep."""

import csv
import json
from pathlib import Path

import pytest

from tonnage.cli import main

CASE = {
    "id": "a",
    "device": "nvidia-l4",
    "model": "llama-3.1-8b",
    "weights": "FP8",
    "engine": "vllm",
    "isl": 256,
    "osl": 64,
    "load": "open",
    "requests_per_s": 0.5,
}
HEADER = "arrival_s,input_tokens,output_tokens\n"
GOOD = "".join(f"{second},200,20\n" for second in range(120))
QUICK = ["--requests", "300", "--replications", "1", "--processes", "1"]
BAD_ROWS = {
    "unsorted": ("5,10,10\n3,10,10\n", "row 2, column arrival_s: 3 s is before the row above it"),
    "negative time": ("-1,10,10\n", "row 1, column arrival_s: '-1'"),
    "negative tokens": ("0,-5,10\n", "row 1, column input_tokens: '-5'"),
    "huge tokens": ("0,10,1e18\n", "row 1, column output_tokens: '1e18'"),
    "huge time": ("1e400,10,10\n", "row 1, column arrival_s: '1e400'"),
    "missing field": ("0,10\n", "row 1, column output_tokens: ''"),
    "missing number": ("0,,10\n", "row 1, column input_tokens: ''"),
    "words": ("0,ten,10\n", "row 1, column input_tokens: 'ten'"),
}


@pytest.mark.parametrize(
    "change",
    [
        {"trace": "/dev/zero"}, {"load": "/dev/zero"}, {"trace": "a" * 5000}, {"trace": "x\0.csv"},
        {"load": "\0"},
        {"traffic": "/dev/zero"}, {"traffic": "\0"}, {"device": "x\0.json"}, {"model": "a" * 5000},
        {"rates": "/dev/zero"}, {"fleet": [1]}, {"fleet": "x"}, {"isl": 10**400},
    ],
)  # fmt: skip
def test_files_that_never_end_and_names_that_no_file_has_cost_their_line_alone(change, tmp_path, capsys):
    path = tmp_path / "cases.jsonl"
    lines = [{**CASE, "id": "bad", **change}, {**CASE, "id": "good", "device": "nothing"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["simulate", "--batch", str(path), *QUICK]) == 0
    bad, good = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert bad["id"] == "bad"
    assert 0 < len(bad["error"]) < 1100
    assert good["id"] == "good"
    assert "unknown device" in good["error"]


def case_file(tmp_path: Path, **other: object) -> str:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps({**CASE, **other}) + "\n")
    return str(path)


def toml_case(tmp_path: Path, more: str = "", *, without: str = "id") -> str:
    path = tmp_path / "case.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in CASE.items() if key not in ("id", without)]
    path.write_text("\n".join(lines) + "\n" + more)
    return str(path)


def traced(tmp_path: Path, rows: str) -> str:
    (tmp_path / "trace.csv").write_text(HEADER + rows)
    return toml_case(tmp_path, f'trace = "{tmp_path / "trace.csv"}"\n', without="requests_per_s")


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, message = BAD_ROWS[name]
    log = tmp_path / "log.csv"
    assert main(["simulate", traced(tmp_path, rows + GOOD), *QUICK, "--log", str(log)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err and captured.err.count("\n") == 1
    assert not log.exists()


@pytest.mark.parametrize("name", ["negative tokens", "words", "missing number"])
def test_skipped_rows_are_counted(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = traced(tmp_path, BAD_ROWS[name][0] + GOOD)
    assert main(["simulate", path, *QUICK, "--skip-bad", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert any(note.startswith("1 bad rows of the trace were left out") for note in answer["notes"])
    assert any("row 1" in note for note in answer["notes"])


def test_equal_rows_are_requests_of_their_own_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Servers log whole seconds, so that equal rows are no mistake in themselves."""
    assert main(["simulate", traced(tmp_path, "0,50,10\n" * 7 + "9,50,10\n"), *QUICK, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["classes"][0]["requests"] == 8
    assert any(note.startswith("6 rows repeat the row above them") for note in answer["notes"])


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = traced(tmp_path, "")
    (tmp_path / "trace.csv").write_text("arrival_s,input_tokens,output_tokens,input_tokens\n0,1,2,3\n")
    assert main(["simulate", path, *QUICK]) == 2
    assert "column input_tokens is there twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "holds no requests"), (HEADER, "holds no requests"), ("x,y\n1,2\n", "no known log")],
)
def test_an_empty_or_foreign_trace_is_refused(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = traced(tmp_path, "")
    (tmp_path / "trace.csv").write_text(text)
    assert main(["simulate", path, *QUICK]) == 2
    assert message in capsys.readouterr().err


def test_overload_is_labelled_with_bounded_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from planner.simulate import replicate
    from planner.simulate.assemble import Settings

    def bounded(**given: object) -> Settings:
        return Settings(**given, most_in_flight=500)  # type: ignore[arg-type]

    batch = ["simulate", "--batch", case_file(tmp_path, requests_per_s=1e6), "--requests", "20000"]
    batch += ["--replications", "1", "--processes", "1"]
    assert main(batch) == 0
    over = json.loads(capsys.readouterr().out)
    assert over["saturated"] and over["classes"][0]["ttft_s"] is None and over["requests_per_s"] < 100
    monkeypatch.setattr(replicate, "Settings", bounded)
    assert main(batch) == 0
    stopped = json.loads(capsys.readouterr().out)
    assert stopped["saturated"] and "in the system" in stopped["why_saturated"]


def test_a_cache_that_holds_no_request_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = toml_case(tmp_path, "settings = { cache_tokens = 160 }\n")
    assert main(["simulate", path, *QUICK]) == 2
    error = capsys.readouterr().err
    assert "256 + 64 tokens" in error and "160 tokens" in error and error.count("\n") == 1
    assert main(["simulate", toml_case(tmp_path).replace("case.toml", "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_a_model_larger_than_the_device_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--batch", case_file(tmp_path, model="llama-3.1-70b"), *QUICK]) == 0
    error = json.loads(capsys.readouterr().out)["error"]
    assert "llama-3.1-70b" in error and "more devices" in error


def test_an_interrupted_sweep_is_resumed_from_its_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, journal = tmp_path / "cases.jsonl", tmp_path / "journal"
    cases.write_text("\n".join(json.dumps({**CASE, "id": str(n), "isl": 100 + n}) for n in range(4)))
    whole = ["simulate", "--batch", str(cases), *QUICK]
    main(whole)
    expected = capsys.readouterr().out
    assert main([*whole, "--resume", str(journal)]) == 0
    lines = [line for line in journal.read_text().splitlines() if line]
    journal.write_text(lines[0] + "\n" + lines[1][: len(lines[1]) // 2])
    capsys.readouterr()
    assert main([*whole, "--resume", str(journal)]) == 0
    assert capsys.readouterr().out == expected
    entries = [line for line in journal.read_text().splitlines() if line.endswith("}")]
    assert len({json.loads(line)["key"] for line in entries}) == len(entries) == 4
    journal.write_text("hello\n")
    assert main([*whole, "--resume", str(journal)]) == 2
    assert "no journal" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "parquet"])
def test_summaries_and_requests_are_written_in_every_format(ending: str, tmp_path: Path) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow comes with the extra 'tables'")
    summary, log = tmp_path / f"summary.{ending}", tmp_path / f"log.{ending}"
    assert main(["simulate", toml_case(tmp_path), *QUICK, "-o", str(summary), "--log", str(log)]) == 0
    rows = read(log)
    assert len(rows) >= 300
    first = {key: float(value) for key, value in rows[0].items()}
    assert first["arrival_s"] <= first["scheduled_s"] < first["first_token_s"] < first["last_token_s"]
    assert first["input_tokens"] == 256 and first["preemptions"] == 0
    if ending == "json":
        assert json.loads(summary.read_text())["format"] == "tonnage.simulation"
    else:
        (row,) = read(summary)
        assert float(row["ttft_p50_s"]) <= float(row["ttft_p99_s"]) and float(row["ttft_p95_ci95_s"]) >= 0


def read(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return list(parquet.read_table(path).to_pylist())
    text = path.read_text()
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    return (
        list(json.loads(text)) if path.suffix == ".json" else [json.loads(row) for row in text.splitlines()]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out.xlsx"], "'.xlsx'"),
        (["--log", "no/such/folder/log.csv"], "does not exist"),
        (["--rate", "3"], "give --trace too"),
        (["--trace", "none.csv"], "none.csv"),
        (["--trace", "azure2023_code", "--scaling", "stretch"], "resample or compress"),
        (["--trace", "azure2023_code"], "names its own trace"),
        (["--trace", "sharegpt_8k"], "no times of arrival"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_runs(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", toml_case(tmp_path), *QUICK, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err and captured.err.count("\n") == 1


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example = Path(__file__).parents[2] / "examples" / "simulation.toml"
    assert main(["simulate", str(example), *QUICK, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in answer["classes"]] == ["chat", "summaries"]
    assert not answer["saturated"] and answer["prefix_hit_tokens"] > 0
