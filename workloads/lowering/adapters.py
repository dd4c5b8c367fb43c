"""Low-rank adapters (LoRA): two narrow matmuls beside every dense matrix of a layer.

Hu et al., "LoRA: Low-rank adaptation of large language models", ICLR 2022: y += B (A x), A of
rank x inputs, B of outputs x rank, in 16 bit. Expert matrices have none. Engines apply the adapters of
all sequences of a batch in one grouped call (Punica), so a step reads each adapter that it touches once.
"""

from collections.abc import Iterator

import numpy as np

from workloads.architecture import Architecture
from workloads.matrix import Role
from workloads.ops import Op, OpKind, Step
from workloads.shard import WHOLE, Shard

BYTES = 2.0


def _widths(architecture: Architecture, shard: Shard) -> Iterator[tuple[float, float, float]]:
    """Yield the layers of each group, and the summed inputs and outputs of their dense matrices."""
    for block in architecture.blocks:
        parts = (*block.mixers, *block.feed_forwards)
        dense = [
            matrix
            for part in parts
            for matrix in part.matrices(architecture.hidden, shard)
            if matrix.role is not Role.EXPERT
        ]
        yield block.count, sum(m.inputs for m in dense), sum(m.outputs for m in dense)


def adapter_params(architecture: Architecture, rank: int, shard: Shard = WHOLE) -> float:
    """Return the parameters of one adapter on one device of an average pipeline stage."""
    return sum(n * rank * (i + o) for n, i, o in _widths(architecture, shard)) / shard.pp


def adapter_ops(
    architecture: Architecture, step: Step, *, rank: int, adapters: int, shard: Shard = WHOLE
) -> Iterator[Op]:
    """Yield what adapters add to a step on one device.

    Parameters
    ----------
    rank, adapters : int
        Of one adapter; adapters that sequences of a batch are spread over evenly.
    """
    if rank < 1 or adapters < 1:
        return
    tokens = step.tokens / shard.attention_dp
    touched = np.minimum(float(adapters), step.sequences / shard.attention_dp)
    for count, inputs, outputs in _widths(architecture, shard):
        layers = count / shard.pp
        yield Op(
            kind=OpKind.MATMUL,
            name="adapter",
            calls=2.0 * layers,
            flop=2.0 * layers * tokens * rank * (inputs + outputs),
            weight_bytes=layers * touched * rank * (inputs + outputs) * BYTES,
            activation_bytes=layers * tokens * (inputs + outputs + 2.0 * rank) * BYTES,
            dtype="bf16",
            weight_format="BF16",
            rows=tokens,
        )
