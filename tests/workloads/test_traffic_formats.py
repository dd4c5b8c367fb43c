"""Results of load generators, prefix hashes, Parquet and rates: read as published, or refused."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tonnage.errors import FormatError, TonnageError
from workloads.arrivals import arrival_times
from workloads.readers.prefix_groups import BLOCK_TOKENS, prefix_groups
from workloads.readers.rates import read_rates
from workloads.readers.traces import read_log
from workloads.traffic import Arrivals

# Keys as `vllm bench serve --save-detailed` writes them; requests in the order in which they ended.
VLLM = {
    "backend": "vllm",
    "input_lens": [100, 300, 200],
    "output_lens": [10, 30, 20],
    "start_times": [5.0, 9.5, 7.0],
    "ttfts": [0.1, 0.1, 0.1],
}
OLD_GUIDELLM = {
    "benchmarks": [
        {
            "requests": {
                "successful": [
                    {"start_time": 12.0, "prompt_tokens": 7, "output_tokens": 3},
                    {"start_time": 11.0, "prompt_tokens": 8, "output_tokens": 4},
                ],
                "errored": [{"start_time": 1.0, "prompt_tokens": 1, "output_tokens": 0}],
            }
        }
    ]
}
NEW_GUIDELLM = {
    "benchmarks": [
        {
            "requests": {
                "successful": [
                    {
                        "info": {"timings": {"request_start": 2.5}},
                        "input_metrics": {"text_tokens": 9},
                        "output_metrics": {"text_tokens": 5},
                    }
                ]
            }
        }
    ]
}


def written(tmp_path: Path, document: object, name: str = "run.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document))
    return path


def test_a_vllm_result_is_read_in_the_order_of_its_starts(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, VLLM))
    np.testing.assert_allclose(log.requests.arrival_s, [0.0, 2.0, 4.5])
    assert list(log.requests.prompt_tokens) == [100, 200, 300]
    assert list(log.requests.output_tokens) == [10, 20, 30]


def test_a_vllm_result_without_start_times_has_lengths_alone(tmp_path: Path) -> None:
    old = {key: value for key, value in VLLM.items() if key != "start_times"}
    log = read_log(written(tmp_path, old))
    assert not log.timed and list(log.requests.prompt_tokens) == [100, 300, 200]


@pytest.mark.parametrize(("document", "prompts"), [(OLD_GUIDELLM, [8, 7]), (NEW_GUIDELLM, [9])])
def test_successful_requests_of_guidellm_are_read(
    document: object, prompts: list[int], tmp_path: Path
) -> None:
    assert list(read_log(written(tmp_path, document)).requests.prompt_tokens) == prompts


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**VLLM, "output_lens": [1]}, "lists of one length"),
        ({**VLLM, "output_lens": [10, 0, 20]}, "row 2, column output tokens: '0'"),
        ({"benchmarks": [{"metrics": {}}]}, "without its requests"),
        ({"benchmarks": [{"requests": {"successful": [{"start_time": 1.0}]}}]}, "column input tokens: ''"),
    ],
)
def test_broken_results_are_refused_by_row_and_column(document: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as problem:
        read_log(written(tmp_path, document))
    assert message in str(problem.value) and "\n" not in str(problem.value)


def test_a_failed_request_can_be_left_out_and_the_first_is_named(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, {**VLLM, "output_lens": [10, 0, 20]}), skip_bad=True)
    assert log.skipped == 1 and "row 2" in log.first_bad and list(log.requests.prompt_tokens) == [100, 200]


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow comes with the extra 'tables'")
    from pyarrow import parquet

    columns = {"arrival_s": [0.0, 1.5], "input_tokens": [7, 8], "output_tokens": [3, 4]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "log.parquet")
    requests = read_log(tmp_path / "log.parquet").requests
    assert list(requests.arrival_s) == [0.0, 1.5] and list(requests.output_tokens) == [3, 4]
    (tmp_path / "no.parquet").write_text("nothing of the kind")
    with pytest.raises(TonnageError, match=r"no\.parquet"):
        read_log(tmp_path / "no.parquet")


def test_chained_hashes_become_groups_that_share_exactly_what_was_seen() -> None:
    hashes = [
        [0, 1, 2],  # a new text
        [0, 1, 2, 3, 4],  # goes on with all of it
        [0, 1, 2, 3, 9],  # shares four fifths of itself
        [7, 8],  # another text
        [0, 1, 2, 3, 4, 5],  # goes on where the second ended
    ]
    tokens = np.array([len(row) * BLOCK_TOKENS - 100 for row in hashes])
    found = prefix_groups(hashes, tokens)
    assert list(found.group) == [0, 0, 0, 1, 0]
    assert list(found.prefix_tokens // BLOCK_TOKENS) == [0, 3, 4, 0, 5]
    assert np.all(found.prefix_tokens <= tokens) and np.all(found.keep_tokens <= tokens)


def test_grouped_reuse_is_never_more_than_an_unlimited_cache_finds() -> None:
    """Brute force: blocks seen before, whoever sent them."""
    draw = np.random.default_rng(0)
    texts = [list(range(100 * n, 100 * n + 40)) for n in range(6)]
    hashes = [[*texts[draw.integers(6)][: draw.integers(1, 40)], 10_000 + n] for n in range(400)]
    tokens = np.array([len(row) * BLOCK_TOKENS for row in hashes])
    seen: set[int] = set()
    most = 0
    for row in hashes:
        most += sum(block in seen for block in row)
        seen.update(row)
    found = int(prefix_groups(hashes, tokens).prefix_tokens.sum()) // BLOCK_TOKENS
    assert 0.5 * most < found <= most


def test_mooncake_hashes_reach_the_requests(tmp_path: Path) -> None:
    rows = [
        {"timestamp": 0, "input_length": 1500, "output_length": 5, "hash_ids": [0, 1, 2]},
        {"timestamp": 900, "input_length": 2000, "output_length": 5, "hash_ids": [0, 1, 2, 3]},
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    requests = read_log(tmp_path / "m.jsonl").requests
    assert requests.groups == 1 and requests.prefix_tokens is not None
    assert list(requests.prefix_tokens) == [0, 3 * BLOCK_TOKENS]


def test_shipped_rates_are_followed_window_by_window() -> None:
    arrivals = read_rates("servegen", workload="reason/deepseek-r1", requests_per_s=0.5)
    assert len(arrivals.rates) == 144 and arrivals.window_s == 600
    times = next(arrival_times(arrivals, 0, chunk=60_000))
    times = times[times < 86_400]
    counts = np.histogram(times, bins=144, range=(0, 86_400))[0]
    expected = np.array(arrivals.rates) / np.mean(arrivals.rates) * 0.5 * 600
    # Chi-square of Poisson counts: mean 144, standard deviation 17.
    assert np.sum((counts - expected) ** 2 / expected) < 144 + 4 * 17


def test_gaps_of_a_profile_can_be_bursty() -> None:
    flat = {"process": "profile", "rates": (1.0,), "requests_per_s": 2.0}
    for cv in (1.0, 2.5):
        gaps = np.diff(next(arrival_times(Arrivals(**flat, gap_cv=cv), 0)))
        assert np.std(gaps) / np.mean(gaps) == pytest.approx(cv, rel=0.05)
        assert np.mean(gaps) == pytest.approx(0.5, rel=0.05)


def test_windows_without_traffic_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("t_s,rate_rps\n0,2\n60,4\n180,6\n")
    assert read_rates(str(path)).rates == (2.0, 4.0, 0.0, 6.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns t_s and rate_rps"),
        ("a,b\n1,2\n", "columns t_s and rate_rps"),
        ("t_s,rate_rps\n0,1\n60,-1\n", "row 2, column rate_rps: '-1'"),
        ("t_s,rate_rps\n0,1\n60,\n", "row 2, column rate_rps"),
        ("t_s,rate_rps\n60,1\n0,1\n", "later than the one before"),
        ("t_s,rate_rps\n0,1\n", "two windows"),
        ("t_s,rate_rps\n0,0\n60,0\n", "all rates are 0"),
    ],
)
def test_bad_rates_are_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(text)
    with pytest.raises(FormatError) as problem:
        read_rates(str(path))
    assert message in str(problem.value)


def test_the_windows_of_shipped_rates_are_whole_days() -> None:
    for name in ("reason/deepseek-r1", "language/m-large", "multimodal/mm-image"):
        rates = read_rates("servegen", workload=name).rates
        assert len(rates) == 144 and any(a != b for a, b in pairwise(rates))
