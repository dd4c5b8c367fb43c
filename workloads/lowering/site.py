"""Where the ops of one group of layers stand: how often, on which tokens, in which formats."""

from dataclasses import dataclass, replace

import numpy as np

from workloads.matrix import Matrix
from workloads.ops import Amount, Op, OpKind, Step
from workloads.shard import Shard
from workloads.storage import KvFormat, Storage, WeightFormat

NORM_FLOP = 5.0
"""Per value: add the residual, square, sum, scale by the root, scale by the weight."""
NORM_MOVES = 4.0
"""Per value: read input and residual, write both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One group of equal layers on one device.

    Attributes
    ----------
    hidden : int
        Width of the hidden state.
    calls : float
        Layers of the group on one pipeline stage, on average.
    step : Step
        This device's share of the batch.
    instance_tokens : float or ndarray
        Tokens of the whole instance, which the experts of a layer share.
    """

    hidden: int
    calls: float
    step: Step
    instance_tokens: Amount
    weights: WeightFormat
    kv: KvFormat
    shard: Shard
    has_experts: bool

    def stored(self, matrix: Matrix) -> Storage:
        """How a matrix is stored."""
        return self.weights.storage(matrix.role, has_experts=self.has_experts)

    def activation(self, values: Amount) -> Amount:
        """Bytes of values that pass between ops, over all calls."""
        return self.calls * values * self.weights.activation_bytes

    def matmul(self, matrix: Matrix, rows: Amount, *, storage: Storage | None = None) -> Op:
        """Return a dense matmul of `rows` tokens, its weights read once if there are any."""
        storage = storage or self.stored(matrix)
        read = np.where(np.asarray(rows) > 0, 1.0, 0.0)
        return Op(
            kind=OpKind.MATMUL,
            name=matrix.name,
            calls=self.calls,
            flop=2 * self.calls * rows * matrix.used * matrix.params,
            weight_bytes=self.calls * read * matrix.used * storage.bytes_of(matrix.params),
            activation_bytes=self.activation(rows * matrix.used * (matrix.inputs + matrix.outputs)),
            dtype=storage.dtype,
            weight_format=storage.format,
            rows=rows,
        )

    def elementwise(self, name: str, *, values: Amount, flop: float, moves: float) -> Op:
        """Return an elementwise op: `flop` and `moves` (reads plus writes) per value."""
        return Op(
            kind=OpKind.ELEMENTWISE,
            name=name,
            calls=self.calls,
            flop=self.calls * values * flop,
            activation_bytes=self.activation(values * moves),
            dtype=self.weights.other_dtype,
            rows=self.step.tokens,
        )

    def norm(self, name: str, count: float = 1.0) -> Op:
        """Return `count` norms of the hidden state, each with its residual."""
        values = count * self.step.tokens * self.hidden
        op = self.elementwise(name, values=values, flop=NORM_FLOP, moves=NORM_MOVES)
        return replace(op, calls=count * self.calls)
