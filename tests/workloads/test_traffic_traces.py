"""Logs of others: real layouts in, and every kind of bad row named by row and column."""

from pathlib import Path

import numpy as np
import pytest

from tonnage.errors import FileProblem, FormatError, UnknownName
from workloads import samples
from workloads.readers.traces import read_log

HEADER = "arrival_s,input_tokens,output_tokens\n"
LAYOUTS = {
    # First rows as published: Azure 2023 code, BurstGPT_1 (quoted in its README), Mooncake conversation.
    "azure.csv": (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:04.0319600,3180,8\n",
        [0.0, 0.052],
        [4808, 3180],
        [10, 8],
    ),
    "burstgpt.csv": (
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,230,1317,Conversation log\n",
        [0.0, 40.0],
        [472, 1087],
        [18, 230],
    ),
    "mooncake.jsonl": (
        '{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}\n'
        '{"timestamp": 3052, "input_length": 7322, "output_length": 490, "hash_ids": [0, 2]}\n',
        [0.0, 3.052],
        [6758, 7322],
        [500, 490],
    ),
    "plain.csv": (HEADER + "10.5,7,3\n10.5,8,4\n", [0.0, 0.0], [7, 8], [3, 4]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_known_layouts_are_read(name: str, tmp_path: Path) -> None:
    text, arrival_s, prompt, output = LAYOUTS[name]
    (tmp_path / name).write_text(text)
    log = read_log(tmp_path / name).requests
    np.testing.assert_allclose(log.arrival_s, arrival_s, atol=1e-5)
    assert list(log.prompt_tokens) == prompt and list(log.output_tokens) == output


BAD = {
    "0,1,1\n5,1,1\n3,1,1\n": ("row 3, column arrival_s: 3 s is before the row above it", 2),
    "0,1,1\n1,-4,1\n": ("row 2, column input_tokens: '-4'", 1),
    "0,1,1\n1,,1\n": ("row 2, column input_tokens: ''", 1),
    "0,1,1\n1,2\n": ("row 2, column output_tokens: ''", 1),
    "0,1,1\n1,1,1e300\n": ("row 2, column output_tokens: '1e300'", 1),
    "0,1,1\n1,1,2.5\n": ("row 2, column output_tokens: '2.5'", 1),
    "0,1,1\n1,1,nan\n": ("row 2, column output_tokens: 'nan'", 1),
    "0,1,1\ninf,1,1\n": ("row 2, column arrival_s: 'inf'", 1),
    "0,1,1\nyesterday,1,1\n": ("row 2, column arrival_s: 'yesterday'", 1),
    "0,1,1\n1,0,1\n": ("row 2, column input_tokens: '0'", 1),
}


@pytest.mark.parametrize("rows", BAD)
def test_a_bad_row_is_named_or_counted(rows: str, tmp_path: Path) -> None:
    message, usable = BAD[rows]
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + rows)
    with pytest.raises(FormatError) as problem:
        read_log(path)
    assert message in str(problem.value) and "\n" not in str(problem.value)
    log = read_log(path, skip_bad=True)
    assert log.skipped == 1 and len(log.requests) == usable


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("empty.csv", "", "holds no requests"),
        ("head.csv", HEADER, "holds no requests"),
        ("other.csv", "a,b\n1,2\n", "columns a, b are those of no known log"),
        ("cut.jsonl", '{"timestamp": 0, "inp', "row 1 is not a JSON object"),
        ("all_bad.csv", HEADER + "x,1,1\n", "row 1, column arrival_s"),
        ("digits.jsonl", "1" * 6000, "row 1 is not a JSON object"),
        ("digits.json", "1" * 6000, "row 1 is not a JSON object"),
    ],
)
def test_a_file_that_is_no_log_is_refused(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError, match=message):
        read_log(tmp_path / name)


def test_nothing_usable_is_an_error_even_when_bad_rows_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(HEADER + "1,x,1\n")
    with pytest.raises(FormatError, match="none of its 1 rows"):
        read_log(tmp_path / "bad.csv", skip_bad=True)


def test_binary_and_missing_files_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x80" * 100)
    with pytest.raises(FormatError, match="UTF-8"):
        read_log(tmp_path / "binary.csv")
    with pytest.raises(FileProblem, match="No such file"):
        read_log(tmp_path / "none.csv")


@pytest.mark.parametrize("name", samples.names())
def test_samples_carry_their_source_and_licence(name: str) -> None:
    log, path = samples.get(name), samples.path_of(name)
    head = path.read_text().splitlines()[:2]
    assert 1000 < len(log.requests) <= 3000 and log.skipped == 0
    assert "github.com/" in head[0] and any(word in head[0] for word in ("CC-BY 4.0", "Apache-2.0", "MIT"))


def test_an_unknown_sample_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="azure2023_conv"):
        samples.get("azure2023_con")
