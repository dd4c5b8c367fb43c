"""Time of a step by the tables of llama.cpp's own graph nodes, on a machine that was profiled with them.

Matmuls go by rows and stored format, attention by sequences and context, a Mamba mixer by sequences and
tokens; what is left of a layer goes by its arithmetic. The step's own cost comes on top.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from planner.laws.curves import PROMPT_KEY, Table, seconds_per_unit
from workloads import formats
from workloads.ops import Amount, Op, OpKind

Array = NDArray[np.float64]

PARTS: Final = ("matmul", "attention", "mixer", "layer", "step")
"""What a step's time goes to."""
CACHE_VALUE_BYTES: Final = 2.0
"""The tables are of a float16 cache."""
_MIXED: Final = MappingProxyType({"Q4_K_M": ("Q4_K", "Q6_K"), "Q4_K_S": ("Q4_K", "Q6_K")})
"""Files of two block types: their share follows from the bits per weight."""
_BITS: Final = MappingProxyType({"F16": 16.0, "Q8_0": 8.5, "Q6_K": 6.5625, "Q4_K": 4.5, "Q4_0": 4.5})
_ATTENTIONS: Final = (OpKind.ATTENTION_PREFILL, OpKind.ATTENTION_DECODE)
_MIXERS: Final = (OpKind.SCAN, OpKind.STATE_UPDATE)
NEEDED: Final = ("ggml_matmul", "ggml_layer")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphTime:
    """Seconds of one step by part, and the log sigma of each part's table.

    Attributes
    ----------
    seconds : dict of str to ndarray
        By `PARTS`, one value per case.
    sigma_log : dict of str to float
        Of each part, fully correlated within it.
    """

    seconds: Mapping[str, Array]
    sigma_log: Mapping[str, float]

    @property
    def total_s(self) -> Array:
        """Seconds of the whole step."""
        return np.asarray(sum(self.seconds.values()))

    @property
    def total_sigma_log(self) -> Array:
        """Sigma of the total: parts err together, since one machine's state moves them all."""
        parts = sum(self.seconds[name] * self.sigma_log[name] for name in self.seconds)
        return np.asarray(parts / np.maximum(self.total_s, 1e-30))


