"""Imports point down only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("tonnage", "hw_targets", "workloads", "profiler", "planner", "reports")
MAY_IMPORT = {
    "ground": set(),
    "hw_targets": {"ground"},
    "workloads": {"ground"},
    "profiler": {"ground", "hw_targets", "workloads"},
    "planner": {"ground", "hw_targets", "workloads", "profiler"},
    "reports": {"ground", "hw_targets", "workloads", "profiler", "planner"},
    "front": {"ground", "hw_targets", "workloads", "profiler", "planner", "reports"},
}
HEAVY = {"torch", "onnxruntime", "onnx", "numba", "matplotlib", "ray", "typst", "llama_cpp", "pyarrow"}
BACKEND_FILES = ("profiler/backends/", "planner/simulate/kernel/")
"""Folders of files that are imported only when a backend is used: their heavy imports stand on top."""
FRONT = ("tonnage/api", "tonnage/__init__.py", "tonnage/__main__.py", "tonnage/cli/")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def layer(path: Path) -> str:
    """The layer of one of our files."""
    place = path.relative_to(ROOT).as_posix()
    if not place.startswith("tonnage/"):
        return place.split("/")[0]
    return "front" if place.startswith(FRONT) else "ground"


def imports(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and dotted name of every absolute import below a node."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.lineno, node.module))
    return found


def target_layer(name: str) -> str | None:
    """The layer of an imported module, or None if it is not ours."""
    parts = name.split(".")
    if parts[0] != "tonnage":
        return parts[0] if parts[0] in PACKAGES else None
    return "front" if len(parts) > 1 and parts[1] in ("api", "api_planning", "cli") else "ground"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_down_only(path: Path) -> None:
    here = layer(path)
    for line, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        there = target_layer(name)
        if there in (None, here):
            continue
        assert there in MAY_IMPORT[here], f"{path}:{line}: {here} imports {name}"
        if here == "planner" and there == "profiler":
            assert name == "profiler.profile", f"{path}:{line}: planner sees only profiler.profile"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_heavy_libraries_are_imported_only_where_used(path: Path) -> None:
    if path.relative_to(ROOT).as_posix().startswith(BACKEND_FILES):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top_level = ast.Module(
        body=[node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], type_ignores=[]
    )
    for line, name in imports(top_level):
        assert name.split(".")[0] not in HEAVY, f"{path}:{line}: {name} is imported at the top level"


def test_the_walk_sees_the_code() -> None:
    assert len(FILES) > 40
    assert {layer(path) for path in FILES} == set(MAY_IMPORT)
