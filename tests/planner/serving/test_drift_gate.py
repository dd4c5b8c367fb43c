"""The command that lists moved predictions."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[3] / "benchmarks" / "predict_drift.py"


@pytest.fixture(scope="module")
def gate():
    spec = importlib.util.spec_from_file_location("predict_drift", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_moved_ones_are_listed_furthest_first_with_what_came_and_went(gate):
    before = {("a", "tpot_s"): 1.0, ("b", "tpot_s"): 1.0, ("c", "tpot_s"): 1.0, ("d", "tpot_s"): 1.0}
    now = {("a", "tpot_s"): 1.005, ("b", "tpot_s"): 1.1, ("c", "tpot_s"): 0.5, ("e", "tpot_s"): 1.0}
    lines = gate.moved(before, now, 0.01)
    assert [line.split()[0] for line in lines] == ["d", "e", "c", "b"]
    assert "-50.0 %" in lines[2]


def test_a_stored_grid_is_read_as_it_was_written(gate, tmp_path):
    values = {("a b", "tpot_s"): 0.0123, ("a, c", "ttft_s"): 4.5}
    path = tmp_path / "grid.csv"
    path.write_text(gate.written(values))
    assert gate.read(path) == values


def test_the_stored_grid_holds_the_cases_that_are_asked(gate):
    asked = {case.id for case in gate.cases()}
    assert {case for case, _ in gate.read(gate.GRID)} == asked
