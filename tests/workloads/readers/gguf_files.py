"""GGUF headers as llama.cpp writes them, for tests: no weights follow."""

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

TYPE_NUMBERS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "Q4_K": 12, "Q6_K": 14, "MXFP4": 39}


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: object) -> bytes:
    match value:
        case bool():
            return struct.pack("<IB", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _text(value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(item) for item in value)
        case [bool(), *_]:
            return struct.pack("<IIQ", 9, 7, len(value)) + bytes(value)
        case list():
            return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    raise TypeError(type(value))


def header_bytes(
    metadata: Mapping[str, object], tensors: Iterable[tuple[str, tuple[int, ...], str]], *, version: int = 3
) -> bytes:
    """Write a header; tensors are (name, shape with the fastest dimension first, type)."""
    tensors = list(tensors)
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    out += b"".join(_text(key) + _value(value) for key, value in metadata.items())
    for name, shape, kind in tensors:
        out += _text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", TYPE_NUMBERS[kind], 0)
    return out


def write(
    path: Path, metadata: Mapping[str, object], tensors: Iterable[tuple[str, tuple[int, ...], str]]
) -> Path:
    path.write_bytes(header_bytes(metadata, tensors))
    return path


def llama_metadata(*, layers: int = 32, tokens: int = 128256) -> dict[str, object]:
    """Metadata of Llama 3.1 8B."""
    return {
        "general.architecture": "llama", "general.name": "Llama 3.1 8B", "general.file_type": 15,
        "llama.block_count": layers, "llama.embedding_length": 4096, "llama.feed_forward_length": 14336,
        "llama.attention.head_count": 32, "llama.attention.head_count_kv": 8, "llama.context_length": 131072,
        "llama.rope.dimension_count": 128, "llama.rope.freq_base": 500000.0,
        "tokenizer.ggml.tokens": ["token"] * tokens, "tokenizer.ggml.token_type": [1] * tokens,
    }  # fmt: skip


def llama_tensors(*, layers: int = 32, vocab: int = 128256) -> list[tuple[str, tuple[int, ...], str]]:
    """Tensors of Llama 3.1 8B in Q4_K_M, by the rules of llama-quant.cpp."""
    tensors = [
        ("token_embd.weight", (4096, vocab), "Q4_K"),
        ("output_norm.weight", (4096,), "F32"),
        ("output.weight", (4096, vocab), "Q6_K"),
    ]
    for i in range(layers):
        more = i < layers // 8 or i >= 7 * layers // 8 or (i - layers // 8) % 3 == 2
        better = "Q6_K" if more else "Q4_K"
        tensors += [
            (f"blk.{i}.attn_norm.weight", (4096,), "F32"),
            (f"blk.{i}.attn_q.weight", (4096, 4096), "Q4_K"),
            (f"blk.{i}.attn_k.weight", (4096, 1024), "Q4_K"),
            (f"blk.{i}.attn_v.weight", (4096, 1024), better),
            (f"blk.{i}.attn_output.weight", (4096, 4096), "Q4_K"),
            (f"blk.{i}.ffn_norm.weight", (4096,), "F32"),
            (f"blk.{i}.ffn_gate.weight", (4096, 14336), "Q4_K"),
            (f"blk.{i}.ffn_up.weight", (4096, 14336), "Q4_K"),
            (f"blk.{i}.ffn_down.weight", (14336, 4096), better),
        ]
    return tensors
