"""Sixteen float32 that stay in one vector register, as a value in compiled code.

Loops over arrays leave it to the compiler what is kept in registers; a recurrence or a
skinny matmul is three times faster when the code says so. On machines with narrower
registers the compiler splits each operation.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.datamodel import models, register_default

from profiler.backends.compiled.jit import emitted

LANES = 16
"""float32 in one cache line, which is one AVX-512 register."""

FLOATS = ir.VectorType(ir.FloatType(), LANES)
INTS = ir.VectorType(ir.IntType(32), LANES)
_SHORTS = ir.VectorType(ir.IntType(16), LANES)
BF16_SHIFT = 16


class LanesType(types.Type):
    """The compiler's type of one register."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes_type = LanesType()


@register_default(LanesType)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, compiler_type: Any) -> None:
        super().__init__(manager, compiler_type, FLOATS)


def emit_pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, *, to: Any) -> Any:
    """Emit the address of a flat index, as that of a value of type `to`."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), to.as_pointer())


def emit_constant(kind: Any, value: float) -> Any:
    """Return one value in every lane."""
    return ir.Constant(kind, [value] * LANES)


def emit_load(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Emit the load of LANES float32 at a flat index."""
    return builder.load(emit_pointer(context, builder, array_type, array, index, to=FLOATS), align=4)


def emit_store(context: Any, builder: Any, array_type: Any, array: Any, index: Any, value: Any) -> Any:
    """Emit the store of LANES float32 at a flat index; of bfloat16, held as uint16, rounded."""
    if array_type.dtype == types.float32:
        return builder.store(
            value, emit_pointer(context, builder, array_type, array, index, to=FLOATS), align=4
        )
    bits = builder.bitcast(value, INTS)
    shift = emit_constant(INTS, BF16_SHIFT)
    odd = builder.and_(builder.lshr(bits, shift), emit_constant(INTS, 1))
    rounded = builder.add(bits, builder.add(odd, emit_constant(INTS, 0x7FFF)))
    short = builder.trunc(builder.lshr(rounded, shift), _SHORTS)
    return builder.store(short, emit_pointer(context, builder, array_type, array, index, to=_SHORTS), align=2)


def emit_prefetch(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, *, level: int = 1
) -> None:
    """Emit a request for the line of a flat index, which may lie past the end, into a level of the caches."""
    byte, word = ir.IntType(8), ir.IntType(32)
    name = "llvm.prefetch.p0i8"
    kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), word, word, word])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    place = emit_pointer(context, builder, array_type, array, index, to=byte)
    builder.call(function, [place, ir.Constant(word, 0), ir.Constant(word, 4 - level), ir.Constant(word, 1)])


def emit_splat(builder: Any, value: Any) -> Any:
    """Emit one float32 in every lane."""
    undefined = ir.Constant(FLOATS, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, emit_constant(INTS, 0))


def emit_load_splat(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Emit the load of one float32 at a flat index into every lane."""
    return emit_splat(
        builder, builder.load(emit_pointer(context, builder, array_type, array, index, to=ir.FloatType()))
    )


def emit_multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Emit a b + c, rounded once."""
    name = f"llvm.fma.v{LANES}f32"
    kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, [a, b, c])


@emitted
def splat(_typing: Any, value: Any) -> Any:
    """Return one float32 in every lane."""
    return lanes_type(types.float32), lambda _context, builder, _signature, args: emit_splat(builder, *args)


@emitted
def load(_typing: Any, array: Any, index: Any) -> Any:
    """Return array.flat[index : index + LANES] of float32."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_load(context, builder, signature.args[0], *args)

    return lanes_type(array, types.intp), generate


@emitted
def store(_typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write LANES values to array.flat[index : ...], of float32 or of bfloat16 held as uint16."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit_store(context, builder, signature.args[0], *args)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@emitted
def prefetch(_typing: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of array.flat[index]; the place may lie past the end."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit_prefetch(context, builder, signature.args[0], *args)
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@emitted
def add(_typing: Any, a: Any, b: Any) -> Any:
    """Return a + b."""
    return lanes_type(a, b), lambda _context, builder, _signature, args: builder.fadd(*args)


@emitted
def multiply(_typing: Any, a: Any, b: Any) -> Any:
    """Return a b."""
    return lanes_type(a, b), lambda _context, builder, _signature, args: builder.fmul(*args)


@emitted
def divide(_typing: Any, a: Any, b: Any) -> Any:
    """Return a / b."""
    return lanes_type(a, b), lambda _context, builder, _signature, args: builder.fdiv(*args)


@emitted
def maximum(_typing: Any, a: Any, b: Any) -> Any:
    """Return the larger of each lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return lanes_type(a, b), generate


@emitted
def multiply_add(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a b + c, rounded once."""
    return lanes_type(a, b, c), lambda _context, builder, _signature, args: emit_multiply_add(builder, *args)


_SMALLEST_EXPONENT = -126.0
_ROUNDING = 12582912.0 + 127.0
"""1.5 x 2^23 + 127: adding it rounds to an integer and leaves the biased exponent in the low bits."""
# (2^f - 1) / f on |f| <= 0.5, highest power first: least largest relative error of 2^f, 9e-8.
_EXP2 = (
    1.326472719567522e-3, 9.671512639768041e-3, 5.550733743257152e-2, 2.402224208537253e-1,
    6.931469775991601e-1,
)  # fmt: skip


@emitted
def exp2(_typing: Any, x: Any) -> Any:
    """Return 2^x of each lane for x <= 127, to 2 units in the last place; below -126 it stays 2^-126."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        smallest = emit_constant(FLOATS, _SMALLEST_EXPONENT)
        clipped = builder.select(builder.fcmp_ordered(">", args[0], smallest), args[0], smallest)
        shifted = builder.fadd(clipped, emit_constant(FLOATS, _ROUNDING))
        f = builder.fsub(clipped, builder.fsub(shifted, emit_constant(FLOATS, _ROUNDING)))
        polynomial = emit_constant(FLOATS, _EXP2[0])
        for coefficient in _EXP2[1:]:
            polynomial = emit_multiply_add(builder, polynomial, f, emit_constant(FLOATS, coefficient))
        mantissa = emit_multiply_add(builder, polynomial, f, emit_constant(FLOATS, 1.0))
        exponent = builder.shl(builder.bitcast(shifted, INTS), emit_constant(INTS, 23))
        return builder.fmul(mantissa, builder.bitcast(exponent, FLOATS))

    return lanes_type(x), generate


def _reduction(builder: Any, name: str, kinds: list[Any]) -> Any:
    name = f"llvm.vector.reduce.{name}.v{LANES}f32"
    return builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(ir.FloatType(), kinds), name
    )


@emitted
def total(_typing: Any, values: Any) -> Any:
    """Return the sum over lanes, in pairs."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        function = _reduction(builder, "fadd", [ir.FloatType(), FLOATS])
        return builder.call(function, [ir.Constant(ir.FloatType(), 0.0), args[0]], fastmath=("reassoc",))

    return types.float32(values), generate


@emitted
def largest(_typing: Any, values: Any) -> Any:
    """Return the largest lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.call(_reduction(builder, "fmax", [FLOATS]), [args[0]], fastmath=("nnan",))

    return types.float32(values), generate


@emitted
def first_lane(_typing: Any, values: Any) -> Any:
    """Return the first lane."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.extract_element(args[0], ir.Constant(ir.IntType(32), 0))

    return types.float32(values), generate
