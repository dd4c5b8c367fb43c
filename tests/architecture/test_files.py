"""One file, one idea: its first line says it, it is short, and its name is no grab-bag."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("tonnage", "hw_targets", "workloads", "profiler", "planner", "reports")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BANNED_NAMES = ("utils", "helpers", "common", "misc", "manager", "base")
MOST_LINES = 300
MOST_FUNCTION_LINES = 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_file_says_its_idea_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path} does not say its idea"
    assert len(text.splitlines()) <= MOST_LINES, f"{path} is longer than {MOST_LINES} lines: split it"
    assert not any(word in path.stem.split("_") for word in BANNED_NAMES), f"{path} has a grab-bag name"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MOST_FUNCTION_LINES, f"{path}:{node.lineno} {node.name} has {lines} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    if path.is_relative_to(ROOT / "tonnage" / "cli"):
        pytest.skip("the command line is where printing belongs")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in ("print", "sys.exit", "exit"), f"{path}:{node.lineno}"
