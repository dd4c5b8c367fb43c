"""Recurrences as ops: scan of a prompt, one update per decoded token, and their convolutions.

Flop per value of state and token, as the recurrence is written (an exponential
counts one); what a chunked kernel does beyond that is efficiency, not work.
"""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import numpy as np

from workloads.lowering.site import Site
from workloads.mixers import GatedDeltaNet, KimiDeltaAttention, Lightning, Mamba1, Mamba2, Rwkv
from workloads.ops import Amount, Op, OpKind

Recurrent = Mamba1 | Mamba2 | GatedDeltaNet | KimiDeltaAttention | Lightning | Rwkv

FLOP_PER_STATE_VALUE: Final = MappingProxyType(
    {
        "mamba1": 7.0,  # exp(dt A): 2; (dt x) B: 1; h = a h + b: 2; y += C h: 2
        "mamba2": 5.0,  # (dt x) B: 1; h = a h + b with one a per head: 2; y += C h: 2
        "gated_delta_net": 7.0,  # S = a S: 1; k S: 2; S += k (v - k S): 2; q S: 2
        "kimi_delta": 7.0,  # the same, a per channel
        "lightning": 5.0,  # S = a S + k v: 3; q S: 2
        "rwkv": 7.0,  # k v: 1; S + u k v: 2; r (...): 2; S = w S + k v: 2
    }
)

FLOP_PER_CHANNEL: Final = 3.0
"""Of Mamba: dt x, and the skip D x added to y."""

STATE_BYTES: Final = 4.0
"""Recurrent state is kept in FP32 (llama.cpp; `mamba_ssm_cache_dtype` of Nemotron-H, Qwen3-Next)."""
CONV_STATE_BYTES: Final = 2.0
"""The last inputs of the convolution, in the 16 bit of the activations."""
GATE_FLOP: Final = 5.0
"""Per value: exponential, sum, quotient, two products."""
GATE_MOVES: Final = 3.0


def recurrent_ops(mixer: Recurrent, site: Site) -> Iterator[Op]:
    """Yield projections, convolution, recurrence and output gate of one layer."""
    for matrix in mixer.matrices(site.hidden, site.shard):
        yield site.matmul(matrix, site.step.tokens)
    yield from _convolution(mixer, site)
    yield from _recurrence(mixer, site)
    yield site.elementwise(
        "ssm.gate", values=site.step.tokens * _width(mixer, site), flop=GATE_FLOP, moves=GATE_MOVES
    )


def _width(mixer: Recurrent, site: Site) -> float:
    """Channels that come out of the recurrence: the inputs of the output projection."""
    return mixer.matrices(site.hidden, site.shard)[-1].inputs


def _convolution(mixer: Recurrent, site: Site) -> Iterator[Op]:
    """Depthwise causal convolution, where the mixer has one."""
    if isinstance(mixer, (Lightning, Rwkv)):
        return
    channels = mixer.conv_values(site.hidden, site.shard) / mixer.d_conv
    tokens, sequences = site.step.tokens, site.step.sequences
    yield Op(
        kind=OpKind.CONV1D,
        name="ssm.conv",
        calls=site.calls,
        flop=2 * site.calls * tokens * channels * mixer.d_conv,
        activation_bytes=site.activation(2 * tokens * channels),
        cache_bytes=2 * site.calls * sequences * channels * mixer.d_conv * CONV_STATE_BYTES,
        dtype=site.weights.other_dtype,
        rows=tokens,
    )


def _recurrence(mixer: Recurrent, site: Site) -> Iterator[Op]:
    step = site.step
    if np.any(step.prefill_sequences):
        tokens = step.prefill_sequences * step.prefill_tokens
        yield _recur(mixer, site, OpKind.SCAN, tokens=tokens, sequences=step.prefill_sequences)
    if np.any(step.decode_sequences):
        sequences = step.decode_sequences
        yield _recur(mixer, site, OpKind.STATE_UPDATE, tokens=sequences, sequences=sequences)


def _recur(mixer: Recurrent, site: Site, kind: OpKind, *, tokens: Amount, sequences: Amount) -> Op:
    """State read and written once per sequence; inputs in and outputs out once per token."""
    state = mixer.state_values(site.hidden, site.shard)
    channels = _width(mixer, site) if isinstance(mixer, (Mamba1, Mamba2)) else 0.0
    return Op(
        kind=kind,
        name="ssm.scan" if kind is OpKind.SCAN else "ssm.update",
        calls=site.calls,
        flop=site.calls * tokens * (state * FLOP_PER_STATE_VALUE[mixer.kind] + channels * FLOP_PER_CHANNEL),
        activation_bytes=site.activation(tokens * _moved_values(mixer, site)),
        cache_bytes=2 * site.calls * sequences * state * STATE_BYTES,
        dtype="fp32",
        rows=tokens,
    )


def _moved_values(mixer: Recurrent, site: Site) -> float:
    """Values per token into and out of the recurrence."""
    width = _width(mixer, site)
    if isinstance(mixer, Mamba1):
        return 3 * width + 2 * mixer.d_state  # x, step, y; B and C
    if isinstance(mixer, Mamba2):
        return width + mixer.conv_width(site.shard) + mixer.heads / site.shard.tp  # y; x, B, C; step
    return 4 * width if isinstance(mixer, (GatedDeltaNet, Lightning)) else 5 * width