class Tables:
    """Tables of one profile by kernel and format.

    Parameters
    ----------
    tables : sequence of Table
    step_s : float
        What a step costs beside its nodes. [s]
    """

    def __init__(self, tables: Sequence[Table], step_s: float) -> None:
        self.by_kernel: dict[str, dict[str | None, Table]] = {}
        for table in tables:
            self.by_kernel.setdefault(table.kernel, {})[table.format] = table
        self.step_s = step_s

    @property
    def complete(self) -> bool:
        """Tell whether a transformer's step can be timed."""
        return all(kernel in self.by_kernel for kernel in NEEDED)

    def covers(self, ops: Iterable[Op]) -> bool:
        """Tell whether there is a table for all of these."""
        kinds = {op.kind for op in ops}
        attends, mixes = kinds & set(_ATTENTIONS), kinds & set(_MIXERS)
        return (
            self.complete
            and (not attends or "ggml_attention" in self.by_kernel)
            and (not mixes or "ggml_mamba" in self.by_kernel)
            and OpKind.EXPERT_MATMUL not in kinds
        )

    def step(self, ops: Sequence[Op]) -> GraphTime:
        """Time one step.

        Parameters
        ----------
        ops : sequence of Op
            Lowered with GGUF weights; amounts are scalars or one per case.
        """
        seconds: dict[str, Amount] = dict.fromkeys(PARTS, 0.0)
        matmuls = [op for op in ops if op.kind is OpKind.MATMUL]
        side_by_side = all(op.kind is not OpKind.SCAN for op in ops)
        for op, after in zip(matmuls, [*matmuls[1:], None], strict=True):
            apart = side_by_side and op.name.startswith(RECURRENT)
            seconds["matmul"] = seconds["matmul"] + self._matmul(op, after, apart=apart)
        for op in ops:
            if op.kind is OpKind.MATMUL:
                continue
            if op.kind in _ATTENTIONS:
                seconds["attention"] = seconds["attention"] + self._attention(op)
            elif op.kind in _MIXERS:
                seconds["mixer"] = seconds["mixer"] + self._mixer(op)
        seconds["layer"] = self._layers(ops)
        seconds["step"] = self.step_s
        arrays = np.broadcast_arrays(*(np.asarray(seconds[name], np.float64) for name in PARTS))
        return GraphTime(
            seconds=dict(zip(PARTS, arrays, strict=True)),
            sigma_log={
                "matmul": self._sigma("ggml_matmul"), "attention": self._sigma("ggml_attention"),
                "mixer": self._sigma("ggml_mamba"), "layer": self._sigma("ggml_layer"), "step": 0.5,
            },
        )  # fmt: skip

    def _sigma(self, kernel: str) -> float:
        return max((table.sigma_log for table in self.by_kernel.get(kernel, {}).values()), default=0.0)

    def _matmul(self, op: Op, after: Op | None, *, apart: bool) -> Array:
        """Time one op, matrix by matrix; `apart` where each sequence goes through it by itself."""
        rows = np.maximum(op.rows, 1e-9)
        weights = np.asarray(op.flop / (2.0 * rows), np.float64)
        at = np.maximum(rows, 1.0)
        total = np.zeros(np.broadcast(weights, at).shape)
        for share in _matrices(op, after):
            size = np.maximum(share * weights / np.maximum(op.calls, 1e-9), 1.0)
            rate = self._rate("ggml_matmul", op, weights, size, at)
            if apart and "ggml_matvecs" in self.by_kernel:
                rate = np.where(at > 1.0, self._rate("ggml_matvecs", op, weights, size, at), rate)
            total = total + share * weights * rate
        return np.asarray(np.where(np.asarray(op.rows) > 0, total, 0.0))

    def _rate(self, kernel: str, op: Op, weights: Array, size: Array, at: Array) -> Array:
        """Return seconds per weight, of two formats where the file mixes them."""
        low, high, share = self._stored(kernel, op, weights)
        return (1 - share) * seconds_per_unit(low, size, at) + share * seconds_per_unit(high, size, at)

    def _stored(self, kernel: str, op: Op, weights: Array) -> tuple[Table, Table, Array]:
        """Return two tables of formats, and the share of the second one."""
        tables = self.by_kernel[kernel]
        name = op.weight_format
        nothing = np.zeros_like(weights)
        if name in tables:
            return tables[name], tables[name], nothing
        low, high = _MIXED.get(name or "", ("", ""))
        if low in tables and high in tables:
            bits = 8.0 * np.asarray(op.weight_bytes, np.float64) / np.maximum(weights, 1.0)
            share = np.clip((bits - _BITS[low]) / (_BITS[high] - _BITS[low]), 0.0, 1.0)
            return tables[low], tables[high], share
        wanted = formats.get(name).bits_per_weight if name is not None else 16.0
        nearest = min((key for key in tables if key in _BITS), key=lambda key: abs(_BITS[key or ""] - wanted))
        return tables[nearest], tables[nearest], nothing

    def _attention(self, op: Op) -> Array:
        """Context from the flop, 4 per query value and pair: what is masked of a page costs little."""
        table = self.by_kernel["ggml_attention"][None]
        flop, rows, calls = (np.asarray(v, np.float64) for v in (op.flop, op.rows, op.calls))
        rows = np.maximum(rows, 1.0)
        context = np.maximum(flop / calls / rows / (4.0 * op.width), 1.0)
        if op.kind is OpKind.ATTENTION_PREFILL:
            return np.asarray(flop * seconds_per_unit(table, PROMPT_KEY * rows, context))
        return np.asarray(flop * seconds_per_unit(table, rows, context))

    def _mixer(self, op: Op) -> Array:
        table = self.by_kernel["ggml_mamba"][None]
        flop = np.maximum(np.asarray(op.flop, np.float64), 1.0)
        key = op.rows if op.kind is OpKind.STATE_UPDATE else PROMPT_KEY
        return np.asarray(flop * seconds_per_unit(table, np.maximum(key, 1.0), flop / op.calls))

    def _layers(self, ops: Sequence[Op]) -> Amount:
        """Time the small operations of layers that attend; a Mamba mixer's table holds its own."""
        attends = [op for op in ops if op.kind in _ATTENTIONS]
        if not attends:
            return 0.0
        layers = np.asarray(sum(op.calls for op in attends), np.float64)
        # By flop: the bytes of an activation depend on the weights' format, those of llama.cpp never do.
        done = sum(
            np.asarray(op.flop, np.float64)
            for op in ops
            if op.kind is OpKind.ELEMENTWISE and not op.name.startswith("ssm.")
        )
        done = np.maximum(done, 1.0)
        return np.asarray(done * seconds_per_unit(self.by_kernel["ggml_layer"][None], 1.0, done / layers))


