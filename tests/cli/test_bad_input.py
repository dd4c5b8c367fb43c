"""Bad input through the command: one line that says what to do, exit 2, no output, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tonnage.cli import main

PROFILE = Path(__file__).parents[1] / "captures" / "profiles" / "epyc-2cpu.json"
SCENARIO = """
[traffic]
requests_per_s = 20.0
prompt_tokens = 1024
output_tokens = 256
[slo]
ttft_p95_s = 0.5
[candidates]
devices = ["nvidia-l4"]
models = ["llama-3.1-8b"]
formats = ["FP8"]
engines = ["vllm"]
api = false
"""
CLASS = '[[traffic.class]]\nname = "{0}"\nrequests_per_s = 2\nprompt_tokens = 9\noutput_tokens = 9\n'
CAPACITY = '[[capacity]]\ndevice = "nvidia-l4"\nmodel = "llama-3.1-8b"\nweights = "FP8"\n'
WHOLE = "requests_per_s = 20.0\nprompt_tokens = 1024\noutput_tokens = 256"

CASE = ["predict", "--device", "nvidia-l4", "--model", "llama-3.1-8b", "--weights", "FP8"]
FLAGS = ["plan", "--qps", "1", "--prompt", "9", "--output", "9"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a file and a folder in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must be refused, and return the one line it says."""

    def run(*words: object) -> str:
        before = contents(folder)
        assert main([str(word) for word in words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("tonnage: ")
        assert err.count("\n") == 1 and err.endswith("\n")
        assert "Traceback" not in err
        assert contents(folder) == before
        return err

    return run


def altered(change: Callable[[dict], object]) -> bytes:
    data = json.loads(PROFILE.read_text())
    change(data)
    return json.dumps(data).encode()


BAD_FILES = {
    "empty": (b"", "not valid JSON"),
    "truncated": (PROFILE.read_bytes()[:5000], "the file may be cut off"),
    "binary": (bytes(range(256)) * 9, "not a UTF-8 text file"),
    "list": (b"[]", "tonnage."),
    "foreign": (b'{"format": "parquet", "version": 1}', "found format 'parquet'"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "digits": (b'{"format": ' + b"9" * 5000 + b"}", "thousands of digits"),
    "surrogate": (altered(lambda one: one["machine"].update(hostname="\ud800")), "surrogate pair"),
}
BAD_PROFILES = {
    **BAD_FILES,
    "future": (altered(lambda one: one.update(version=99)), "newer than this Tonnage reads (1); update"),
    "version": (altered(lambda one: one.update(version="one")), "not a positive whole number"),
    "gap": (altered(lambda one: one.pop("machine")), "machine is missing"),
    "nan": (altered(lambda one: one["measurements"][0].update(flop=float("nan"))), "flop = nan"),
    "negative": (altered(lambda one: one["measurements"][0].update(bytes=-1)), "bytes = -1"),
    "unknown key": (altered(lambda one: one.update(colour="red")), "colour = 'red'"),
}
READERS_OF_PROFILES = {
    "fit": ["fit", "bad.json"],
    "predict": ["predict", "--device", "bad.json", "--model", "llama-3.2-1b", "--weights", "F16"],
    "plan": ["plan", "scenario.toml", "--set", 'candidates.owned=[{profile = "bad.json"}]'],
    "compare": ["bench", "compare", "bad.json", PROFILE],
    "resume": ["bench", "--resume", "-o", "bad.json", "--kernels", "ssm_scan"],
}
READERS_OF_PLANS = {
    "report": ["report", "bad.json"],
    "diff": ["plan", "diff", "bad.json", "bad.json"],
}


@pytest.mark.parametrize("words", READERS_OF_PROFILES.values(), ids=READERS_OF_PROFILES)
@pytest.mark.parametrize(("data", "says"), BAD_PROFILES.values(), ids=BAD_PROFILES)
def test_a_bad_profile_is_refused(
    refused: Callable[..., str], folder: Path, words: list[object], data: bytes, says: str
) -> None:
    (folder / "bad.json").write_bytes(data)
    said = refused(*words)
    assert "bad.json" in said
    assert says in said


@pytest.mark.parametrize("words", READERS_OF_PLANS.values(), ids=READERS_OF_PLANS)
@pytest.mark.parametrize(("data", "says"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_plan_is_refused(
    refused: Callable[..., str], folder: Path, words: list[object], data: bytes, says: str
) -> None:
    (folder / "bad.json").write_bytes(data)
    said = refused(*words)
    assert "bad.json" in said
    assert says in said


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "none.json"],
        ["predict", "--device", "none.json", "--model", "llama-3.2-1b", "--weights", "F16"],
        ["predict", "--device", "nvidia-l4", "--model", "none.gguf", "--weights", "F16"],
        ["predict", "--batch", "none.jsonl"],
        ["plan", "none.toml"],
        ["plan", "diff", "none.json", "none.json"],
        ["report", "none.json"],
        ["bench", "compare", "none.json", "none.json"],
        ["quickstart", "none.toml"],
        ["catalog", "check", "none.toml"],
    ],
    ids=" ".join,
)
def test_a_missing_file_is_named(refused: Callable[..., str], words: list[str]) -> None:
    said = refused(*words)
    assert "none." in said
    assert "no such file; check the path" in said


@pytest.mark.parametrize(
    "words", [["fit"], ["report"], ["plan"], ["predict", "--batch"], ["catalog", "check"]]
)
def test_a_folder_is_no_file(refused: Callable[..., str], words: list[str]) -> None:
    assert "sub: Is a directory" in refused(*words, "sub")


WRITERS = {
    "probe": ["probe", "-o"],
    "doctor": ["doctor", "--report"],
    "bench": ["bench", "--kernels", "ssm_scan", "-o"],
    "fit": ["fit", PROFILE, "-o"],
    "plan": ["plan", "scenario.toml", "-o"],
}


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere/out.json", "the folder nowhere does not exist; make it first"),
        ("file/out.json", "file is a file, not a folder"),
        ("sub", "is a folder; name a file in it"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused(
    refused: Callable[..., str], words: list[object], path: str, says: str
) -> None:
    assert says in refused(*words, path)


def test_a_report_that_cannot_be_written_is_refused(
    refused: Callable[..., str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "given.toml").write_text(
        f'[traffic]\n{WHOLE}\n{CAPACITY}requests_per_s = 9\n[[price]]\ndevice = "nvidia-l4"\nusd_per_h = 1\n'
    )
    assert main(["plan", "given.toml", "-o", "plan.json", "--json"]) == 0
    capsys.readouterr()
    assert "the folder nowhere does not exist" in refused("report", "plan.json", "-o", "nowhere/out.pdf")
    assert "file is a file" in refused("report", "plan.json", "-o", "out.pdf", "--html", "file/out.html")
    assert "is a folder" in refused("report", "plan.json", "-o", "sub")


@pytest.mark.parametrize("output", ["nowhere/run", "file/run", "file"])
def test_quickstart_looks_at_its_folder_first(refused: Callable[..., str], output: str) -> None:
    assert "folder" in refused("quickstart", "-o", output)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("= 20.0", "= -20.0", "must be a positive number of requests per second, not -20.0"),
        ("= 20.0", "= 0", "must be a positive number of requests per second, not 0"),
        ("= 20.0", "= nan", "must be a finite number of requests per second, not nan"),
        ("= 20.0", "= inf", "must be a finite number of requests per second, not inf"),
        ("= 20.0", "= true", "must be a number, not True"),
        ("= 20.0", '= "20 parsecs"', "cannot be read in requests per second; write e.g. 20/s"),
        ("= 1024", "= -5", "must be at least 1 token, not -5"),
        ("= 1024", "= nan", "must be a finite number of tokens"),
        ("= 0.5", "= -0.5", "must be a positive number of seconds, not -0.5"),
        ("= 0.5", '= "0.5 parsecs"', "cannot be read in seconds; write e.g. 500ms"),
        ("= 0.5", '= "500"', 'write "500ms" if milliseconds are meant'),
        ("ttft_p95_s", "ttft_p95", "near names: ttft_p95_s"),
        ("[slo]", "[slos]", "near names: slo"),
        ("nvidia-l4", "nvidia-l5", "unknown device 'nvidia-l5'; near names: nvidia-l4"),
        ("llama-3.1-8b", "llama-3.1-9b", "unknown model 'llama-3.1-9b'; near names: llama-3.1-8b"),
        ("FP8", "FP9", "unknown weight format 'FP9'; near names: FP8"),
        ("vllm", "vlm", "unknown engine 'vlm'; near names: vllm"),
        ('["nvidia-l4"]', "[]", "nothing to choose from"),
        ("[slo]", "[quality]\nmmlu_min = 750\n[slo]", "between 0 and 100 percent, not 750"),
        ("[slo]", "[quality]\nmlu_min = 75\n[slo]", "near names: mmlu_min"),
        ("[slo]", '[budget]\nusd_per_month = "20000 EUR"\n[slo]', "not in US dollars; convert it"),
        ("[slo]", "[budget]\neur_per_month = 20000\n[slo]", "near names: usd_per_month"),
        ("[slo]", "[budget]\nusd_per_month = -1\n[slo]", "must be a positive number of USD per month"),
        (
            "[slo]",
            '[[price]]\ndevice = "nvidia-l4"\nusd_per_h = -1\n[slo]',
            "positive number of USD/h, not -1",
        ),
        ("[slo]", '[[price]]\ndevice = "nvidia-l4"\nusd_per_h = 0\n[slo]', "positive number of USD/h, not 0"),
        ("[slo]", '[[price]]\ndevice = "nvidia-l5"\nusd_per_h = 1\n[slo]', "near names: nvidia-l4"),
        ("[slo]", f"{CAPACITY}requests_per_s = -3\n[slo]", "positive number of requests per second, not -3"),
        ("output_tokens = 256", "output_tok", "not valid TOML"),
        (f"[traffic]\n{WHOLE}", "", "has no [traffic]"),
        (WHOLE, 'trace = "none.csv"', "none.csv"),
        (f"[traffic]\n{WHOLE}", CLASS.format("a") * 2, "class names must differ"),
        (
            f"[traffic]\n{WHOLE}\n[slo]",
            f'{CLASS.format("a")}{CLASS.format("b")}{CAPACITY}class = "a"\nrequests_per_s = 3\n[slo]',
            "has no entry for class 'b'; add one",
        ),
        (
            f"[traffic]\n{WHOLE}\n[slo]",
            f'{CLASS.format("a")}{CAPACITY}class = "z"\nrequests_per_s = 3\n[slo]',
            "unknown traffic class in [[capacity]] 'z'",
        ),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(
    refused: Callable[..., str], folder: Path, old: str, new: str, says: str
) -> None:
    assert old in SCENARIO
    (folder / "scenario.toml").write_text(SCENARIO.replace(old, new, 1))
    assert says in refused("plan", "scenario.toml")


@pytest.mark.parametrize("data", [b"", bytes(range(256)), b"\0" * 50, b"[traffic", b"\xef\xbb\xbf\xff"])
def test_rubbish_is_no_scenario_and_no_catalog(
    refused: Callable[..., str], folder: Path, data: bytes
) -> None:
    (folder / "scenario.toml").write_bytes(data)
    refused("plan", "scenario.toml")
    refused("catalog", "check", "scenario.toml")


@pytest.mark.parametrize(
    "hostile",
    ["x = " + "[" * 5_000, "x = " + "{a = " * 5_000, "x = " + "9" * 5_000],
    ids=["lists", "tables", "digits"],
)
@pytest.mark.parametrize(
    "words",
    [["plan"], ["cascade"], ["simulate"], ["catalog", "check"], ["plan", "scenario.toml", "--fixed"]],
    ids=" ".join,
)
def test_toml_that_python_itself_chokes_on_is_refused(
    folder: Path, refused: Callable[..., str], words: list[str], hostile: str
) -> None:
    (folder / "hostile.toml").write_text(hostile)
    assert "hostile.toml" in refused(*words, "hostile.toml")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan", "scenario.toml", "--set", "slo.tpot_p95_s=" + "[" * 5_000], "slo.tpot_p95_s"),
        (["plan", "scenario.toml", "--set", "slo.tpot_p95_s=" + "9" * 5_000], "slo.tpot_p95_s"),
        ([*FLAGS, "--qps", "-1"], "positive number of requests per second, not -1"),
        ([*FLAGS, "--qps", "nan"], "'nan' cannot be read in requests per second"),
        ([*FLAGS, "--qps", "inf"], "'inf' cannot be read in requests per second"),
        ([*FLAGS, "--ttft-p95", "500"], 'write "500ms" if milliseconds are meant'),
        ([*FLAGS, "--tpot-p95", "5 lightyears"], "write e.g. 500ms"),
        ([*FLAGS, "--budget", "5/fortnight"], "units: /month"),
        ([*FLAGS, "--budget", "5 EUR"], "not in US dollars"),
        ([*FLAGS, "--confidence", "2"], "must be a probability"),
        ([*FLAGS, "--spare", "-1"], "whole number of at least 0, not -1"),
        ([*FLAGS, "--engine", "vlm"], "near names: vllm"),
        ([*FLAGS, "--pareto", "cost,foo"], "not 'foo'"),
        (["plan"], "give a scenario file, or flags"),
        (["plan", "scenario.toml", "--set", "x"], "--set takes KEY=VALUE"),
        (["plan", "scenario.toml", "--set", "slo.nope=1"], "unknown key in [slo] 'nope'"),
        ([*CASE, "--device", "nvidia-l5"], "near names: nvidia-l4"),
        ([*CASE, "--model", "llama-3.1-9b"], "near names: llama-3.1-8b"),
        ([*CASE, "--weights", "FP9"], "near names: FP8"),
        ([*CASE, "--kv", "FP9"], "near names: FP8"),
        ([*CASE, "--engine", "vlm"], "near names: vllm"),
        ([*CASE, "--backend", "vulcan"], "near names: vulkan"),
        ([*CASE, "--isl", "nan"], "'nan' cannot be read in tokens"),
        ([*CASE, "--isl", "-5"], "isl = -5"),
        ([*CASE, "--isl", "1e400"], "finite number of tokens, not inf"),
        ([*CASE, "--osl", "0"], "osl = 0"),
        ([*CASE, "--context", "-1"], "context = -1"),
        ([*CASE, "--concurrency", "-1"], "concurrency = -1"),
        ([*CASE, "--tp", "0"], "tp = 0"),
        ([*CASE, "--qps", "inf"], "positive number of requests per second, not inf"),
        ([*CASE, "--qps", "1", "--saturated"], "two kinds of load"),
        (["bench", "--kernels", "gem"], "near names: gemm"),
        (["bench", "--device", "cuda:9"], "unknown device to bench 'cuda:9'; near names: cuda:0"),
        (["bench", "--budget", "soon"], "write e.g. 500ms"),
        (["quickstart", "--budget", "-1"], "positive number of seconds, not -1"),
        (["probe", "--root", "file"], "--root names a folder"),
        (["doctor", "--root", "nowhere"], "--root names a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_flag_that_makes_no_sense_is_refused(
    refused: Callable[..., str], words: list[str], says: str
) -> None:
    assert says in refused(*words)


@pytest.mark.parametrize(
    ("data", "says"),
    [(bytes(range(128, 256)), "not a UTF-8 text file"), (b"", "holds no case"), (b"\n \n", "holds no case")],
)
def test_a_file_without_cases_is_refused(
    refused: Callable[..., str], folder: Path, data: bytes, says: str
) -> None:
    (folder / "cases.jsonl").write_bytes(data)
    assert says in refused("predict", "--batch", "cases.jsonl")


@pytest.mark.parametrize(
    "line",
    ['"isl": -1', '"isl": NaN', '"isl": 1e999', '"isl": ' + "9" * 5000, '"device": "\\ud800"', '"tp": 1.5',
     '"load": "open", "requests_per_s": -2', '"load": "sideways"', '"weights": "FP9"', '"model": ""'],
    ids=range(10),
)  # fmt: skip
def test_a_bad_case_is_an_error_on_its_line_alone(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    good = '{"id": "a", "device": "nvidia-l4", "model": "llama-3.1-8b", "weights": "FP8"'
    (folder / "cases.jsonl").write_text(f"{good}}}\n{good}, {line}}}\n{good}}}\n")
    assert main(["predict", "--batch", "cases.jsonl"]) == 0
    out, err = capsys.readouterr()
    answers = [json.loads(answer) for answer in out.splitlines()]
    assert ["error" in answer for answer in answers] == [False, True, False]
    assert err == ""


def process(*words: str, **options: object) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "tonnage", *words]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)


@pytest.mark.parametrize(
    ("data", "says"), [(b"", b"holds no case"), (b'{"id": "\xff"}\n', b"not a UTF-8 text")]
)
def test_a_pipe_without_cases_is_refused(data: bytes, says: bytes) -> None:
    done = process("predict", "--batch", "-", input=data)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert says in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX pipes")
@pytest.mark.parametrize("words", ["catalog devices", "catalog models --json", "--version"])
def test_a_reader_that_has_seen_enough_is_no_error(words: str) -> None:
    done = subprocess.Popen(
        [sys.executable, "-m", "tonnage", *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert done.stdout is not None and done.stderr is not None
    done.stdout.close()
    assert done.stderr.read() == b""
    assert done.wait(timeout=30) == 0
    done.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", ["catalog devices", "probe --json", "--version"])
def test_a_full_disk_behind_the_output_is_one_line(words: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tonnage", *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"tonnage: cannot write the output: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process")
def test_ctrl_c_in_a_bench_leaves_a_profile_that_reads_and_resumes(folder: Path) -> None:
    words = [sys.executable, "-m", "tonnage", "bench", "--kernels", "ssm_scan", "--budget", "50s"]
    part = folder / "profile.json.part.jsonl"
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # a shell's background job ignores it
    ) as running:
        deadline = time.monotonic() + 60
        while not part.exists() or part.read_text().count("\n") < 3:
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err.count("\n")) == (130, "", 1)
    assert "--resume goes on from there" in err
    measured = len(json.loads((folder / "profile.json").read_text())["measurements"])
    assert measured > 0
    assert main(["bench", "--resume", "--kernels", "ssm_scan", "--budget", "1s", "--json"]) == 0
    assert len(json.loads((folder / "profile.json").read_text())["measurements"]) >= measured
