"""GGUF files of random weights: the shape of a real model, without a download.

Written in float16 by the `gguf` package, then quantized by llama.cpp itself, so that types of tensors are
mixed exactly as in published files.
"""

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VOCAB = 32000
FILE_TYPES = {"F16": 1, "Q4_0": 2, "Q8_0": 7, "Q4_K_M": 15}
"""Values of `enum llama_ftype`."""
_CONTEXT = 32768
_BLOCK = 65521


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A model to write.

    Attributes
    ----------
    kind : str
        `llama` or `mamba`, as llama.cpp names them.
    inner : int
        Width of the gated part of a transformer, channels of a Mamba mixer.
    """

    kind: str
    layers: int
    hidden: int
    inner: int
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 64
    d_state: int = 16
    d_conv: int = 4
    vocab: int = VOCAB

    @property
    def dt_rank(self) -> int:
        """Width of Mamba's step projection."""
        return self.hidden // 16

    @property
    def cache_bytes_per_token(self) -> int:
        """Keys and values of one token in float16; 0 for Mamba."""
        return self.layers * 2 * self.kv_heads * self.head_dim * 2

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield name and shape of every tensor, (outputs, inputs) for matrices."""
        yield "token_embd.weight", (self.vocab, self.hidden)
        yield "output_norm.weight", (self.hidden,)
        if self.kind == "llama":
            yield "output.weight", (self.vocab, self.hidden)
        for layer in range(self.layers):
            parts = self._attention() if self.kind == "llama" else self._mamba()
            for name, shape in parts:
                yield f"blk.{layer}.{name}", shape

    def _attention(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        yield "attn_norm.weight", (self.hidden,)
        yield "attn_q.weight", (queries, self.hidden)
        yield "attn_k.weight", (keys, self.hidden)
        yield "attn_v.weight", (keys, self.hidden)
        yield "attn_output.weight", (self.hidden, queries)
        yield "ffn_norm.weight", (self.hidden,)
        yield "ffn_gate.weight", (self.inner, self.hidden)
        yield "ffn_up.weight", (self.inner, self.hidden)
        yield "ffn_down.weight", (self.hidden, self.inner)

    def _mamba(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield "attn_norm.weight", (self.hidden,)
        yield "ssm_in.weight", (2 * self.inner, self.hidden)
        yield "ssm_conv1d.weight", (self.inner, self.d_conv)
        yield "ssm_conv1d.bias", (self.inner,)
        yield "ssm_x.weight", (self.dt_rank + 2 * self.d_state, self.inner)
        yield "ssm_dt.weight", (self.inner, self.dt_rank)
        yield "ssm_dt.bias", (self.inner,)
        yield "ssm_a", (self.inner, self.d_state)
        yield "ssm_d", (self.inner,)
        yield "ssm_out.weight", (self.hidden, self.inner)

    @property
    def parameters(self) -> int:
        """Return how many weights there are."""
        return sum(int(np.prod(shape)) for _, shape in self.tensors())


def write_f16(path: Path, shape: Shape, *, name: str) -> None:
    """Write a model of random weights in float16; vectors, scan parameters and convolutions in float32."""
    rng = np.random.default_rng(0)
    block = rng.standard_normal(_BLOCK, dtype=np.float32)
    values = {
        tensor: _values(tensor, sizes, np.roll(block, 131 * number))
        for number, (tensor, sizes) in enumerate(shape.tensors())
    }
    write_tensors(path, shape, values, name=name)


def write_tensors(path: Path, shape: Shape, tensors: Mapping[str, NDArray[Any]], *, name: str) -> None:
    """Write a model of given tensors, float16 or float32 as they are."""
    import gguf

    writer = gguf.GGUFWriter(path, shape.kind)
    _metadata(writer, shape, name)
    for tensor, values in tensors.items():
        writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _metadata(writer: "gguf.GGUFWriter", shape: Shape, name: str) -> None:  # type: ignore[name-defined]  # noqa: F821
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES["F16"])
    writer.add_vocab_size(shape.vocab)
    writer.add_tokenizer_model("no_vocab")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_layer_norm_rms_eps(1e-5)
    if shape.kind == "llama":
        writer.add_feed_forward_length(shape.inner)
        writer.add_head_count(shape.heads)
        writer.add_head_count_kv(shape.kv_heads)
        writer.add_rope_dimension_count(shape.head_dim)
        writer.add_key_length(shape.head_dim)
        writer.add_value_length(shape.head_dim)
        return
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_ssm_conv_kernel(shape.d_conv)
    writer.add_ssm_inner_size(shape.inner)
    writer.add_ssm_state_size(shape.d_state)
    writer.add_ssm_time_step_rank(shape.dt_rank)


def _values(name: str, shape: tuple[int, ...], block: NDArray[np.float32]) -> NDArray[np.floating]:
    """Matrices keep the size of activations; norms are near one; the scan decays."""
    flat = np.resize(block, int(np.prod(shape))).reshape(shape)
    if "norm" in name:
        return np.asarray(1 + 0.1 * flat, np.float32)
    if name.endswith("ssm_a"):
        return np.asarray(-np.exp(0.5 * flat), np.float32)
    if len(shape) == 1 or "conv1d" in name:
        return np.asarray(0.1 * flat, np.float32)
    return (flat * np.float32(shape[1] ** -0.5)).astype(np.float16)


def quantize(source: Path, target: Path, file_type: str, *, threads: int) -> None:
    """Let llama.cpp quantize a file.

    Raises
    ------
    RuntimeError
        If it refuses.
    """
    import llama_cpp

    from profiler.backends.ggml.library import silence

    silence()
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype, parameters.nthread = FILE_TYPES[file_type], threads
    status = llama_cpp.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(parameters)
    )
    if status != 0:
        raise RuntimeError(f"llama.cpp could not quantize {source.name} to {file_type}: status {status}")