def _matrices(op: Op, after: Op | None) -> tuple[float, ...]:
    """Return the shares of an op's weights that its matrices hold: llama.cpp multiplies each by itself.

    Queries are as wide as what the output projection takes in, keys and values share the rest; a gate stands
    beside what goes up where both together are larger than what comes down.
    """
    if after is None:
        return (1.0,)
    ratio = float(np.max(np.asarray(after.flop))) * float(np.max(np.asarray(op.rows)))
    ratio /= max(float(np.max(np.asarray(op.flop))) * float(np.max(np.asarray(after.rows))), 1e-30)
    if op.name == "attention.qkv" and after.name == "attention.out" and 0 < ratio < 1:
        return ratio, (1 - ratio) / 2, (1 - ratio) / 2
    if op.name == "mlp.up" and after.name == "mlp.down" and ratio < _GATED_BELOW:
        return 0.5, 0.5
    return (1.0,)


_GATED_BELOW: Final = 0.75
RECURRENT: Final = "ssm."
"""Names of the matmuls of recurrent mixers."""
DENSE, CACHE, MOVE = 0, 3, 4
"""Rows of ideal seconds that the parts go to (`ideal.SLOTS`)."""
_ROWS: Final = MappingProxyType({DENSE: ("matmul",), CACHE: ("attention", "mixer"), MOVE: ("layer", "step")})


def put_graphs(
    memory_s: Array,
    outside: NDArray[np.bool_],
    ops: Sequence[Op],
    graphs: Sequence[Tables | None],
    which: NDArray[np.intp],
) -> None:
    """Put llama.cpp's own nodes in the place of laws, on machines profiled with them and for its files.

    Parameters
    ----------
    memory_s : ndarray, shape (5, cases)
        Seconds by slot; columns of such machines are written anew.
    outside : ndarray of bool, shape (cases,)
        Cleared where tables answer.
    ops : sequence of Op
        One step.
    graphs : sequence of Tables or None
        Of each target.
    which : ndarray of int, shape (cases,)
        Target of each case.
    """
    if not any(graphs) or not runs_on_llama_cpp(ops):
        return
    for number, graph in enumerate(graphs):
        mine = which == number
        if graph is None or not mine.any() or not graph.covers(ops):
            continue
        seconds = graph.step(ops).seconds
        memory_s[:, mine] = 0.0
        outside[mine] = False
        for slot, parts in _ROWS.items():
            found = sum(np.broadcast_to(seconds[part], which.shape) for part in parts)
            memory_s[slot, mine] = np.asarray(found)[mine]


def runs_on_llama_cpp(ops: Sequence[Op]) -> bool:
    """Tell whether the weights are stored as llama.cpp alone stores them."""
    names = {op.weight_format for op in ops if op.kind is OpKind.MATMUL and op.weight_format is not None}
    return any(formats.get(name).family == "gguf" for name in names)
