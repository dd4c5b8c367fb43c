"""Blocks of quantized weights as GGUF files store them: random ones, and what they stand for.

Layouts as in ggml/src/ggml-common.h of llama.cpp. A row of k weights is k / 32 blocks (Q4_0, Q8_0)
or k / 256 of them (Q4_K, Q6_K); each carries its scales in front of or behind its codes.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import BLOCK, draw, identity, remembered, tile

Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]


class Layout(NamedTuple):
    """One block: how many weights, how many bytes, and how far its codes spread.

    `spread` is the root-mean-square of codes times block-inner scales, as drawn here at scale one.
    """

    weights: int
    size_bytes: int
    spread: float


LAYOUTS: Final = MappingProxyType(
    {
        "F16": Layout(1, 2, 1.0),
        "Q8_0": Layout(32, 34, 74.0),
        "Q4_0": Layout(32, 18, 4.6),
        "Q4_K": Layout(256, 144, 330.0),
        "Q6_K": Layout(256, 210, 1370.0),
    }
)


def size_bytes(kind: str, n: int, k: int) -> int:
    """Return the bytes of n rows of k weights."""
    layout = LAYOUTS[kind]
    return n * k // layout.weights * layout.size_bytes


def random_blocks(kind: str, n: int, k: int, rng: np.random.Generator) -> Bytes:
    """Draw n rows of k weights of a root-mean-square near 1 / sqrt(k), as stored.

    Returns
    -------
    ndarray of uint8, shape (n, bytes per row)
    """
    if kind == "F16":
        weights = draw(rng, (n, k), scale=k**-0.5, kind=np.float16)
        key: tuple[object, ...] = ("halves", identity(weights) or weights.tobytes())
        return remembered(key, lambda: np.ascontiguousarray(weights).view(np.uint8))
    block = rng.integers(0, 256, BLOCK, dtype=np.uint8)
    return remembered((block.tobytes(), kind, n, k), lambda: _blocks(kind, n, k, block))


def _blocks(kind: str, n: int, k: int, block: Bytes) -> Bytes:
    """Fill rows with random bytes, and set the scales of each block."""
    layout = LAYOUTS[kind]
    blocks = tile(block, (n * k // layout.weights, layout.size_bytes))
    scale = np.float16(k**-0.5 / layout.spread)
    places = {"Q8_0": (0,), "Q4_0": (0,), "Q4_K": (0, 2), "Q6_K": (208,)}[kind]
    for place in places:
        # A smallest scale of Q4_K is subtracted: as large as eight codes, so that weights centre on zero.
        factor = 7.5 if kind == "Q4_K" and place == 2 else 1.0
        blocks[:, place : place + 2] = np.array([scale * np.float16(factor)], np.float16).view(np.uint8)
    return blocks.reshape(n, -1)


def dequantize(kind: str, rows: Bytes) -> Doubles:
    """Return what stored rows stand for, shape (rows, k)."""
    if kind == "F16":
        return rows.view(np.float16).astype(np.float64)
    blocks = rows.reshape(-1, LAYOUTS[kind].size_bytes)
    return np.asarray(_UNPACK[kind](blocks).reshape(len(rows), -1))


def _half(blocks: Bytes, place: int) -> Doubles:
    return np.ascontiguousarray(blocks[:, place : place + 2]).view(np.float16).astype(np.float64)


def _q8_0(blocks: Bytes) -> Doubles:
    return _half(blocks, 0) * blocks[:, 2:].view(np.int8)


def _q4_0(blocks: Bytes) -> Doubles:
    codes = blocks[:, 2:]
    return _half(blocks, 0) * (np.concatenate([codes & 15, codes >> 4], axis=1).astype(np.float64) - 8)


def _q4_k(blocks: Bytes) -> Doubles:
    """Eight groups of 32 with a scale and a minimum of six bits each, packed into twelve bytes."""
    packed = blocks[:, 4:16].astype(np.int64)
    low, middle, high = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scales = np.concatenate([low & 63, (high & 15) | (low >> 6 << 4)], axis=1)
    minima = np.concatenate([middle & 63, (high >> 4) | (middle >> 6 << 4)], axis=1)
    codes = blocks[:, 16:].reshape(-1, 4, 1, 32)
    both = np.concatenate([codes & 15, codes >> 4], axis=2).reshape(-1, 8, 32)
    scaled = _half(blocks, 0)[..., None] * scales[..., None] * both
    return np.asarray(scaled - _half(blocks, 2)[..., None] * minima[..., None])


def _q6_k(blocks: Bytes) -> Doubles:
    """Codes of four low and two high bits; sixteen groups of 16 with signed scales."""
    low = blocks[:, :128].reshape(-1, 2, 2, 32)
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32)
    shifts = np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1)
    nibbles = np.concatenate([low & 15, low >> 4], axis=2)
    codes = (nibbles | ((high >> shifts) & 3) << 4).astype(np.float64) - 32
    scales = blocks[:, 192:208].view(np.int8).astype(np.float64)
    return np.asarray(_half(blocks, 208)[..., None] * scales[..., None] * codes.reshape(-1, 16, 16))


_UNPACK: Final[MappingProxyType[str, Callable[[Bytes], Any]]] = MappingProxyType(
    {"Q8_0": _q8_0, "Q4_0": _q4_0, "Q4_K": _q4_k, "Q6_K": _q6_k}
)
