"""Products of bfloat16 in pairs: two of them side by side in a word, multiplied and added in float32.

x86 with AVX512_BF16 has an instruction for it, as fast as one product of float32; elsewhere both halves
of a word are widened first.
"""

from functools import cache
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped]

from profiler.backends.compiled.lanes import (
    BF16_SHIFT,
    FLOATS,
    INTS,
    emit_constant,
    emit_multiply_add,
    emit_pointer,
)

_HIGH_HALF = 0xFFFF0000
_WORD = ir.IntType(32)


@cache
def has_pair_product() -> bool:
    """Tell whether this CPU multiplies pairs of bfloat16 in one instruction."""
    return bool(binding.get_host_cpu_features().get("avx512bf16", False))


def emit_load_pairs(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Emit the load of LANES words, of two bfloat16 each, at a flat index of an array of uint16."""
    return builder.load(emit_pointer(context, builder, array_type, array, index, to=INTS), align=4)


def emit_splat_pair(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Emit the load of one word at a flat index of an array of uint16, into every lane."""
    word = builder.load(emit_pointer(context, builder, array_type, array, index, to=_WORD), align=2)
    undefined = ir.Constant(INTS, ir.Undefined)
    first = builder.insert_element(undefined, word, ir.Constant(_WORD, 0))
    return builder.shuffle_vector(first, undefined, emit_constant(INTS, 0))


def emit_add_pair_products(builder: Any, a: Any, b: Any, total: Any) -> Any:
    """Emit total + a_low b_low + a_high b_high of each lane."""
    if has_pair_product():
        binding.initialize_native_asmparser()
        kind = ir.FunctionType(FLOATS, [INTS, INTS, FLOATS])
        return builder.call(ir.InlineAsm(kind, "vdpbf16ps $2, $1, $0", "=v,v,v,0"), [a, b, total])
    for part in (_low, _high):
        total = emit_multiply_add(builder, part(builder, a), part(builder, b), total)
    return total


def _low(builder: Any, words: Any) -> Any:
    return builder.bitcast(builder.shl(words, emit_constant(INTS, BF16_SHIFT)), FLOATS)


def _high(builder: Any, words: Any) -> Any:
    return builder.bitcast(builder.and_(words, emit_constant(INTS, _HIGH_HALF)), FLOATS)
