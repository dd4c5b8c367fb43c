"""Where compiled code is kept: in a folder of one's own that can be written, and nowhere if there is none."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.simulate.kernel import jit

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    jit.cache_folder.cache_clear()
    yield
    jit.cache_folder.cache_clear()


def test_the_folder_that_is_asked_for_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = jit.cache_folder()
    assert folder is not None and folder.parent == tmp_path and folder.is_dir() and not jit.is_kept()


def test_one_that_cannot_be_written_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    folder = jit.cache_folder()
    assert folder is not None and blocked not in folder.parents


def test_without_any_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(jit, "_parents", lambda _here: iter([blocked]))
    assert jit.cache_folder() is None and not jit.is_kept()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no owner here")
def test_a_folder_that_others_may_write_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    planted = jit.cache_folder()
    assert planted is not None
    planted.chmod(0o777)
    jit.cache_folder.cache_clear()
    assert jit.cache_folder() != planted


@pytest.mark.slow
def test_a_simulation_runs_without_a_folder_to_keep_code_in(tmp_path: Path) -> None:
    """Compiles in this process: some ten seconds."""
    code = (
        "from planner.simulate.kernel import jit; jit._parents = lambda here: iter(());"
        "import tonnage; case = {'device': 'nvidia-l4', 'model': 'llama-3.1-8b', 'weights': 'FP8',"
        " 'load': 'open', 'requests_per_s': 1.0};"
        "print(tonnage.simulate(case, requests=300, replications=1).classes[0].requests)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100
