"""What others rely on: names, types and exit codes of every JSON that the command prints, key by key."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import tonnage
from planner.deployment import Case
from tests.captures import unpack
from tonnage.cli import main

TEXT, TRUTH, WHOLE = str, bool, int
NUMBER = (int, float)


class Maybe:
    """A value that may be null where nobody knows."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


class MapOf:
    """An object with free keys and values of one shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


QUANTILES = {"p10": NUMBER, "p50": NUMBER, "p90": NUMBER}
DEVICE = {
    "name": TEXT, "vendor": Maybe(TEXT), "kind": Maybe(TEXT), "catalog_id": Maybe(TEXT),
    "pci_id": Maybe(TEXT), "pci_address": Maybe(TEXT), "memory_bytes": Maybe(WHOLE), "usable": TRUTH,
    "why_not": Maybe(TEXT), "evidence": TEXT,
}  # fmt: skip
MACHINE = {
    "format": TEXT, "version": WHOLE, "hostname": Maybe(TEXT),
    "cpu": {
        "model": Maybe(TEXT), "vendor": Maybe(TEXT), "catalog_id": Maybe(TEXT),
        "physical_cores": Maybe(WHOLE), "usable_cpus": Maybe(NUMBER), "isa": [TEXT],
        "l1d_bytes": Maybe(WHOLE), "l2_bytes": Maybe(WHOLE), "l3_bytes": Maybe(WHOLE),
        "numa_nodes": Maybe(WHOLE),
    },
    "memory": {"total_bytes": Maybe(WHOLE), "usable_bytes": Maybe(WHOLE)},
    "devices": [DEVICE], "virtualized": TRUTH, "container": TRUTH, "notes": [TEXT],
}  # fmt: skip
PROFILE = {
    "format": TEXT, "version": WHOLE, "machine": MACHINE, "conditions": MapOf(object),
    "measurements": [
        {
            "kernel": TEXT, "backend": TEXT, "device": TEXT, "dtype": TEXT, "format": Maybe(TEXT),
            "shape": MapOf(WHOLE), "flop": NUMBER, "bytes": NUMBER, "samples_s": [NUMBER],
            "time_s": QUANTILES, "stable": TRUTH, "why_unstable": Maybe(TEXT),
        }
    ],
    "ceilings": {"memory_bandwidth_bytes_per_s": Maybe(NUMBER), "peak_flop_per_s": MapOf(NUMBER)},
}  # fmt: skip
PREDICTION = {
    "id": TEXT, "ttft_s": QUANTILES, "tpot_s": QUANTILES, "output_tokens_per_s": QUANTILES,
    "requests_per_s": QUANTILES, "memory_bytes": NUMBER, "fits": TRUTH, "bound": TEXT, "evidence": TEXT,
    "notes": [TEXT],
}  # fmt: skip
PERCENTILES = {
    f"{metric}_{which}_s": QUANTILES for metric in ("ttft", "tpot") for which in ("p50", "p95", "p99")
}
PLAN = {
    "format": TEXT, "version": WHOLE, "feasible": TRUTH, "objective": TEXT,
    "cost_usd_per_h": Maybe(NUMBER), "cost_usd_per_month": Maybe(NUMBER), "cost_usd_per_mtok": Maybe(NUMBER),
    "cost_usd_per_reliable_task": Maybe(NUMBER),
    "units": [
        {
            "device": TEXT, "devices_per_unit": WHOLE, "model": TEXT, "weights": TEXT, "engine": TEXT,
            "tp": WHOLE, "pp": WHOLE, "count": WHOLE, "role": TEXT, "usd_per_h": NUMBER,
            "share": MapOf(NUMBER), "utilization": NUMBER, "evidence": TEXT,
        }
    ],
    "api": [{"provider": TEXT, "model": TEXT, "share": MapOf(NUMBER), "usd_per_h": NUMBER}],
    "predicted": {
        "ttft_p95_s": Maybe(QUANTILES), "tpot_p95_s": Maybe(QUANTILES), "slo_probability": Maybe(NUMBER)
    },
    "binding": [object], "sensitivity": [object], "alternatives": [object],
    "rejected": [{"candidate": TEXT, "why": TEXT}], "relaxations": [object],
}  # fmt: skip
EVIDENCE = {"measured", "fitted", "extrapolated", "transferred", "datasheet", "assumed"}
BOUNDS = {"memory", "compute", "overhead", "network", "queue"}


def check(value: Any, shape: Any, where: str = "$") -> None:
    """Compare a JSON value with a shape; more keys than the shape has are welcome."""
    if isinstance(shape, Maybe):
        if value is not None:
            check(value, shape.shape, where)
    elif isinstance(shape, MapOf):
        assert isinstance(value, Mapping), where
        for key, part in value.items():
            check(part, shape.shape, f"{where}.{key}")
    elif isinstance(shape, dict):
        assert isinstance(value, Mapping), where
        assert not set(shape) - set(value), f"{where} lacks {set(shape) - set(value)}"
        for key, part in shape.items():
            check(value[key], part, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for number, part in enumerate(value):
            check(part, shape[0], f"{where}[{number}]")
    else:
        assert isinstance(value, shape), f"{where} = {value!r}"
        assert shape in (TRUTH, object) or not isinstance(value, bool), f"{where} = {value!r}"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Run a command whose standard output is one JSON value and nothing else."""

    def told(*words: object, code: int = 0) -> Any:
        assert main([str(word) for word in words]) == code
        out, err = capsys.readouterr()
        assert err == ""
        return json.loads(out)

    return told


