"""The command line of each engine, from what the plan took for granted of it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from planner.deploy import halves
from planner.deploy.checkpoint import Checkpoint
from planner.deploy.launcher import Launcher, check
from planner.fleet.records.plan_record import Unit
from planner.role import Role
from planner.serving.engines import Engine
from tonnage.errors import InvalidInput
from workloads import formats

Flags = list[tuple[str, str | None]]
KV_FLAGS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "vllm": {"KV_FP8": "fp8"},
        "sglang": {"KV_FP8": "fp8_e4m3"},
        "llama.cpp": {
            "KV_Q8_0": "q8_0", "KV_Q5_1": "q5_1", "KV_Q4_0": "q4_0", "KV_Q4_1": "q4_1", "KV_IQ4_NL": "iq4_nl",
        },
    }
)  # fmt: skip
"""Flag values by cache format; the engine's own 16-bit cache needs none."""
PLAIN_KV = "KV_F16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a command line says.

    Attributes
    ----------
    policy : Engine
        Batch and memory policy that the plan was predicted with.
    tokens : int
        Longest prompt and output together.
    served : str
        Name that requests ask for.
    sequences : int
        Requests in a batch at most.
    role : Role
        Which part of a request the unit serves.
    on_cpu : bool
        No layer goes to an accelerator.
    """

    unit: Unit
    policy: Engine
    checkpoint: Checkpoint
    tokens: int
    served: str
    sequences: int
    role: Role = Role.WHOLE
    on_cpu: bool = False


def arguments(by: Launcher, order: Order) -> tuple[str, ...]:
    """Return the words after the program.

    Raises
    ------
    InvalidInput
        If the plan asks for what no documented flag says.
    """
    first, flags = _BUILDERS[by.name](order)
    flags += [("--host", "0.0.0.0"), ("--port", str(by.port))]
    check(by, flags)
    if order.role is not Role.WHOLE:
        further = halves.flags(by, order.role)
        check(halves.documented(by), further)
        flags += further
    words = [word for flag, value in flags for word in ((flag,) if value is None else (flag, value))]
    return (*first, *words)


def _vllm(order: Order) -> tuple[list[str], Flags]:
    unit, policy = order.unit, order.policy
    flags: Flags = [
        ("--served-model-name", order.served),
        ("--tensor-parallel-size", str(unit.tp)),
        ("--pipeline-parallel-size", str(unit.pp)),
        ("--max-model-len", str(order.tokens)),
        ("--max-num-seqs", str(order.sequences)),
        ("--max-num-batched-tokens", str(policy.chunk_tokens)),
        ("--gpu-memory-utilization", f"{policy.memory_frac:g}"),
    ]
    return [order.checkpoint.location], flags + _precision(order) + _kv(order, "vllm", "--kv-cache-dtype")


def _sglang(order: Order) -> tuple[list[str], Flags]:
    unit, policy = order.unit, order.policy
    flags: Flags = [
        ("--model-path", order.checkpoint.location),
        ("--served-model-name", order.served),
        ("--tensor-parallel-size", str(unit.tp)),
        ("--pipeline-parallel-size", str(unit.pp)),
        ("--context-length", str(order.tokens)),
        ("--max-running-requests", str(order.sequences)),
        ("--chunked-prefill-size", str(policy.chunk_tokens)),
        ("--mem-fraction-static", f"{policy.memory_frac:g}"),
        ("--enable-metrics", None),
    ]
    return [], flags + _precision(order) + _kv(order, "sglang", "--kv-cache-dtype")


def _trtllm(order: Order) -> tuple[list[str], Flags]:
    unit, policy = order.unit, order.policy
    _no_kv_flag(order, "trtllm")
    flags: Flags = [
        ("--backend", "pytorch"),
        ("--tensor_parallel_size", str(unit.tp)),
        ("--pipeline_parallel_size", str(unit.pp)),
        ("--max_seq_len", str(order.tokens)),
        ("--max_batch_size", str(order.sequences)),
        ("--max_num_tokens", str(policy.chunk_tokens)),
        ("--free_gpu_memory_fraction", f"{policy.memory_frac:g}"),
    ]
    return [order.checkpoint.location], flags


def _llama_cpp(order: Order) -> tuple[list[str], Flags]:
    """`--ctx-size` is of all slots together; cache types are set for keys and values alike."""
    flags: Flags = [
        ("--model", order.checkpoint.location),
        ("--alias", order.served),
        ("--ctx-size", str(order.tokens * order.sequences)),
        ("--parallel", str(order.sequences)),
        ("--n-gpu-layers", "0" if order.on_cpu else "all"),
        ("--metrics", None),
    ]
    if order.unit.pp > 1:
        flags.append(("--split-mode", "layer"))
    for flag in ("--cache-type-k", "--cache-type-v"):
        flags += _kv(order, "llama.cpp", flag)
    return [], flags


def _mlc(order: Order) -> tuple[list[str], Flags]:
    unit, policy = order.unit, order.policy
    _no_kv_flag(order, "mlc-llm")
    overrides = {
        "tensor_parallel_shards": unit.tp,
        "pipeline_parallel_stages": unit.pp,
        "max_num_sequence": order.sequences,
        "context_window_size": order.tokens,
        "prefill_chunk_size": policy.chunk_tokens,
        "gpu_memory_utilization": policy.memory_frac,
    }
    joined = ";".join(f"{key}={value:g}" for key, value in overrides.items())
    return [order.checkpoint.location], [("--mode", "server"), ("--overrides", joined)]


def _precision(order: Order) -> Flags:
    found = order.checkpoint
    pairs = (("--quantization", found.quantization), ("--dtype", found.dtype))
    return [(flag, value) for flag, value in pairs if value is not None]


def _kv(order: Order, engine: str, flag: str) -> Flags:
    name = _kv_format(order)
    if name in (None, PLAIN_KV):
        return []
    value = KV_FLAGS[engine].get(str(name))
    if value is None:
        raise InvalidInput(f"{engine} documents no flag for a cache in {name}; plan with another kv format")
    return [(flag, value)]


def _no_kv_flag(order: Order, engine: str) -> None:
    if _kv_format(order) not in (None, PLAIN_KV):
        raise InvalidInput(f"{engine} has no flag for a cache in {order.unit.kv}; set it in its own config")


def _kv_format(order: Order) -> str | None:
    return None if order.unit.kv is None else formats.kv(order.unit.kv).id


_BUILDERS: Final[Mapping[str, Callable[[Order], tuple[list[str], Flags]]]] = MappingProxyType(
    {"vllm": _vllm, "sglang": _sglang, "trtllm": _trtllm, "llama.cpp": _llama_cpp, "mlc-llm": _mlc}
)


def rounded_up(tokens: float, *, to: int = 16) -> int:
    """Return whole tokens, in whole cache blocks."""
    return math.ceil(tokens / to) * to
