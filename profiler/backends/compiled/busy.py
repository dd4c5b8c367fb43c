"""Integer arithmetic in registers alone: what the cores give, whatever memory does."""

import numpy as np
from numpy.typing import NDArray

from profiler.backends.compiled.jit import compiled


@compiled("void(i8[::1], i8)")
def turn(state: NDArray[np.int64], turns: int) -> None:
    """Turn six interwoven integers `turns` times and leave them in `state`.

    Four to five instructions a cycle on today's cores, so that a neighbour on the same core takes of every
    turn; a chain of vector multiply-adds leaves room for it and shows nothing.
    """
    a, b, c, d, e, f = state[0], state[1], state[2], state[3], state[4], state[5]
    for _ in range(turns):
        a = (a ^ (a >> 7)) + b
        b = (b + 5) ^ (b << 3)
        c = (c - d) ^ (c >> 9)
        d = (d | 1) + (d << 2)
        e = (e ^ 77) - (e >> 1)
        f = (f + e) ^ (f << 5)
    state[0], state[1], state[2], state[3], state[4], state[5] = a, b, c, d, e, f
