"""Random numbers inside the loop: one splitmix64 state per named stream.

References
----------
G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014, figure 16 (constants).
"""

import math

import numpy as np

from planner.simulate.kernel import memory as mem
from planner.simulate.kernel.jit import inner
from planner.simulate.kernel.world import Memory

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@inner
def uniform(w: Memory, stream: int) -> float:
    """Draw from [0, 1) with 53 bits. Streams: 0 router, 1 speculation, 2 outages."""
    mem.random(w)[stream] += _STEP
    z = mem.random(w)[stream]
    z = (z ^ (z >> _S30)) * _MIX_A
    z = (z ^ (z >> _S27)) * _MIX_B
    z = z ^ (z >> _S31)
    return float(z >> _S11) * 2.0**-53


@inner
def exponential(w: Memory, stream: int, mean: float) -> float:
    """Draw an exponential time."""
    return -mean * math.log1p(-uniform(w, stream))
