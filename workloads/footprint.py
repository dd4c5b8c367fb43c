"""Memory that a model takes on one device: weights, cache and state, activations.

Of a pipeline, the fullest stage counts: it has ceil(layers / pp) layers and
either the embedding or the head.
"""

import math

from workloads import reach
from workloads.architecture import Architecture, Block
from workloads.lowering.recurrent import CONV_STATE_BYTES, STATE_BYTES
from workloads.matrix import Matrix, Role
from workloads.ops import Amount
from workloads.shard import WHOLE, Shard
from workloads.storage import KvFormat, WeightFormat

ACTIVATION_BYTES = 2.0
"""Of one activation value in memory: 16 bit."""
VISION_BYTES = 2.0
"""Of one weight of an image encoder; text formats leave it at 16 bit."""
LOGIT_BYTES = 4.0
"""Logits are sampled in FP32."""
RESIDUAL_COPIES = 2.0
"""Hidden state and residual live through every layer."""


def _stage_share(architecture: Architecture, shard: Shard) -> float:
    """Share of the layers that the fullest stage holds."""
    return math.ceil(architecture.layers / shard.pp) / architecture.layers


def weight_bytes(architecture: Architecture, weights: WeightFormat, shard: Shard = WHOLE) -> float:
    """Return the weights on the fullest device.

    Encoders of images count at 16 bit on every device, except beside GGUF
    formats, where they are a file of their own; layers that only draft tokens
    do not count.

    Returns
    -------
    float
        [bytes]
    """
    layers = sum(
        block.count * _layer_bytes(architecture, block, weights, shard) for block in architecture.blocks
    )
    vision = 0.0 if weights.family == "gguf" else architecture.vision_params * VISION_BYTES
    return _stage_share(architecture, shard) * layers + _end_bytes(architecture, weights, shard) + vision


def _layer_bytes(architecture: Architecture, block: Block, weights: WeightFormat, shard: Shard) -> float:
    total = weights.plain.bytes_of(block.norms * architecture.norm_width)
    for part in (*block.mixers, *block.feed_forwards):
        total += weights.plain.bytes_of(part.vector_params(architecture.hidden, shard))
        for matrix in part.matrices(architecture.hidden, shard):
            storage = weights.storage(matrix.role, has_experts=architecture.has_experts)
            total += storage.bytes_of(matrix.stored_params)
    return total


def _end_bytes(architecture: Architecture, weights: WeightFormat, shard: Shard) -> float:
    table = architecture.embedding_params() / shard.tp
    positions = architecture.learned_positions * architecture.hidden
    head_side = weights.head.bytes_of(table) + weights.plain.bytes_of(architecture.norm_width)
    if architecture.tied:
        return head_side + weights.plain.bytes_of(positions)
    embedding_side = weights.embedding.bytes_of(table) + weights.plain.bytes_of(positions)
    return head_side + embedding_side if shard.pp == 1 else max(head_side, embedding_side)


def cache_bytes(
    architecture: Architecture,
    kv: KvFormat,
    shard: Shard = WHOLE,
    *,
    tokens: Amount,
    sequences: Amount,
) -> Amount:
    """Return KV cache and recurrent state on the fullest device.

    Parameters
    ----------
    tokens : float or ndarray
        Tokens of each sequence; windows keep fewer.
    sequences : float or ndarray
        Sequences of the whole instance; attention_dp groups share them.

    Returns
    -------
    float or ndarray
        [bytes]
    """
    each: Amount = 0.0
    for block in architecture.blocks:
        for mixer in block.mixers:
            state = mixer.state_values(architecture.hidden, shard) * STATE_BYTES
            state += mixer.conv_values(architecture.hidden, shard) * CONV_STATE_BYTES
            each = each + block.count * state
            for cache in mixer.caches(shard):
                entry = cache.values * (cache.bytes_per_value or kv.bytes_per_value)
                each = each + block.count * entry * reach.entries(cache.span, tokens)
    return each * sequences * (_stage_share(architecture, shard) / shard.attention_dp)


def activation_bytes(architecture: Architecture, shard: Shard = WHOLE, *, tokens: Amount) -> Amount:
    """Return the activations alive at once in a forward pass over `tokens`.

    The residual stream, and the inputs and outputs of the widest matmul of any
    layer; expert layers hold one row per chosen expert. Logits are apart, see
    `logit_bytes`.

    Parameters
    ----------
    tokens : float or ndarray
        Tokens of one step of the whole instance.

    Returns
    -------
    float or ndarray
        Per device. [bytes]
    """
    widest = max(
        _live_values(matrix, shard)
        for block in architecture.blocks
        for part in (*block.mixers, *block.feed_forwards)
        for matrix in part.matrices(architecture.hidden, shard)
    )
    values = RESIDUAL_COPIES * architecture.hidden + widest
    return tokens / shard.attention_dp * values * ACTIVATION_BYTES


def _live_values(matrix: Matrix, shard: Shard) -> float:
    """Count inputs and outputs of a matmul per local token; experts serve the tokens of all groups."""
    groups = shard.attention_dp if matrix.role is Role.EXPERT else 1
    return groups * matrix.used * (matrix.inputs + matrix.outputs)


def logit_bytes(architecture: Architecture, shard: Shard = WHOLE, *, sequences: Amount) -> Amount:
    """Return the bytes of the logits that are sampled in one step, gathered over tp."""
    return sequences / shard.attention_dp * architecture.vocab * LOGIT_BYTES
