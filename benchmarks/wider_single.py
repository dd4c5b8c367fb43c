"""Rows of one sequence at a time: what `pp512`, `tg128@d4096` or `gen 256@prompt 32` measured."""

import re
from collections.abc import Mapping
from typing import Any

from wider_names import Left, device, engine, model, table, weights

SPLIT_LAYERS = {"llama.cpp", "ik_llama.cpp", "ollama", "lmstudio", "exllama", "exllamav2", "autoawq"}
"""Engines that put other layers on other devices unless told otherwise."""
_PROMPT = re.compile(r"pp ?(\d+)(?:@d(\d+))?|prompt ?(\d+)")
_ANSWER = re.compile(r"tg ?(\d+)(?:@d(\d+))?")
_AFTER = re.compile(r"gen ?(\d+)?@(?:prompt ?)?(\d+)")
_BARE = re.compile(r"(?:gen|tg) ?(\d+)?( .*)?")
_KV = re.compile(r"KV (q8_0|q4_0|q5_1|q4_1|fp8)")
_THREADS = re.compile(r"threads[= ](\d+)")
FEW_THREADS = 4
"""Fewer than these do not say what a processor can do."""
_BACKEND = re.compile(r"backend (cuda|metal|vulkan|rocm|cpu)")


def case(row: Mapping[str, str]) -> dict[str, Any]:
    """Return a row as a case with its measurement.

    Raises
    ------
    Left
        Why it is left out.
    """
    assumed: list[str] = []
    note = row["note"]
    if "offload" in note:
        raise Left("partly on another device")
    if (found := _THREADS.search(note)) and int(found[1]) < FEW_THREADS:
        raise Left("fewer threads than the processor has cores")
    name, backend = engine(row["engine"])
    on, on_cores = device(row["device"], source=row["source"], assumed=assumed)
    if found := _BACKEND.search(note):
        backend = found[1]
    asked = _lengths(row, assumed)
    rate = float(row["tokens_per_s"])
    limited = "power limit" in note or "W limit" in row["device"]
    if limited and asked["osl"] == 1:
        raise Left("prompt under a power limit: not the device of the datasheet")
    if limited:
        assumed.append("power limit, which reading hardly feels")
    first = {"ttft_s": asked["isl"] / rate} if asked["osl"] == 1 else {"tpot_s": 1.0 / rate}
    cut = _cut(row, name, note)
    kv = _KV.search(note)
    return {
        "stratum": "single",
        "engine": name,
        "engine_version": row["engine_version_or_date"],
        "backend": "cpu" if on_cores else backend,
        "device": on,
        "devices": cut["tp"] * cut["pp"],
        **cut,
        "model": model(row["model"]),
        "weights": weights(_quant(row), assumed=assumed),
        "kv": f"KV_{kv[1].upper()}" if kv else None,
        **asked,
        "concurrency": 1,
        "load": "closed",
        "measured": first,
        "assumed": assumed,
    }


def _lengths(row: Mapping[str, str], assumed: list[str]) -> dict[str, int]:
    """Tokens in, out and cached: `tgN` starts from one token, `ppN` ends with one."""
    test = row["test"].split(" (")[0].strip()
    if found := _PROMPT.fullmatch(test):
        return {"isl": int(found[1] or found[3]), "osl": 1, "context": int(found[2] or 0)}
    if found := _ANSWER.fullmatch(test):
        return {"isl": 1, "osl": int(found[1]), "context": int(found[2] or 0)}
    rule = table("lengths").get(row["source"])
    if found := _AFTER.fullmatch(test):
        if found[1]:
            return {"isl": int(found[2]), "osl": int(found[1]), "context": 0}
        if rule:
            assumed.append(rule[2])
            return {"isl": int(found[2]), "osl": rule[1], "context": 0}
    if row["source"] == "mlc_perfbench" and test == "gen256":
        return {"isl": 7, "osl": 256, "context": 0}
    if row["source"] == "gptfast_readme":
        return {"isl": 1, "osl": 200, "context": 0}
    if (found := _BARE.fullmatch(test)) and rule:
        assumed.append(rule[2])
        return {"isl": rule[0], "osl": rule[1] or int(found[1]), "context": 0}
    raise Left(f"lengths not stated: {row['source']} {test}")


def _cut(row: Mapping[str, str], name: str, note: str) -> dict[str, int]:
    """Layers over devices, or every matrix over them."""
    count = int(row["device_count"] or 1)
    if count == 1:
        return {"tp": 1, "pp": 1}
    if row["source"] == "mlc_perfbench" and name == "llama.cpp":
        raise Left("faster than layers one after another: rows were split, which is not stated")
    if name in SPLIT_LAYERS:
        return {"tp": 1, "pp": count}
    if name in ("mlc-llm", "vllm", "gpt-fast", "sglang") or f"TP{count}" in note or f"TP={count}" in note:
        return {"tp": count, "pp": 1}
    raise Left("several devices, cut not stated")


def _quant(row: Mapping[str, str]) -> str:
    """Return the format as the row names it, for the engine that it names."""
    quant = row["quant"]
    if row["source"] == "tmac_profile":
        found = {("llama.cpp CPU", "W4"): "Q4_0", ("T-MAC CPU", "W4"): "GPTQ_INT4_G128"}
        return found.get((row["engine"], quant), quant)
    if row["source"] == "premai_bench" and not quant.startswith("float16"):
        raise Left("weight format not stated: int4 or int8 of an engine that has several")
    if row["source"] == "llmawq_readme":
        return {"int4": "awq", "fp16": "F16"}[quant]
    return quant
