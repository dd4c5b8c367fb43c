"""Checkpoints as their tools write them, headers only: tensor names and shapes of real models."""

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

BITS = {"BF16": 16, "F16": 16, "F32": 32, "F8_E4M3": 8, "I32": 32, "U8": 8, "I64": 64}

Shapes = Iterable[tuple[str, str, tuple[int, ...]]]

LLAMA_8B: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "tie_word_embeddings": False, "max_position_embeddings": 131072, "torch_dtype": "bfloat16",
}  # fmt: skip
LLAMA_70B = LLAMA_8B | {
    "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64,
}  # fmt: skip


def llama_linears(config: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Names of the linear layers with their inputs and outputs."""
    hidden, width = config["hidden_size"], config["intermediate_size"]
    kv = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    sizes = {
        "self_attn.q_proj": (hidden, hidden), "self_attn.k_proj": (hidden, kv),
        "self_attn.v_proj": (hidden, kv), "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (hidden, width), "mlp.up_proj": (hidden, width), "mlp.down_proj": (width, hidden),
    }  # fmt: skip
    return [
        (f"model.layers.{i}.{name}", *size)
        for i in range(config["num_hidden_layers"])
        for name, size in sizes.items()
    ]


def llama_rest(config: Mapping[str, Any], dtype: str) -> list[tuple[str, str, tuple[int, ...]]]:
    """Everything that is not quantized."""
    hidden, vocab = config["hidden_size"], config["vocab_size"]
    rest: list[tuple[str, str, tuple[int, ...]]] = [
        ("model.embed_tokens.weight", dtype, (vocab, hidden)),
        ("lm_head.weight", dtype, (vocab, hidden)),
        ("model.norm.weight", dtype, (hidden,)),
    ]
    for i in range(config["num_hidden_layers"]):
        for norm in ("input_layernorm", "post_attention_layernorm"):
            rest.append((f"model.layers.{i}.{norm}.weight", dtype, (hidden,)))
    return rest


def plain(name: str, inputs: int, outputs: int) -> Shapes:
    """A linear layer as it is."""
    return [(f"{name}.weight", "BF16", (outputs, inputs))]


def gptq(name: str, inputs: int, outputs: int) -> Shapes:
    """A linear layer of AutoGPTQ: eight 4-bit weights in an int32, groups of 128."""
    groups = inputs // 128
    return [
        (f"{name}.qweight", "I32", (inputs // 8, outputs)),
        (f"{name}.qzeros", "I32", (groups, outputs // 8)),
        (f"{name}.scales", "F16", (groups, outputs)),
        (f"{name}.g_idx", "I32", (inputs,)),
    ]


def nvfp4(name: str, inputs: int, outputs: int) -> Shapes:
    """A linear layer of Model Optimizer: two weights in a byte, an FP8 scale per 16, two FP32 scales."""
    return [
        (f"{name}.weight", "U8", (outputs, inputs // 2)),
        (f"{name}.weight_scale", "F8_E4M3", (outputs, inputs // 16)),
        (f"{name}.weight_scale_2", "F32", ()),
        (f"{name}.input_scale", "F32", ()),
    ]


def fp8_block(name: str, inputs: int, outputs: int) -> Shapes:
    """A linear layer as DeepSeek stores it: an FP32 scale per 128 x 128."""
    return [
        (f"{name}.weight", "F8_E4M3", (outputs, inputs)),
        (f"{name}.weight_scale_inv", "F32", (-(-outputs // 128), -(-inputs // 128))),
    ]


def header_bytes(tensors: Shapes) -> bytes:
    """The header of a file with these tensors one after the other."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, dtype, shape in tensors:
        bits = BITS[dtype]
        for length in shape:
            bits *= length
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + bits // 8]}
        at += bits // 8
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


def stored_bytes(tensors: Shapes) -> int:
    """Bytes of the data of these tensors."""
    total = 0
    for _, dtype, shape in tensors:
        bits = BITS[dtype]
        for length in shape:
            bits *= length
        total += bits // 8
    return total


def write(folder: Path, config: Mapping[str, Any], tensors: Shapes, *, parts: int = 1, **beside: Any) -> Path:
    """Write a model folder; more than one part brings an index."""
    tensors = list(tensors)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dict(config)))
    for name, data in beside.items():
        (folder / f"{name}.json").write_text(json.dumps(data))
    if parts == 1:
        (folder / "model.safetensors").write_bytes(header_bytes(tensors))
        return folder
    weight_map = {}
    for part in range(parts):
        name = f"model-{part + 1:05d}-of-{parts:05d}.safetensors"
        mine = tensors[part::parts]
        (folder / name).write_bytes(header_bytes(mine))
        weight_map |= {tensor[0]: name for tensor in mine}
    index = {"metadata": {"total_size": stored_bytes(tensors)}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
