"""The arrays of a run by name, read through their addresses in one record.

Compiled functions take that record alone: handing forty arrays down by value
would make the machine code ten times as large and its compilation a minute long.
`World` owns the arrays; `bind` writes their addresses and shapes into the record.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from planner.simulate.kernel.world import TABLES, TOTALS, World

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[NDArray[np.void]], Any]

_WORD_BITS = 64
FIELDS: Any = TOTALS.fields


def bind(world: World) -> None:
    """Write where every array lies, and its shape, into the record of totals."""
    for name, (dtype, dimensions) in TABLES.items():
        array = getattr(world, name)
        if array.dtype != dtype or array.ndim != dimensions or not array.flags.c_contiguous:
            raise AssertionError(f"{name} is not a C-ordered array of {dtype} with {dimensions} dimensions")
        world.totals[f"{name}_at"] = array.ctypes.data
        for axis, extent in enumerate(array.shape):
            world.totals[f"{name}_{axis}"] = extent


def _reader(name: str) -> "Reader":
    """Return the compiled accessor of one array: it copies nothing."""
    from llvmlite import ir  # type: ignore[import-untyped]
    from numba import types
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array, populate_array
    from numba.np.numpy_support import from_dtype

    dtype, dimensions = TABLES[name]
    kind = types.Array(from_dtype(dtype), dimensions, "C")
    offsets = [FIELDS[f"{name}_{part}"][1] for part in ("at", *range(dimensions))]
    word = ir.IntType(_WORD_BITS)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        record = make_array(signature.args[0])(context, builder, arguments[0]).data
        base = builder.ptrtoint(record, word)
        address, *shape = [
            builder.load(builder.inttoptr(builder.add(base, word(offset)), word.as_pointer()))
            for offset in offsets
        ]
        strides = [word(dtype.itemsize)]
        for extent in shape[:0:-1]:
            strides.insert(0, builder.mul(strides[0], extent))
        array = make_array(kind)(context, builder)
        data = builder.inttoptr(address, array.data.type)
        populate_array(
            array, data=data, shape=shape, strides=strides, itemsize=word(dtype.itemsize), meminfo=None
        )
        return array._getvalue()

    @intrinsic  # type: ignore[untyped-decorator]
    def read(typing_context: Any, totals: Any) -> Any:
        return kind(totals), generate

    return read  # type: ignore[no-any-return]


setup = _reader("setup")
kinds = _reader("kinds")
live = _reader("live")
pool = _reader("pool")
groups = _reader("groups")
wait_head = _reader("wait_head")
wait_tail = _reader("wait_tail")
finish_key = _reader("finish_key")
finish_request = _reader("finish_request")
growth = _reader("growth")
future_s = _reader("future_s")
future_code = _reader("future_code")
event_s = _reader("event_s")
event_at = _reader("event_at")
event_of = _reader("event_of")
share = _reader("share")
acceptance = _reader("acceptance")
random = _reader("random")
histogram = _reader("histogram")
total = _reader("total")
square = _reader("square")
counts = _reader("counts")
good = _reader("good")
limits = _reader("limits")
tokens = _reader("tokens")
area = _reader("area")
began = _reader("began")
follow = _reader("follow")
think_s = _reader("think_s")
record = _reader("record")
law_tokens_s = _reader("law_tokens_s")
law_cached = _reader("law_cached")
law_decode_s = _reader("law_decode_s")
law_pairs = _reader("law_pairs")
law_pairs_s = _reader("law_pairs_s")
