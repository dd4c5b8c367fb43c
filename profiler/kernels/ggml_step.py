"""A whole step of llama.cpp through a model too small to matter: what a step costs beside its kernels.

The model is a transformer of the usual shape with a width of 64; at two depths in layers, the line through
both times meets zero layers at the cost of the step itself: building inputs, starting workers, handing out
logits. Checked against the whole forward pass in float64.
"""

from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import draw
from profiler.kernels.ggml_layer import EPSILON, rotate
from profiler.kernels.kernel import ESSENTIAL, Arrays, Kernel, Point, Work, relative_error

Doubles = NDArray[np.float64]

HIDDEN, FFN, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 64, 128, 2, 1, 32, 512
PROMPT = 12
"""Tokens of the prompt that is checked."""
MATRICES: Final = MappingProxyType(
    {
        "attn_q": (HEADS * HEAD_DIM, HIDDEN), "attn_k": (KV_HEADS * HEAD_DIM, HIDDEN),
        "attn_v": (KV_HEADS * HEAD_DIM, HIDDEN), "attn_output": (HIDDEN, HEADS * HEAD_DIM),
        "ffn_gate": (FFN, HIDDEN), "ffn_up": (FFN, HIDDEN), "ffn_down": (HIDDEN, FFN),
    }
)  # fmt: skip


class GgmlStep(Kernel):
    """Decode of one token at depth 0. Shape: layers."""

    name = "ggml_step"
    rotated = ()

    def points(self) -> tuple[Point, ...]:
        """Return two numbers of layers."""
        return tuple(
            Point(kernel=self.name, dtype="fp16", tier=ESSENTIAL, shape={"layers": layers})
            for layers in (2, 18)
        )

    def work(self, point: Point) -> Work:
        """Count all matrices once."""
        each = sum(outputs * inputs for outputs, inputs in MATRICES.values())
        weights = point.shape["layers"] * each + VOCAB * HIDDEN
        return Work(flop=2.0 * weights, bytes=2.0 * weights)

    def roamed_bytes(self, point: Point) -> float:
        """Nothing is to be cold: the point is what is left when kernels cost nothing."""
        return float("inf")

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw all tensors under their GGUF names, and the tokens of a prompt."""
        tensors: dict[str, NDArray[np.generic]] = {
            "tokens": rng.integers(0, VOCAB, PROMPT, dtype=np.int32),
            "token_embd.weight": draw(rng, (VOCAB, HIDDEN)).astype(np.float16),
            "output.weight": draw(rng, (VOCAB, HIDDEN), scale=HIDDEN**-0.5).astype(np.float16),
            "output_norm.weight": 1 + draw(rng, (HIDDEN,), scale=0.1),
        }
        for layer in range(point.shape["layers"]):
            for name, (outputs, inputs) in MATRICES.items():
                # Two residual branches a layer: their sum stays of the size of the embedding.
                matrix = draw(rng, (outputs, inputs), scale=inputs**-0.5)
                tensors[f"blk.{layer}.{name}.weight"] = matrix.astype(np.float16)
            for name in ("attn_norm", "ffn_norm"):
                tensors[f"blk.{layer}.{name}.weight"] = 1 + draw(rng, (HIDDEN,), scale=0.1)
        return tensors

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the logits after the last token of the prompt."""
        return relative_error(output["logits"], forward(inputs, point.shape["layers"])[-1])

    def tolerance(self, point: Point) -> float:
        """Return float16 activations and cache through some dozen layers of random weights."""
        return 0.02


def forward(tensors: Arrays, layers: int) -> Doubles:
    """Run the prompt through the model in float64; returns logits (tokens, vocabulary)."""
    w = {name: array.astype(np.float64) for name, array in tensors.items() if name != "tokens"}
    h = w["token_embd.weight"][tensors["tokens"]]
    positions = np.arange(len(h))
    for layer in range(layers):
        p = {name: w[f"blk.{layer}.{name}.weight"] for name in (*MATRICES, "attn_norm", "ffn_norm")}
        x = _norm(h, p["attn_norm"])
        q = rotate(_times(x, p["attn_q"]), positions, HEAD_DIM).reshape(len(h), HEADS, HEAD_DIM)
        k = rotate(_times(x, p["attn_k"]), positions, HEAD_DIM).reshape(len(h), KV_HEADS, HEAD_DIM)
        v = _times(x, p["attn_v"]).reshape(len(h), KV_HEADS, HEAD_DIM)
        h = h + _times(_attend(q, k, v), p["attn_output"])
        x = _norm(h, p["ffn_norm"])
        gate = _times(x, p["ffn_gate"])
        h = h + _times(gate / (1 + np.exp(-gate)) * _times(x, p["ffn_up"]), p["ffn_down"])
    return _times(_norm(h, w["output_norm.weight"]), w["output.weight"])


def _times(x: Doubles, weight: Doubles) -> Doubles:
    return np.asarray(np.einsum("tk,nk->tn", x, weight, optimize=False))


def _norm(x: Doubles, weight: Doubles) -> Doubles:
    return np.asarray(x / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + EPSILON) * weight)


def _attend(q: Doubles, k: Doubles, v: Doubles) -> Doubles:
    group = HEADS // KV_HEADS
    keys, values = k.repeat(group, axis=1), v.repeat(group, axis=1)
    scores = np.einsum("qhd,khd->hqk", q, keys) / np.sqrt(HEAD_DIM)
    scores[:, np.triu(np.ones(scores.shape[1:], bool), 1)] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return np.asarray(np.einsum("hqk,khd->qhd", weights, values).reshape(len(q), -1))
