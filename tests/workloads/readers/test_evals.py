"""A user's own results: by model and by try, unbiased pass^k, and the one line that each mistake gets."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest

from planner.fleet.tasks.solvers import solver
from tonnage.errors import TonnageError
from workloads.readers.evals import read_evals
from workloads.scenario import Scenario
from workloads.scenario_toml.file import parse_scenario
from workloads.tasks import Success


def read(folder: Path, text: str, name: str = "own.csv") -> tuple[Success, ...]:
    path = folder / name
    path.write_text(text)
    return read_evals(path, benchmark="own", split="")


def test_rows_by_model_are_taken_as_they_are(tmp_path: Path) -> None:
    small, large = read(tmp_path, "model,success,pass_2,tasks,trials\nsmall,0.5,0.35,80,2\nlarge, 0.9,,80,\n")
    assert (small.model_id, small.all_of, small.tasks, small.trials) == ("small", {1: 0.5, 2: 0.35}, 80, 2)
    assert (large.first_try, large.ks, large.trials) == (0.9, (1,), None)


def test_rows_by_try_give_the_share_of_all_choices_of_k_tries(tmp_path: Path) -> None:
    tries = {"t1": [1, 1, 1, 0], "t2": [1, 0, 0, 1, 1], "t3": [0, 0, 0, 0], "t4": [1, 1, 1, 1]}
    rows = [f"m,{task},{result}" for task, results in tries.items() for result in results]
    (found,) = read(tmp_path, "\n".join(["model,task,success", *rows]))
    assert (found.tasks, found.trials) == (4, 4)
    for k in (1, 2, 3, 4):
        shares = []
        for results in tries.values():
            chosen = list(combinations(results, k))
            shares.append(sum(all(one) for one in chosen) / len(chosen))
        assert found.all_of[k] == pytest.approx(sum(shares) / 4)


def test_json_says_the_same_as_csv(tmp_path: Path) -> None:
    rows = [{"model": "m", "task": "t", "success": True}, {"model": "m", "task": "t", "success": False}]
    assert (
        read(tmp_path, json.dumps(rows), "own.json")[0].all_of
        == read(tmp_path, "model,task,success\nm,t,pass\nm,t,fail\n")[0].all_of
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        ("model,success\n,0.5\n", "row 1 has no model"),
        ("model,sucess\nm,0.5\n", "unknown column 'sucess'"),
        ("model,success\nm,50\n", "must be between 0 and 1, not 50; write 0.5 if percent are meant"),
        ("model,success\nm,good\n", "must be a share between 0 and 1, not 'good'"),
        ("model,tasks\nm,5\n", "row 1 has no success"),
        ("model,success,pass_2\nm,0.5,0.6\n", "pass_k cannot grow with k"),
        ("model,success\nm,0.5\nm,0.6\n", "m is given twice"),
        ("model,task,success\nm,t,0.5\n", "success must be 1 or 0, not '0.5'"),
        ("model,success,tasks\nm,0.5,1.5\n", "tasks must be a whole number of at least 1"),
        ("model,success\nm,0.5,7\n", "row 1 has more cells than the heading"),
        ("model,task,success\nm,t,1\nm,,1\n", "some rows have a task and others have none"),
    ],
)
def test_a_mistake_gets_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TonnageError, match=re.escape(said)) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "text"), [("own.json", "{"), ("own.json", "{}"), ("own.txt", "a")])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(TonnageError):
        read(tmp_path, text, name)


def scenario(folder: Path, task: dict[str, object]) -> Scenario:
    traffic = {"requests_per_s": 1, "prompt_tokens": 10, "output_tokens": 10}
    return parse_scenario({"traffic": traffic, "task": task}, where="s.toml", folder=folder)


def test_own_results_come_before_published_ones_and_those_of_a_format_before_those_of_none(
    tmp_path: Path,
) -> None:
    (tmp_path / "own.csv").write_text("model,weights,success\nglm-5,,0.7\nglm-5,FP8,0.6\n")
    task = scenario(tmp_path, {"benchmark": "tau2-bench", "split": "airline", "evals": "own.csv"}).task
    assert task is not None

    def found(model: str, weights: str | None) -> tuple[str, float]:
        one = solver(task, model, weights)
        assert one is not None
        return one.name, one.fit.tries.mean

    assert found("glm-5", "FP8") == ("glm-5 FP8", 0.6)
    assert found("glm-5", "BF16") == found("glm-5", None) == ("glm-5", 0.7)
    assert found("qwen3-next-80b-a3b", "FP8") == ("qwen3-next-80b-a3b", 0.455)
    assert solver(task, "no-such-model", None) is None


def test_results_of_ones_own_need_no_benchmark(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("model,success\nglm-5,0.7\n")
    task = scenario(tmp_path, {"evals": "own.csv"}).task
    assert task is not None
    assert (task.benchmark, task.named(), len(task.rates)) == ("own", "own", 1)


def test_a_format_takes_off_what_a_source_gives_on_that_very_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalog has losses on MMLU alone, which say nothing of tasks; a source of one's own may."""
    task = scenario(tmp_path, {"benchmark": "tau2-bench", "split": "airline"}).task
    assert task is not None
    plain = solver(task, "qwen3-next-80b-a3b", "Q4_K_M")
    assert plain is not None
    assert (plain.name, plain.loss_frac) == ("qwen3-next-80b-a3b", None)
    loss = '{ benchmark = "tau2-bench", loss_frac = 0.1, model = "m", model_params = 1e9, source = "mine" }'
    (tmp_path / "format_losses.toml").write_text(f'["Q4_K_M"]\nlosses = [{loss}]\n')
    monkeypatch.setenv("TONNAGE_DATA", str(tmp_path))
    less = solver(task, "qwen3-next-80b-a3b", "Q4_K_M")
    assert less is not None
    assert (less.name, less.loss_frac) == ("qwen3-next-80b-a3b Q4_K_M", 0.1)
    assert less.fit.tries.mean == pytest.approx(0.9 * plain.fit.tries.mean)
    whole = solver(task, "qwen3-next-80b-a3b", "BF16")
    assert whole is not None
    assert (whole.name, whole.loss_frac) == ("qwen3-next-80b-a3b", 0.0)
