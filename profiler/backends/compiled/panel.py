"""A few rows times panels of 64 columns: the inner loop of decoding.

out[g, j] = sum_r weights[g, r] panel[r, j]. A panel's row fills four registers, and its rows
follow each other in memory, so that a matrix of panels is read once, in order, at memory
speed, for up to four rows of weights together.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from profiler.backends.compiled import lanes
from profiler.backends.compiled.jit import emitted, inlined
from profiler.backends.compiled.lanes import LANES

REGISTERS = 4
COLUMNS = REGISTERS * LANES
AHEAD = {4: 24 * COLUMNS, 2: 64 * COLUMNS}
"""Elements between what is read and what is asked for, by their size: 6 KiB of float32, 8 KiB of
bfloat16, whose rows go by twice as fast."""
LINE_ELEMENTS = {4: LANES, 2: 2 * LANES}
"""Elements of one cache line, by their size."""


def _rows_times_panel(count: int) -> Callable[..., Any]:
    """Return an operation that adds `count` rows of weights times one panel to `out`.

    Written as instructions because all `count` x REGISTERS sums must stay in registers
    throughout the loop over the panel's rows.
    """

    def rows_times_panel(
        _typing: Any, weights: Any, g: Any, panels: Any, first: Any, rows: Any, out: Any, column: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            weights_, g_, panels_, first_, rows_, out_, column_ = args
            size = context.get_value_type(types.intp)

            def place(index: int, array_type: Any, array: Any, at: Any) -> Any:
                """Return the flat index of [g + index, at] in a two-dimensional array."""
                width = builder.extract_value(
                    context.make_array(array_type)(context, builder, array).shape, 1
                )
                row = builder.add(g_, ir.Constant(size, index))
                return builder.add(builder.mul(row, width), at)

            def offset(at: Any, register: int) -> Any:
                return builder.add(at, ir.Constant(size, register * LANES))

            out_type, panel_type = signature.args[5], signature.args[2]
            targets = [
                [offset(place(i, out_type, out_, column_), register) for register in range(REGISTERS)]
                for i in range(count)
            ]
            sums = [[cgutils.alloca_once(builder, lanes.FLOATS) for _ in row] for row in targets]
            for row, places in zip(sums, targets, strict=True):
                for total, target in zip(row, places, strict=True):
                    builder.store(lanes.emit_load(context, builder, out_type, out_, target), total)
            with cgutils.for_range(builder, rows_, intp=size) as loop:
                at = builder.add(first_, builder.mul(loop.index, ir.Constant(size, COLUMNS)))
                item_bytes = panel_type.dtype.bitwidth // 8
                ahead = builder.add(at, ir.Constant(size, AHEAD[item_bytes]))
                for register in range(0, REGISTERS, LINE_ELEMENTS[item_bytes] // LANES):
                    lanes.emit_prefetch(context, builder, panel_type, panels_, offset(ahead, register))
                panel_row = [
                    lanes.emit_load(context, builder, panel_type, panels_, offset(at, register))
                    for register in range(REGISTERS)
                ]
                for i, row in enumerate(sums):
                    weight_at = place(i, signature.args[0], weights_, loop.index)
                    weight = lanes.emit_load_splat(context, builder, signature.args[0], weights_, weight_at)
                    for total, values in zip(row, panel_row, strict=True):
                        added = lanes.emit_multiply_add(builder, weight, values, builder.load(total))
                        builder.store(added, total)
            for row, places in zip(sums, targets, strict=True):
                for total, target in zip(row, places, strict=True):
                    lanes.emit_store(context, builder, out_type, out_, target, builder.load(total))
            return context.get_dummy_value()

        return types.void(weights, types.intp, panels, types.intp, types.intp, out, types.intp), generate

    return emitted(rows_times_panel)


_one_row, _two_rows, _four_rows = _rows_times_panel(1), _rows_times_panel(2), _rows_times_panel(4)


@inlined
def add_product(weights: Any, panels: Any, first: int, rows: int, out: Any, column: int) -> None:
    """Add weights[:, :rows] times one panel to out[:, column : column + COLUMNS].

    The panel of `rows` rows starts at panels.flat[first], in float32 or bfloat16.
    """
    g, count = 0, len(weights)
    while g + 4 <= count:
        _four_rows(weights, g, panels, first, rows, out, column)
        g += 4
    if g + 2 <= count:
        _two_rows(weights, g, panels, first, rows, out, column)
        g += 2
    if g < count:
        _one_row(weights, g, panels, first, rows, out, column)
