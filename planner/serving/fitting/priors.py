"""What is believed of engine coefficients before any row is seen, and by what they may deviate.

The groupings that carry a model's name are for what is peculiar to one published run and stays so:
a model or device that nobody measured has none of it. Those of a run, a release on a device with a
model and a format, are fitted to what all else leaves (see `calibrate.fit`), so they may be wide.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from planner.serving.coefficients import RUN


@dataclass(frozen=True, slots=True)
class Prior:
    """Centre and log standard deviation of a base coefficient before any row was seen."""

    centre: float
    sigma: float


PRIORS = {
    "weight_frac": Prior(0.85, 0.10),
    "expert_frac": Prior(0.75, 0.20),
    "cache_frac": Prior(0.70, 0.20),
    "matmul_frac": Prior(0.60, 0.25),
    "expert_matmul_frac": Prior(0.45, 0.30),
    "attention_frac": Prior(0.35, 0.40),
    "dequant_flop": Prior(4.0, 0.7),
    "step_s": Prior(5e-4, 0.7),
    "layer_s": Prior(25e-6, 0.4),
    "moe_layer_s": Prior(30e-6, 0.5),
    "sequence_s": Prior(10e-6, 0.8),
    "all_reduce_s": Prior(6e-6, 0.5),
    "link_frac": Prior(0.4, 0.5),
    "prefill_share": Prior(1.0, 0.03),
    "request_s": Prior(15e-3, 1.0),
    "prompt_passes": Prior(1.1, 0.2),
    "wait_steps": Prior(2.0, 0.5),
    "wave_share": Prior(0.05, 0.1),
    "ramp_frac": Prior(0.9, 0.1),
    "strain_power": Prior(0.3, 0.5),
    "room_frac": Prior(0.9, 0.1),
    "step_factor": Prior(1.0, 0.01),
    "first_token_factor": Prior(1.0, 0.01),
}
"""ASSUMED before fitting: kernels reach 60-90 % of a ceiling (Williams et al. 2009 and vendors' own
GEMM and stream figures), launches cost microseconds, an HTTP request some milliseconds."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Deviations of a coefficient by the levels of a grouping, with their prior width."""

    coefficient: str
    grouping: str
    sigma: float
    centres: tuple[tuple[str, float], ...] = ()
    """Levels whose deviation is not believed to be zero, with what it is believed to be."""


STORED = "weights+scales+sort"
"""How dense weights are stored and scaled, apart for models whose experts are quantized differently."""
IN_STEP = 2.3
"""From a share of 0.05 of others' prompts that a request waits for to 0.5; see `pace`."""

EFFECTS = (
    Effect("weight_frac", STORED, 0.10),
    Effect("weight_frac", "memory", 0.10),
    Effect("weight_frac", "engine", 0.05),
    Effect("expert_frac", "weights+scales", 0.12),
    Effect("expert_frac", "engine", 0.15),
    Effect("cache_frac", "engine", 0.25),
    Effect("cache_frac", "engine+load", 0.2),
    Effect("matmul_frac", STORED, 0.75),
    Effect("matmul_frac", "engine", 0.15),
    Effect("matmul_frac", "vendor", 0.25),
    Effect("matmul_frac", "engine+load", 0.15),
    Effect("matmul_frac", "device", 0.075),
    Effect("matmul_frac", "generation", 0.075),
    Effect("expert_matmul_frac", "engine", 0.2),
    Effect("expert_matmul_frac", "weights+scales", 0.6),
    Effect("attention_frac", "engine", 0.4),
    Effect("dequant_flop", "vendor", 0.5),
    Effect("dequant_flop", "weights", 0.3),
    Effect("step_s", "engine", 0.5),
    Effect("step_s", "engine+load", 0.4),
    Effect("layer_s", "engine", 0.5),
    Effect("layer_s", "vendor", 0.4),
    Effect("layer_s", STORED, 0.2),
    Effect("layer_s", "mixer", 0.3),
    Effect("layer_s", "engine+load", 0.3),
    Effect("layer_s", "device", 0.2),
    Effect("layer_s", "engine+device+model+weights", 0.1),
    Effect("weight_frac", "backend", 0.15),
    Effect("matmul_frac", "backend", 0.3),
    Effect("dequant_flop", "backend", 0.5),
    Effect("layer_s", "backend", 0.4),
    Effect("moe_layer_s", "engine", 0.4),
    Effect("moe_layer_s", "engine+load", 0.3),
    Effect("sequence_s", "engine", 0.5),
    Effect("sequence_s", "engine+load", 0.8),
    Effect("all_reduce_s", "engine", 0.3),
    Effect("all_reduce_s", "link", 0.5),
    Effect("link_frac", "link", 0.4),
    Effect("prefill_share", "engine", 0.05),
    Effect("request_s", "engine", 0.7),
    Effect("request_s", "engine+lengths", 0.5),
    Effect("request_s", "engine+device", 0.4),
    Effect("prompt_passes", "lengths", 0.5),
    Effect("prompt_passes", "engine+lengths", 0.2),
    Effect("wait_steps", "engine", 0.8),
    Effect("wait_steps", "engine+device", 0.5),
    Effect("wait_steps", "engine+device+model+weights", 0.5),
    Effect("wave_share", "engine+lengths", 0.2),
    Effect("wave_share", "pace", 0.1, (("together", IN_STEP),)),
    Effect("room_frac", "engine", 0.1),
    Effect("room_frac", "engine+device+weights", 0.3),
    Effect("step_factor", "engine+version", 0.05),
    Effect("step_factor", "engine+device+model+weights", 0.05),
    Effect("step_factor", RUN, 0.08),
    Effect("first_token_factor", RUN, 0.24),
    Effect("ramp_frac", RUN, 0.1),
    Effect("request_s", RUN, 0.6),
    Effect("sequence_s", RUN, 0.8),
    Effect("prompt_passes", RUN, 0.4),
    Effect("wave_share", RUN, 0.7),
    Effect("weight_frac", RUN, 0.12),
    Effect("matmul_frac", RUN, 0.24),
    Effect("cache_frac", RUN, 0.4),
    Effect("all_reduce_s", RUN, 0.6),
    Effect("layer_s", RUN, 0.3),
    Effect("attention_frac", RUN, 1.5),
)


@dataclass(frozen=True, slots=True)
class Structure:
    """What is fitted: coefficients with their priors, and what they may deviate by."""

    priors: Mapping[str, Prior]
    effects: tuple[Effect, ...]


SHIPPED = Structure(PRIORS, EFFECTS)
"""Of the coefficients that come with Tonnage."""

ACROSS = Structure(PRIORS, tuple(effect for effect in EFFECTS if effect.grouping != RUN))
"""The same for what was not measured: what is peculiar to runs moves nothing else, so fits may do without."""

SCALES = {"tpot_s": 0.10, "ttft_s": 0.60, "output_tokens_per_s": 0.12}
"""Log error beyond which a row counts as an outlier, by metric."""
SINGLE_TTFT_SCALE = 0.15