HOSTS = sorted(path.stem for path in unpack.HOSTS.glob("*.txt"))


@pytest.mark.parametrize("host", HOSTS)
def test_probe_of_a_captured_host(run, tmp_path: Path, host: str) -> None:
    root = unpack.unpack((unpack.HOSTS / f"{host}.txt").read_text(encoding="utf-8"), tmp_path)
    machine = run("probe", "--json", "--root", root)
    check(machine, MACHINE)
    for device in machine["devices"]:
        assert device["evidence"] in EVIDENCE
        assert device["catalog_id"] is not None or device["why_not"]
    assert tonnage.probe(root=root).model_dump(mode="json") == machine


def test_probe_of_this_host(run) -> None:
    machine = run("probe", "--json")
    check(machine, MACHINE)
    assert machine["format"] == "tonnage.machine"
    assert machine["cpu"]["usable_cpus"] > 0
    assert 0 < machine["memory"]["usable_bytes"] <= machine["memory"]["total_bytes"]


def test_bench_writes_and_prints_a_profile(run, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    profile = run(
        "bench", "--budget", "4", "--device", "cpu", "--kernels", "copy,ssm_scan", "-o", path, "--json"
    )
    assert profile == json.loads(path.read_text())
    check(profile, PROFILE)
    assert profile["measurements"]
    for one in profile["measurements"]:
        assert one["kernel"] in ("copy", "ssm_scan")
        quantiles = one["time_s"]
        assert min(one["samples_s"]) <= quantiles["p10"] <= quantiles["p50"] <= quantiles["p90"]
        assert quantiles["p90"] <= max(one["samples_s"])
        assert one["stable"] or one["why_unstable"]
        if one["kernel"] == "copy":  # plausible only in bytes and seconds
            assert 1e8 < one["bytes"] / quantiles["p50"] < 1e14
    assert run("fit", path, "--json")["format"] == "tonnage.model"
    assert tonnage.fit(path).format == "tonnage.model"


CASES = (
    {"id": "closed", "isl": 1024, "osl": 128, "concurrency": 8},
    {"id": "open", "load": "open", "requests_per_s": 0.5, "length_spread": "uniform-0.8-1.0"},
    {"id": "saturated", "load": "saturated", "concurrency": 32},
    {"id": "bench tg", "engine": "llama.cpp", "weights": "Q4_K_M", "isl": 1, "osl": 128},
    {"id": "bench pp", "engine": "llama.cpp", "weights": "Q4_K_M", "isl": 512, "osl": 1},
    {"id": "every key", "devices": 4, "kv": "FP8", "engine": "sglang", "engine_version": "99.9",
     "backend": None, "tp": 2, "pp": 2, "attention_dp": 1, "moe_tp": 1, "moe_ep": 1, "isl": 256, "osl": 64,
     "context": 4096, "length_spread": "fixed", "concurrency": 4, "load": "closed"},
    {"id": "unheard engine", "engine": "frigate"},
)  # fmt: skip
UNDEFINED = {"saturated": "ttft_s", "bench pp": "tpot_s"}
"""A queue without end has no mean wait, and one token has no time between tokens."""
ALIASES = ("BF16", "FP8", "INT8", "INT4")


def cases() -> list[dict[str, Any]]:
    base = {"device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-8b", "weights": "FP8"}
    named = [{**base, "id": weights, "weights": weights} for weights in ALIASES]
    b200 = {**base, "id": "NVFP4", "device": "nvidia-b200-sxm-180gb", "weights": "NVFP4"}
    return [{**base, **case} for case in CASES] + [*named, b200, {**base, "id": "bad", "model": "llama-9"}]


def test_predict_answers_each_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases()))
    assert main(["predict", "--batch", str(path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    answers = [json.loads(line) for line in out.splitlines()]
    assert [one["id"] for one in answers] == [case["id"] for case in cases()]
    *good, bad = answers
    check(bad, {"id": TEXT, "error": TEXT})
    for one in good:
        unknown = UNDEFINED.get(one["id"])
        check(one, {**PREDICTION, unknown: object} if unknown else PREDICTION)
        assert unknown is None or one[unknown] is None
        assert one["bound"] in BOUNDS
        assert one["evidence"] in EVIDENCE
    check(next(one for one in good if one["id"] == "open"), PERCENTILES)
    parsed = [Case.parse(case, where="case") for case in cases()]
    library = [one.model_dump(mode="json") for one in tonnage.api.predict_batch(parsed)]
    assert library == answers


def test_units_of_a_prediction_are_si() -> None:
    """Decoding 8B parameters of one byte at 3.35 TB/s cannot take less than 2.4 ms a token."""
    one = tonnage.predict({**cases()[0], "concurrency": 1})
    assert one.tpot_s is not None and one.output_tokens_per_s is not None and one.memory_bytes is not None
    assert 8.03e9 / 3.35e12 < one.tpot_s.p50 < 0.1
    assert one.output_tokens_per_s.p50 == pytest.approx(1 / one.tpot_s.p50, rel=0.2)
    assert 8e9 < one.memory_bytes < 80e9


SCENARIO = """
[traffic]
requests_per_s = 15
prompt_tokens = 500
output_tokens = 200
[slo]
ttft_p95_s = 2.0
tpot_p95_s = 0.1
[quality]
mmlu_min = 60.0
[budget]
usd_per_month = {budget}
[candidates]
devices = ["nvidia-l4", "nvidia-l40s"]
models = ["llama-3.1-8b"]
formats = ["FP8"]
engines = ["vllm"]
api = true
owned = []
[availability]
spare_units = 1
"""


@pytest.mark.parametrize(("budget", "code"), [(200_000, 0), (1, 3)])
def test_plan_prints_the_whole_answer(run, tmp_path: Path, budget: int, code: int) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO.format(budget=budget))
    plan = run("plan", path, "--json", "-o", tmp_path / "plan.json", code=code)
    assert plan == json.loads((tmp_path / "plan.json").read_text())
    check(plan, PLAN)
    assert plan["feasible"] is (code == 0)
    said = tonnage.plan(path).model_dump(mode="json")
    moments = {"created_at"}
    assert {key: said[key] for key in said if key not in moments} == {
        key: plan[key] for key in plan if key not in moments
    }
    if code == 3:
        assert plan["binding"] and plan["relaxations"]
        return
    assert plan["cost_usd_per_month"] == pytest.approx(730 * plan["cost_usd_per_h"])
    assert plan["cost_usd_per_month"] <= budget
    bought = sum(one["usd_per_h"] for one in (*plan["units"], *plan["api"]))
    assert plan["cost_usd_per_h"] == pytest.approx(bought)
    served = sum(one["share"].get("all", 0.0) for one in (*plan["units"], *plan["api"]))
    assert served == pytest.approx(1.0)


def test_report_turns_a_plan_into_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, pdf, page = (tmp_path / name for name in ("plan.json", "r.pdf", "r.html"))
    words = [
        "--qps",
        "2",
        "--prompt",
        "500",
        "--output",
        "100",
        "--model",
        "llama-3.1-8b",
        "--device",
        "nvidia-l4",
    ]
    assert main(["plan", *words, "--format", "FP8", "--no-api", "--json", "-o", str(path)]) == 0
    capsys.readouterr()
    profile = Path(__file__).parents[1] / "captures" / "profiles" / "epyc-2cpu.json"
    assert main(["report", str(path), "-o", str(pdf), "--profile", str(profile), "--html", str(page)]) == 0
    assert capsys.readouterr().out == ""
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert "<html" in page.read_text(encoding="utf-8")
    assert tonnage.report(path, tmp_path / "again.pdf") == tmp_path / "again.pdf"


def test_the_library_has_every_verb() -> None:
    for verb in ("probe", "bench", "fit", "predict", "plan", "simulate", "report"):
        assert callable(getattr(tonnage, verb))
