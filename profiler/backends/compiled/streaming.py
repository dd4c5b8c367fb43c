"""Writing past the caches, in halves of a cache line.

Two streaming stores of 32 bytes, each of what was just loaded, fill memory faster than one of 64: a
triad gave 42 for 38 GB/s per thread on Zen 4.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from profiler.backends.compiled.jit import emitted
from profiler.backends.compiled.lanes import LANES, emit_pointer

_WIDTH = LANES // 2
_HALF = ir.VectorType(ir.FloatType(), _WIDTH)
_HALF_BYTES = 4 * _WIDTH


def _stream_line(
    context: Any, builder: Any, *, target: tuple[Any, Any], index: Any, value_at: Callable[[Any], Any]
) -> None:
    """Emit the halves of a line of `target`, an array and its type, as `value_at` emits them for an index."""
    array_type, array = target
    once = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
    for first in (0, _WIDTH):
        at = builder.add(index, ir.Constant(index.type, first))
        place = emit_pointer(context, builder, array_type, array, at, to=_HALF)
        builder.store(value_at(at), place, align=_HALF_BYTES).set_metadata("nontemporal", once)


def _load_half(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    return builder.load(emit_pointer(context, builder, array_type, array, at, to=_HALF), align=4)


@emitted
def stream_line(_typing: Any, target: Any, source: Any, index: Any) -> Any:
    """Set target[index : index + LANES] = source[...]; the place must be aligned to a cache line."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args

        def value_at(at: Any) -> Any:
            return _load_half(context, builder, kinds[1], args[1], at)

        _stream_line(context, builder, target=(kinds[0], args[0]), index=args[2], value_at=value_at)
        return context.get_dummy_value()

    return types.void(target, source, types.intp), generate


@emitted
def stream_sum_line(_typing: Any, target: Any, left: Any, scale: Any, right: Any, index: Any) -> Any:
    """Set target[index : index + LANES] = left[...] + scale * right[...], each rounded once."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_HALF, [_HALF] * 3), f"llvm.fma.v{_WIDTH}f32"
        )
        factor = builder.insert_element(ir.Constant(_HALF, ir.Undefined), args[2], _lane(0))
        factor = builder.shuffle_vector(factor, factor, ir.Constant(_LANES_OF_HALF, [0] * _WIDTH))

        def value_at(at: Any) -> Any:
            sources = (_load_half(context, builder, kinds[i], args[i], at) for i in (3, 1))
            return builder.call(function, [factor, *sources])

        _stream_line(context, builder, target=(kinds[0], args[0]), index=args[4], value_at=value_at)
        return context.get_dummy_value()

    return types.void(target, left, types.float32, right, types.intp), generate


_LANES_OF_HALF = ir.VectorType(ir.IntType(32), _WIDTH)


def _lane(index: int) -> Any:
    return ir.Constant(ir.IntType(32), index)
