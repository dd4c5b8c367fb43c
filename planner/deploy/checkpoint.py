"""What an engine is told to load: a repository, or files that the user brings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from planner.fleet.records.plan_record import Unit
from tonnage.errors import TonnageError
from workloads import formats, models

FOLDER = "/models"
"""Where files that the user brings are mounted."""
AS_TRAINED = {"BF16": "bf16", "F16": "fp16"}
DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
ON_THE_FLY = {
    "FP8_W8A8": "fp8",
    "FP8_W8A8_TENSOR": "fp8",
    "BNB_NF4": "bitsandbytes",
}
"""Formats that vLLM and SGLang make of a 16-bit checkpoint while they load it."""
TRAINED_IN_FP8 = frozenset({"FP8_W8A8", "FP8_BLOCK128"})
HALF = frozenset({"bf16", "fp16", "fp32"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Weights as an engine finds them.

    Attributes
    ----------
    location : str
        Repository, or path inside the container.
    quantization, dtype : str or None
        Values of the flags of the same names; None is as stored.
    to_bring : str or None
        What the user must put at the location; None if the engine downloads it.
    """

    location: str
    quantization: str | None = None
    dtype: str | None = None
    to_bring: str | None = None


def key_of(unit: Unit) -> str:
    """Return how a user names the weights of a unit: `llama-3.1-8b:FP8`."""
    return f"{unit.model}:{unit.weights}"


def checkpoint(unit: Unit, engine: str, given: Mapping[str, str]) -> Checkpoint:
    """Return what a unit loads.

    Parameters
    ----------
    engine : str
        Name in the catalog of launchers.
    given : mapping of str to str
        The user's own repositories or paths, by `key_of`.
    """
    weights = formats.ALIASES.get(unit.weights.upper(), unit.weights)
    if key_of(unit) in given:
        return Checkpoint(location=given[key_of(unit)], quantization=None)
    published, trained_in = _published(unit.model)
    if engine == "llama.cpp":
        return _brought(unit, f"{_stem(unit.model)}-{weights}.gguf", f"GGUF file in {weights}")
    if engine == "mlc-llm":
        return _brought(unit, f"{_stem(unit.model)}-{weights}-MLC", f"folder of MLC weights in {weights}")
    if published is not None:
        if weights in DTYPES:
            as_stored = AS_TRAINED.get(weights) == trained_in
            return Checkpoint(location=published, dtype=None if as_stored else DTYPES[weights])
        if trained_in == "fp8" and weights in TRAINED_IN_FP8:
            return Checkpoint(location=published)
        if trained_in in HALF and weights in ON_THE_FLY and engine in ("vllm", "sglang"):
            return Checkpoint(location=published, quantization=ON_THE_FLY[weights])
    return _brought(unit, f"{_stem(unit.model)}-{weights}", f"checkpoint in {weights}")


def _brought(unit: Unit, name: str, what: str) -> Checkpoint:
    return Checkpoint(location=f"{FOLDER}/{name}", to_bring=f"a {what} of {unit.model}")


def _published(model: str) -> tuple[str | None, str | None]:
    try:
        found = models.get(model)
    except TonnageError:
        return None, None
    return found.hf_id, _dtype(found.native_dtype)


def _dtype(native: str | None) -> str | None:
    """Return the dtype alone: `fp8` of `fp8 (block 128)`, `fp32` of `fp32/fp16`."""
    return native.split()[0].split("/")[0] if native and "experts" not in native else None


def _stem(model: str) -> str:
    return PurePath(model).stem if "/" in model or model.endswith(".gguf") else model
