"""What an engine makes of ideal seconds: the time of one step.

t = t_step + n t_seq + layers t_layer + moe_layers t_moe
    + sum over slots of softmax_q(compute / e_c, memory / e_b + unpack k)
    + hops t_hop + link / e_link
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.laws.roofline import soft_maximum
from planner.serving.step.ideal import Ideal

Array = NDArray[np.float64]
Values = Mapping[str, Array]
"""Engine coefficients by name, one value per case (see `coefficients.Coefficients`)."""

SHARPNESS = 4.0
"""Kernels overlap loads with arithmetic, but not perfectly at the ridge."""
_MEMORY = ("weight_frac", "expert_frac", "cache_frac", "cache_frac", "weight_frac")
_COMPUTE = ("matmul_frac", "expert_matmul_frac", "attention_frac", "attention_frac", "matmul_frac")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """Seconds of one step per case, by what they go to.

    `memory_s` and `compute_s` are what kernels would take at either roof alone; they overlap
    within `kernels_s`.
    """

    kernels_s: Array
    memory_s: Array
    compute_s: Array
    network_s: Array
    overhead_s: Array

    @property
    def marginal_s(self) -> Array:
        """Time that the work adds to a step that runs anyway."""
        return self.kernels_s + self.network_s

    @property
    def total_s(self) -> Array:
        """Time of the step on its own."""
        return self.marginal_s + self.overhead_s


def step_time(ideal: Ideal, c: Values) -> StepTime:
    """Time one step of every case under its engine's coefficients."""
    kernels = np.zeros(ideal.layers.shape)
    memory, compute = kernels.copy(), kernels.copy()
    for slot in range(len(_MEMORY)):
        share = np.where(ideal.measured, 1.0, c[_MEMORY[slot]])
        by_bytes = ideal.memory_s[slot] / share + ideal.unpack_s[slot] * c["dequant_flop"]
        by_flop = ideal.compute_s[slot] / c[_COMPUTE[slot]]
        kernels += soft_maximum(by_flop, by_bytes, SHARPNESS)
        memory += by_bytes
        compute += by_flop
    launches = np.where(
        ideal.measured, 0.0, ideal.layers * c["layer_s"] + ideal.moe_layers * c["moe_layer_s"]
    )
    return StepTime(
        kernels_s=kernels,
        memory_s=memory,
        compute_s=compute,
        network_s=ideal.hops * c["all_reduce_s"] + ideal.link_s / c["link_frac"],
        overhead_s=c["step_s"] + ideal.sequences * c["sequence_s"] + launches,
    )
