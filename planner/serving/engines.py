"""Engines as data: memory, batch and prompt policies by name, and what stands in for unknown ones."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from hw_targets.device import DeviceKind
from tonnage.blocks import Blocks
from tonnage.errors import UnknownName
from tonnage.files import Record
from workloads import formats

CATALOG = Path(__file__).with_name("engines.toml")
DEFAULT_ACCELERATOR = "vllm"
DEFAULT_CPU = "llama.cpp"
GIB = 2.0**30

ALIASES = {
    "tensorrt-llm": "trtllm",
    "trt-llm": "trtllm",
    "llamacpp": "llama.cpp",
    "llama-cpp": "llama.cpp",
    "ollama": "llama.cpp",
    "lmstudio": "llama.cpp",
    "koboldcpp": "llama.cpp",
    "deepspeed-mii": "deepspeed",
    "exllama2": "exllamav2",
    "exllama v2": "exllamav2",
    "tabbyapi": "exllamav2",
    "openvino-genai": "openvino",
    "neuronx": "transformers-neuronx",
    "mlx-lm": "mlx",
    "mlc": "mlc-llm",
    "ort": "onnxruntime",
    "onnxruntime-genai": "onnxruntime",
    "transformers": "torch",
    "turbomind": "lmdeploy",
}


class Engine(Record):
    """Policies of one engine.

    Attributes
    ----------
    memory_frac : float
        Share of device memory it takes, or of what the weights leave if `of_free`.
    max_sequences : int
        Sequences that run at once on one replica.
    chunk_tokens : int
        Prompt tokens of one step at most.
    reserve : str
        Whether a request's whole cache is set aside at its start.
    narrow_kv : bool
        Checkpoints with FP8 or narrower floating-point weights bring an FP8 cache.
    skips_windows : bool
        Models that attend within one window in all layers attend to everything, and cache it, unless told
        otherwise.
    prompts_first : bool
        Waiting prompts go before decode steps, in steps of their own.
    half_sums : bool
        Products of 16 bits are summed in 16 bits, at the full rate of cards that halve it for wider sums.
    runtime_gib, graphs_gib : float
        Memory of the runtime, and the part of it that captured graphs take.
    pipeline_chunks : int
        Chunks of one prompt that overlap over pipeline stages before the engine waits for all.
    runs_on : dict or None
        Kinds of devices by vendor that its installation pages list; None where none were read.
    """

    name: str
    memory_frac: float = Field(gt=0, le=1)
    of_free: bool = False
    narrow_kv: bool = False
    half_sums: bool = False
    skips_windows: bool = False
    prompts_first: bool = False
    max_sequences: int = Field(ge=1)
    chunk_tokens: int = Field(ge=1)
    reserve: Literal["full", "grow"]
    runtime_gib: float = Field(ge=0)
    graphs_gib: float = Field(default=0.0, ge=0)
    pipeline_chunks: int = Field(default=1_000_000, ge=1)
    runs_on: dict[str, tuple[DeviceKind, ...]] | None = None
    source: str

    def lists(self, *, vendor: str, kind: str) -> bool:
        """Say whether it runs on this kind of a vendor's devices; True where that is not known."""
        return self.runs_on is None or kind in self.runs_on.get(vendor.lower(), ())

    @property
    def runtime_bytes(self) -> float:
        """Memory of the runtime itself."""
        return self.runtime_gib * GIB


@cache
def _catalog() -> dict[str, Engine]:
    blocks = Blocks.read(CATALOG)
    return {name: Engine.parse({"name": name, **blocks[name]}, where=str(CATALOG)) for name in blocks}


def names() -> tuple[str, ...]:
    """Return the engines with a policy of their own."""
    return tuple(_catalog())


def get(name: str) -> Engine | None:
    """Return the policy of an engine by any of its names, None where there is none."""
    return _catalog().get(plain(name))


def loaders() -> frozenset[str]:
    """Return the engines that formats of the catalog list as loading them."""
    return frozenset(engine for weights in formats.names() for engine in formats.get(weights).engines)


def plain(name: str) -> str:
    """Spell an engine the way that policies and formats do."""
    key = name.strip().lower()
    return ALIASES.get(key, key)


def check_known(name: str) -> None:
    """Refuse an engine that neither has a policy nor loads a format of the catalog.

    Raises
    ------
    UnknownName
        Listing the near names.
    """
    known = {*names(), *ALIASES, *loaders()}
    if name.strip().lower() not in known:
        raise UnknownName("engine", name, known, hint=f"there are policies for {', '.join(names())}")


def resolve(name: str | None, *, kind: str) -> tuple[Engine, tuple[str, ...]]:
    """Return the policy for an engine name, with a note where another one stands in.

    Parameters
    ----------
    name : str or None
        As the user wrote it; None picks the usual engine of the device kind.
    kind : str
        Kind of device: cpu, gpu, apu ...
    """
    usual = DEFAULT_CPU if kind in ("cpu", "apu") else DEFAULT_ACCELERATOR
    if name is None:
        return _catalog()[usual], (f"engine not given: {usual} assumed",)
    key = plain(name)
    if key in _catalog():
        return _catalog()[key], ()
    note = f"engine '{name}' has no calibration: policy of {usual} and coefficients of all engines together"
    return _catalog()[usual].model_copy(update={"name": key}), (note,)
