"""`tonnage bench` through the command: bad input, a kill, Ctrl-C, and going on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1"}


def command(*arguments, cwd):
    return [sys.executable, "-m", "tonnage", "bench", *arguments], {
        "cwd": cwd, "env": ENVIRONMENT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
        "preexec_fn": hear_ctrl_c if sys.platform != "win32" else None,
    }  # fmt: skip


def hear_ctrl_c():
    """Undo what a shell's background job hands down: SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def bench(*arguments, cwd):
    words, options = command(*arguments, cwd=cwd)
    return subprocess.run(words, timeout=120, check=False, **options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "nonsense"], "--budget = 'nonsense' cannot be read in seconds"),
        (["--budget", "60 parsecs"], "units: s, sec, ms"),
        (["--budget=-5s"], "--budget must be a positive number of seconds, not -5.0"),
        (["--budget", "nan"], "--budget = 'nan' cannot be read"),
        (["--budget", "0"], "--budget must be a positive number"),
        (["--kernels", "copi"], "unknown kernel 'copi'; near names: copy"),
        (["--kernels", ""], "unknown kernel ''"),
        (["--device", "cuda:7"], "unknown device to bench 'cuda:7'"),
        (["-o", "nowhere/profile.json"], "the folder nowhere does not exist"),
        (["-o", "."], "is a folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_2_and_no_file(tmp_path, arguments, said):
    done = bench(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_quick_bench_writes_a_profile_and_prints_only_json(tmp_path):
    done = bench("--budget", "3s", "--kernels", "ssm_scan", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "profile.json").read_text())
    assert printed["format"] == "tonnage.profile"
    assert {one["kernel"] for one in printed["measurements"]} <= {"ssm_scan"}


def wait_for_lines(path, count, process):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().count("\n") >= count:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    raise AssertionError(f"{path} did not grow to {count} lines")


def by_shape(measurements):
    """Return measurements by shape: a later one, measured again, replaces the earlier."""
    return {str(one["shape"]): one for one in measurements}


def test_a_kill_loses_at_most_the_sample_in_flight_and_resume_goes_on(tmp_path):
    words, options = command("--budget", "50s", "--kernels", "ssm_scan", cwd=tmp_path)
    part = tmp_path / "profile.json.part.jsonl"
    with subprocess.Popen(words, **options) as process:
        wait_for_lines(part, 3, process)
        process.send_signal(signal.SIGKILL)
    lines = part.read_text().split("\n")
    kept = by_shape(json.loads(line)["measurement"] for line in lines[1:-1])
    assert not (tmp_path / "profile.json").exists()
    done = bench("--budget", "0.2s", "--kernels", "ssm_scan", "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    resumed = by_shape(json.loads((tmp_path / "profile.json").read_text())["measurements"])
    assert kept
    assert {shape: resumed[shape] for shape in kept} == kept
    assert not part.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process")
def test_ctrl_c_keeps_what_was_measured_and_says_how_to_go_on(tmp_path):
    words, options = command("--budget", "50s", "--kernels", "ssm_scan", cwd=tmp_path)
    with subprocess.Popen(words, **options) as process:
        wait_for_lines(tmp_path / "profile.json.part.jsonl", 3, process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.count("\n") == 1
    assert "what was measured so far is in profile.json; --resume goes on from there" in said
    profile = json.loads((tmp_path / "profile.json").read_text())
    assert not profile["complete"]
    assert profile["measurements"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["profile.json"]


def test_resume_from_a_file_that_is_no_profile_is_refused(tmp_path):
    (tmp_path / "profile.json").write_text("[1, 2]")
    done = bench("--resume", "--budget", "1s", "--kernels", "ssm_scan", cwd=tmp_path)
    assert done.returncode == 2
    assert "a tonnage.profile file holds a JSON object" in done.stderr
    assert done.stderr.count("\n") == 1


def tonnage(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "tonnage", *words], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_compare_says_what_changed_and_refuses_what_is_no_profile(tmp_path):
    captured = Path(__file__).parents[1] / "captures" / "profiles" / "epyc-2cpu.json"
    profile = json.loads(captured.read_text())
    slowed = next(one for one in profile["measurements"] if one["stable"])
    slowed["samples_s"] = [2 * sample for sample in slowed["samples_s"]]
    slowed["time_s"] = {name: 2 * value for name, value in slowed["time_s"].items()}
    (tmp_path / "slowed.json").write_text(json.dumps(profile))
    done = tonnage("bench", "compare", str(captured), "slowed.json", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    changed = [one for one in json.loads(done.stdout)["changes"] if one["verdict"] in ("faster", "slower")]
    assert [one["time_frac"] for one in changed] == [pytest.approx(1.0)]
    said = tonnage("bench", "compare", str(captured), "slowed.json", cwd=tmp_path)
    assert "1 of" in said.stdout
    assert "slower" in said.stdout
    refused = tonnage("bench", "compare", "slowed.json", "missing.json", cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("tonnage: missing.json: ")
    assert refused.stderr.count("\n") == 1
