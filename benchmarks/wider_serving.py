"""Rows of batches and servers: what each source means by a batch, a rate and tokens per second."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from wider_names import Left, device, engine, model, weights

Row = Mapping[str, str]
KEPT_UP = 0.85
"""Share of the offered rate above which a server kept up with it: 500 requests fill and drain, too."""
DEVICES_PER_CHIP = {"google-tpu-v7x": 2}
"""What tables count as one and programs address as several."""


def case(row: Row) -> dict[str, Any]:
    """Return a row as a case with its measurement.

    Raises
    ------
    Left
        Why it is left out.
    """
    source = row["source"]
    rule = next((found for start, found in RULES if source.startswith(start)), None)
    if rule is None:
        raise Left(f"no rule says what its figures mean: {source}")
    if not isinstance(rule, str):
        return _filled(row, rule(row))
    raise Left(rule)


def _filled(row: Row, said: dict[str, Any]) -> dict[str, Any]:
    """Add the deployment to what a rule says of load, lengths and measurement."""
    assumed: list[str] = said.pop("assumed", [])
    name, backend = engine(row["engine"])
    on, _ = device(row["device"], source=row["source"], assumed=assumed)
    tp, pp = _cut(row, said)
    stored, kv = _stored(row["precision"])
    parts = DEVICES_PER_CHIP.get(on, 1)
    chips, tp = int(row["device_count"]) * parts, tp * parts
    if tp * pp != chips:
        raise Left("several devices, cut not stated")
    return {
        "stratum": "batch",
        "engine": name,
        "engine_version": row["version_or_date"],
        "backend": backend,
        "device": on,
        "devices": chips,
        "tp": tp,
        "pp": pp,
        "model": model(_model(row)),
        "weights": weights(stored or _in_name(row["model"]), assumed=assumed),
        "kv": kv,
        "context": 0,
        "concurrency": 1,
        "load": "closed",
        **said,
        "assumed": assumed,
    }


def _cut(row: Row, said: dict[str, Any]) -> tuple[int, int]:
    """Ways that matrices and layers are cut."""
    if hybrid := re.search(r"Tensor \((\d)\) and Pipeline \((\d)\)", row["note"]):
        return int(hybrid[1]), int(hybrid[2])
    if not (row["tp"] or "1").isdigit() or not (row["pp"] or "1").isdigit():
        raise Left("several devices, cut not stated")
    if "xpert" in row["note"]:
        said["moe_ep"] = int(row["device_count"])
    return said.pop("tp", int(row["tp"] or 1)), int(row["pp"] or 1)


def _stored(precision: str) -> tuple[str, str | None]:
    """Weight format and cache format of one text."""
    text = precision.lower()
    if found := re.fullmatch(r"weight = (\w+), kv cache = (\w+)", text):
        return found[1], {"fp16": "KV_F16", "fp8": "KV_FP8", "int8": "KV_INT8"}[found[2]]
    if found := re.fullmatch(r"(\w+)(?: weights)?, kv (fp16|bf16|int8|int4|fp8)", text):
        if found[2] == "int4":
            raise Left("cache format not in the catalog: INT4")
        return found[1], {"int8": "KV_INT8", "fp8": "KV_FP8"}.get(found[2], "KV_F16")
    if "skip swa" in text:
        raise Left("two cache formats at once")
    return ("" if "in model name" in text else precision), None


def _in_name(text: str) -> str:
    """Weight format of the files that llama.cpp's own benchmarks name."""
    known = {
        "gpt-oss": "MXFP4",
        "q8_0": "Q8_0",
        "qat": "Q4_0",
        "flash": "Q8_0",
        "super": "Q4_K",
        "nano": "Q8_0",
    }
    return next((form for part, form in known.items() if part in text.lower()), "")


def _model(row: Row) -> str:
    if row["source"].startswith("trtllm") and row["model"].startswith("Mistral"):
        return "mistral-7b-v0.1"
    return row["model"]


def _lengths(row: Row) -> dict[str, Any]:
    if not row["isl"] or not row["osl"]:
        raise Left("lengths not stated")
    return {"isl": float(row["isl"]), "osl": float(row["osl"])}


def _static(row: Row) -> dict[str, Any]:
    """Prompts of a batch first, then their answers: a turn of a closed loop takes the same work."""
    batch, lengths = int(row["concurrency_or_batch"]), _lengths(row)
    if row["tput_kind"] == "none":
        return {**lengths, "concurrency": batch, "measured": {"ttft_s": float(row["ttft_ms"]) / 1e3}}
    rate = float(row["tokens_per_s_total"])
    if row["tput_kind"] == "total":
        rate *= lengths["osl"] / (lengths["isl"] + lengths["osl"])
    return {**lengths, "concurrency": batch, "measured": {"output_tokens_per_s": rate}}


def _argonne(row: Row) -> dict[str, Any]:
    """Whole batches; those of llama.cpp are one sequence whose prompt is read in chunks of n_batch."""
    if row["tput_kind"].startswith("input"):
        batch, lengths = int(row["concurrency_or_batch"]), _lengths(row)
        rate = batch / (float(row["ttft_ms"]) / 1e3)
        return {**lengths, "concurrency": batch, "measured": {"output_tokens_per_s": rate}}
    if row["engine"] == "llama.cpp":
        chunk = re.search(r"n_batch=(\d+)", row["note"])
        if chunk is None or int(chunk[1]) < 32:
            raise Left("prompt read in chunks of fewer than 32 tokens, which no server does")
    return _static(row)


