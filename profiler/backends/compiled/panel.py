"""A few rows times panels of 64 columns: the inner loop of decoding.

out[g, j] = sum_r weights[g, r] panel[r, j]. A panel's row fills four registers, and its rows
follow each other in memory, so that a matrix of panels is read once, in order, at memory
speed, for up to four rows of weights together.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from profiler.backends.compiled import lanes, pairs
from profiler.backends.compiled.jit import emitted, inlined
from profiler.backends.compiled.lanes import LANES

REGISTERS = 4
COLUMNS = REGISTERS * LANES


class _Operands(NamedTuple):
    """How a number format is read and multiplied.

    Attributes
    ----------
    rows : int
        Rows of a panel that one step takes: their values of a column lie side by side.
    """

    rows: int
    load: Callable[..., Any]
    splat: Callable[..., Any]
    multiply_add: Callable[..., Any]


_numbers = _Operands(1, lanes.emit_load, lanes.emit_load_splat, lanes.emit_multiply_add)
_pairs = _Operands(2, pairs.emit_load_pairs, pairs.emit_splat_pair, pairs.emit_add_pair_products)


def _rows_times_panel(count: int, *, asked_for: Sequence[int] = ()) -> Callable[..., Any]:
    """Return an operation that adds `count` rows of weights times one panel to `out`.

    Written as instructions because all `count` x REGISTERS sums must stay in registers throughout the
    loop over the panel's rows. At each row it asks for what lies `ahead` of some of its registers.
    """

    def rows_times_panel(
        _typing: Any,
        weights: Any,
        g: Any,
        panels: Any,
        first: Any,
        rows: Any,
        out: Any,
        column: Any,
        ahead: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _emit_product(context, builder, signature.args, args, count, asked_for)
            return context.get_dummy_value()

        sizes = (types.intp, types.intp)
        return types.void(weights, types.intp, panels, *sizes, out, *sizes), generate

    return emitted(rows_times_panel)


def _emit_product(
    context: Any, builder: Any, kinds: Any, args: Any, count: int, asked_for: Sequence[int]
) -> None:
    """Emit the product of `count` rows of weights and a panel."""
    weights, g, panels, first, rows, out, column, ahead = args
    size = context.get_value_type(types.intp)
    operands = _pairs if kinds[2].dtype == types.uint16 else _numbers

    def plus(at: Any, offset: int) -> Any:
        return builder.add(at, ir.Constant(size, offset))

    def place(head: int, array_type: Any, array: Any, at: Any) -> Any:
        """Return the flat index of [g + head, at] in a two-dimensional array."""
        width = builder.extract_value(context.make_array(array_type)(context, builder, array).shape, 1)
        return builder.add(builder.mul(plus(g, head), width), at)

    targets = [
        [plus(place(head, kinds[5], out, column), register * LANES) for register in range(REGISTERS)]
        for head in range(count)
    ]
    sums = [[cgutils.alloca_once(builder, lanes.FLOATS) for _ in row] for row in targets]
    for row, places in zip(sums, targets, strict=True):
        for total, target in zip(row, places, strict=True):
            builder.store(lanes.emit_load(context, builder, kinds[5], out, target), total)
    turns = builder.udiv(rows, ir.Constant(size, operands.rows))
    with cgutils.for_range(builder, turns, intp=size) as loop:
        row_at = builder.mul(loop.index, ir.Constant(size, operands.rows))
        at = builder.add(first, builder.mul(row_at, ir.Constant(size, COLUMNS)))
        panel_row = [
            operands.load(context, builder, kinds[2], panels, plus(at, register * LANES * operands.rows))
            for register in range(REGISTERS)
        ]
        for register in asked_for:
            later = builder.add(plus(at, register * LANES * operands.rows), ahead)
            lanes.emit_prefetch(context, builder, kinds[2], panels, later, level=2)
        for head, row in enumerate(sums):
            weight_at = place(head, kinds[0], weights, row_at)
            weight = operands.splat(context, builder, kinds[0], weights, weight_at)
            for total, values in zip(row, panel_row, strict=True):
                builder.store(operands.multiply_add(builder, weight, values, builder.load(total)), total)
    for row, places in zip(sums, targets, strict=True):
        for total, target in zip(row, places, strict=True):
            lanes.emit_store(context, builder, kinds[5], out, target, builder.load(total))


_one_row, _two_rows, _four_rows = _rows_times_panel(1), _rows_times_panel(2), _rows_times_panel(4)
_four_of_eight = _rows_times_panel(4, asked_for=(0, 1))
_other_four_of_eight = _rows_times_panel(4, asked_for=(2, 3))


@inlined
def add_product(weights: Any, panels: Any, first: int, rows: int, out: Any, column: int, ahead: int) -> None:
    """Add weights[:, :rows] times one panel to out[:, column : column + COLUMNS].

    The panel of `rows` rows starts at panels.flat[first]. Weights and panel are both float32, or both
    bfloat16 held as uint16: then `rows` is even, and rows 2i and 2i + 1 of the panel lie value by value
    beside each other.

    Memory would have nothing to do while a panel is passed over again: where there are eight rows of
    weights, each of two passes asks for half of what lies `ahead` numbers later, into the second level (the
    first is full with what is passed over). Where one pass is all, asking holds memory back.
    """
    g, count = 0, len(weights)
    if count >= 8:
        _four_of_eight(weights, 0, panels, first, rows, out, column, ahead)
        _other_four_of_eight(weights, 4, panels, first, rows, out, column, ahead)
        g = 8
    while g + 4 <= count:
        _four_rows(weights, g, panels, first, rows, out, column, ahead)
        g += 4
    if g + 2 <= count:
        _two_rows(weights, g, panels, first, rows, out, column, ahead)
        g += 2
    if g < count:
        _one_row(weights, g, panels, first, rows, out, column, ahead)
