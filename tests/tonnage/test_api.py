"""The library's front door: every verb is there, and what a file says may be said in Python."""

from pathlib import Path

import pytest

import tonnage
from tonnage import api
from tonnage.errors import TonnageError
from tonnage.toml_text import parse_toml

EXAMPLE = Path(__file__).parents[2] / "examples" / "mixed_lengths.toml"


def test_every_function_of_the_front_door_is_a_name_of_the_package() -> None:
    assert set(api.__all__) == set(tonnage.__all__) - {"__version__"}
    assert all(callable(getattr(tonnage, name)) for name in api.__all__)


def test_tables_in_python_are_the_scenario_of_the_file_that_has_them() -> None:
    tables = parse_toml(EXAMPLE.read_text(encoding="utf-8"), where="example")
    asked = {"created_at": None}
    assert tonnage.plan(tables).model_copy(update=asked) == tonnage.plan(EXAMPLE).model_copy(update=asked)
    with pytest.raises(TonnageError, match="trafic"):
        tonnage.plan({"trafic": {}})


def test_a_batch_takes_the_same_cases_as_one_prediction() -> None:
    case = {"device": "nvidia-l4", "model": "llama-3.1-8b", "weights": "FP8"}
    lost = {**case, "device": "nvidia-l5", "id": "lost"}
    first, second = tonnage.predict_batch([case, lost])
    assert first == tonnage.predict(case)
    assert second.id == "lost" and "nvidia-l5" in getattr(second, "error", "")