def _decode_only(row: Row) -> dict[str, Any]:
    """Read steps over a batch whose prompts are in the cache."""
    batch, lengths = int(row["concurrency_or_batch"]), _lengths(row)
    if batch > 1 and any(part in row["model"].lower() for part in SPARSE):
        raise Left("batch of random tokens, which take fewer experts than text")
    step_s = batch / float(row["tokens_per_s_total"])
    return {
        "isl": 1,
        "osl": lengths["osl"],
        "context": lengths["isl"],
        "concurrency": batch,
        "measured": {"tpot_s": step_s},
    }


def _offered(row: Row) -> dict[str, Any]:
    """Read requests at a rate: waits mean something only where the server kept up."""
    lengths = _lengths(row)
    text = row["concurrency_or_batch"]
    asked = re.fullmatch(r"qps ([\d.]+|INF)", text)
    if asked is None or asked[1] == "0":
        raise Left("neither a batch nor a rate")
    achieved = float(row["tokens_per_s_total"]) / lengths["osl"]
    if asked[1] == "INF":
        raise Left("500 requests at once: neither steady nor a batch of one size")
    rate = float(asked[1])
    if achieved < KEPT_UP * rate:
        raise Left("server did not keep up with the rate: waits grow with the length of the run")
    measured = {
        name: float(row[column]) / 1e3
        for name, column in (("ttft_s", "ttft_ms"), ("tpot_s", "tpot_ms"))
        if row[column]
    }
    return {**lengths, "load": "open", "requests_per_s": rate, "measured": measured}


def _server(row: Row) -> dict[str, Any]:
    """Read a closed loop of users, with whatever was measured of it."""
    if row["concurrency_or_batch"].startswith("qps"):
        return _offered(row)
    if not row["concurrency_or_batch"].isdigit():
        raise Left("number of users not stated")
    measured = {}
    if row["tput_kind"] == "output":
        measured["output_tokens_per_s"] = float(row["tokens_per_s_total"])
    for name, column in (("ttft_s", "ttft_ms"), ("tpot_s", "tpot_ms")):
        if row[column]:
            measured[name] = float(row[column]) / 1e3
    return {**_lengths(row), "concurrency": int(row["concurrency_or_batch"]), "measured": measured}


def _queued(row: Row) -> dict[str, Any]:
    """Read all requests at once."""
    if row["concurrency_or_batch"] != "max":
        return _server(row)
    rate = float(row["tokens_per_s_total"])
    return {
        "stratum": "saturated",
        **_lengths(row),
        "load": "saturated",
        "measured": {"output_tokens_per_s": rate},
    }


def _blog(row: Row) -> dict[str, Any]:
    if row["scenario"] == "max-throughput":
        raise Left("best of several cuts, which is not stated")
    if "OSL not stated" in row["note"]:
        raise Left("lengths not stated")
    return _static(row)


def _neuron(row: Row) -> dict[str, Any]:
    """Read a batch of requests at once; the table counts cores, the catalog chips."""
    said = _server(row)
    if said["concurrency"] > 1:
        said["measured"].pop("ttft_s", None)
    return {**said, "tp": int(row["device_count"])}


def _lengths_of_sharegpt(row: Row) -> dict[str, Any]:
    users, requests = int(row["concurrency_or_batch"]), float(row["tokens_per_s_total"])
    return {
        "isl": 202.0,
        "osl": 195.0,
        "concurrency": users,
        "measured": {"output_tokens_per_s": requests * 195.0},
        "assumed": ["ShareGPT: 202 tokens in and 195 out on average, as other published runs of it say"],
    }


def _amd_latency(row: Row) -> dict[str, Any]:
    if row["scenario"] != "latency":
        raise Left("output or total tokens not stated")
    return _static(row)


SPARSE = ("gpt-oss", "a3b", "flash", "super")
"""Parts of the names of mixtures of experts among the files of llama.cpp's own benchmarks."""

RULES: tuple[tuple[str, Callable[[Row], dict[str, Any]] | str], ...] = (
    ("argonne", _argonne),
    ("trtllm_v0.14_online", _offered),
    ("trtllm_v0.9", _static),
    ("trtllm_v0.6", _static),
    ("trtllm_blogs", _blog),
    ("trtllm_v0.1", _queued),
    ("llamacpp_batched", _decode_only),
    ("autoawq_readme", _decode_only),
    ("dstack_tgi_vllm", _server),
    ("aws_neuron", _neuron),
    ("tpu_recipes", _queued),
    ("computingforgeeks", _server),
    ("vllm_blog_fp8kv", _server),
    ("vllm_blog_gb300", _server),
    ("k8s_inference_perf", _offered),
    ("lmdeploy_kvquant", _lengths_of_sharegpt),
    ("amd_vllm_docker", _amd_latency),
    ("mlperf", "lengths of the prompts not published (MLPerf)"),
    ("flexgen", "partly on another device"),
    ("llmservingsim_real", "overloaded on purpose: its request times are for the simulator"),
    ("aimultiple", "lengths not stated"),
    ("ipex", "lengths not stated"),
    ("deepseek_official", "expert parallelism over 18 nodes, average of a day"),
)
"""By the start of a source's name: how to read its rows, or why not."""
