"""A local worker process that dies in the middle of a sweep, as when memory runs out."""

import json
import os
from pathlib import Path

import pytest

from planner.simulate.cases import Effort
from planner.simulate.sweep import answer_lines
from tonnage.errors import FileProblem

EFFORT = Effort(requests=200, replications=1)


def dies_once(line: str, _effort: Effort) -> str:
    """Kill the process that gets the third line for the first time."""
    data = json.loads(line)
    mark = Path(data["mark"])
    if data["id"] == 2 and not mark.exists():
        mark.touch()
        os._exit(9)
    return json.dumps({"id": data["id"]})


def dies_always(_line: str, _effort: Effort) -> str:
    """Kill every process that is asked."""
    os._exit(9)


def lines_of(tmp_path: Path, count: int) -> list[str]:
    return [json.dumps({"id": n, "mark": str(tmp_path / "mark")}) for n in range(count)]


def test_what_a_dead_worker_had_is_done_by_another_and_nothing_twice(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    lines = lines_of(tmp_path, 6)
    found = list(answer_lines(lines, EFFORT, processes=2, journal=journal, answer=dies_once))
    assert [json.loads(line)["id"] for line in found] == list(range(6))
    assert (tmp_path / "mark").exists()
    entries = [json.loads(line) for line in journal.read_text().splitlines() if line]
    assert len(entries) == len({entry["key"] for entry in entries}) == 6


def test_workers_that_always_die_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.simulate.sweep.RETRIES", 1)
    with pytest.raises(FileProblem, match="worker processes died"):
        list(answer_lines(lines_of(tmp_path, 2), EFFORT, processes=2, answer=dies_always))
