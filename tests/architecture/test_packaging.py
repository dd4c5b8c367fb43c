"""The wheel holds all it needs: installed outside the checkout, it does the main job."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a clean environment: the wheel, our dependencies, not our checkout."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    install = [sys.executable, "-m", "pip", "--quiet", "--python", str(home / "bin" / "python"), "install"]
    subprocess.run([*install, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    # A folder named in a .pth file is searched, but .pth files in it (an editable checkout) are not.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home / "bin" / "tonnage"


def run(command: Path, *words: str, cwd: Path) -> str:
    done = subprocess.run([str(command), *words], cwd=cwd, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_holds_the_six_packages_and_their_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"tonnage", "hw_targets", "workloads", "profiler", "planner", "reports"}
    assert any(name.startswith("hw_targets/catalog/") and name.endswith(".toml") for name in names)
    assert any(name.startswith("workloads/catalog/") and name.endswith(".toml") for name in names)
    assert any(name.startswith("reports/templates/") for name in names)
    assert not any("__pycache__" in name for name in names)


def test_main_job_runs_from_the_wheel(command: Path, tmp_path: Path) -> None:
    python = command.with_name("python")
    where = subprocess.run(
        [str(python), "-c", "import planner; print(planner.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert not Path(where.stdout.strip()).is_relative_to(ROOT)
    run(command, "quickstart", "--budget", "10s", "-o", str(tmp_path / "out"), cwd=tmp_path)
    assert json.loads((tmp_path / "out" / "plan.json").read_text())["feasible"] is True
    assert (tmp_path / "out" / "capacity-report.pdf").read_bytes().startswith(b"%PDF")
