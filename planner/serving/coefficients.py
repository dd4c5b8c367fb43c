"""What engines make of a datasheet: fitted efficiencies and overheads, as data with provenance.

A coefficient of one deployment is `base * exp(sum of deviations)`: one deviation for each group
that the deployment belongs to (its engine, its weight format, its device ...), shrunk towards
zero when it was fitted, and zero for a group that nobody measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from planner.deployment import Case, Load
from tonnage.files import FileRecord, Record, read_record

SHIPPED = Path(__file__).with_name("coefficients.json")
FRAC_CEILING = 0.98
"""No kernel reaches more of a datasheet ceiling than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """How an engine uses a device.

    Attributes
    ----------
    weight_frac, expert_frac, cache_frac : float
        Share of memory bandwidth reached on dense weights and activations, on
        routed experts, and on the KV cache or recurrent state.
    matmul_frac, expert_matmul_frac, attention_frac : float
        Share of the dense peak reached by matmuls, by those of routed experts, and by attention.
    dequant_flop : float
        Vector operations per stored weight of a format below 16 bits whose
        arithmetic is wider than its storage.
    step_s, layer_s, moe_layer_s, sequence_s : float
        Time per engine step, per layer, more per layer with routed experts,
        and per running sequence: launches, scheduling, sampling.
    all_reduce_s, link_frac : float
        Latency of an all-reduce among eight devices; share of link bandwidth.
    prefill_share : float
        Share of a prompt's own time by which it delays running sequences.
    request_s, prompt_passes, wait_steps, wave_share : float
        Time to first token: a constant; prefills of its own length that pass
        until the own one is done, at least one; decode steps waited, among them those until
        a streaming interval is full; and the share of all other users'
        prefills that a request waits for, most of it in the first wave.
    strain_power : float
        Power with which the share of the peak falls as the peak per watt rises.
    room_frac : float
        Share of the sequences that memory holds by its accounts which an engine admits.
    step_factor, first_token_factor : float
        What is left of the time of decode steps and of the time to first token beyond the terms above;
        1 but for what was measured itself.
    ramp_frac : float
        Share of steady throughput that a finite run reaches: it fills and drains.
    """

    weight_frac: float
    expert_frac: float
    cache_frac: float
    matmul_frac: float
    expert_matmul_frac: float
    attention_frac: float
    dequant_flop: float
    step_s: float
    layer_s: float
    moe_layer_s: float
    sequence_s: float
    all_reduce_s: float
    link_frac: float
    prefill_share: float
    request_s: float
    prompt_passes: float
    wait_steps: float
    wave_share: float
    ramp_frac: float
    strain_power: float
    room_frac: float
    step_factor: float
    first_token_factor: float


NAMES = tuple(field.name for field in fields(Coefficients))
LATER = {"first_token_factor": 1.0}
"""What files of earlier versions lack, with the value that they mean."""


RUN = "engine+version+backend+device+model+weights"
"""Grouping of what is measured in one go, with one launch script, client and state of the machine."""


RELEASE = "engine+version"
PLATFORM = "engine+backend"


class Groups(Record):
    """The groups that a deployment belongs to; deviations are looked up by them."""

    engine: str
    weights: str
    """Class of the weight format: 'plain' (16 bits and more), 'gguf-4', 'fp8-8' ..."""
    device: str
    vendor: str
    memory: str
    """Class of memory: hbm, gddr, lpddr, ddr, sram."""
    link: str
    """How devices talk: nvlink, pcie, none ..."""
    model: str = "-"
    """Catalog id or path; only what was measured itself deviates by it."""
    lengths: str = "fixed"
    """Whether all requests have the same lengths ('fixed') or drawn ones ('drawn')."""
    generation: str = "-"
    """Architecture of the device: hopper, blackwell, rdna3, apple m2 ..."""
    backend: str = "-"
    """Compute API that the engine goes through: cuda, metal, vulkan, rocm, cpu ..."""
    version: str = "-"
    """Release of the engine, as stated."""
    scales: str = "-"
    """How 8-bit floats are scaled: 'block' or 'tensor'; '-' for all other formats."""
    sort: str = "dense"
    """Whether the model has routed experts ('experts')."""
    mixer: str = "heads"
    """Kind of attention: 'heads' with a cache of their own, 'latent', or 'recurrent' with or without any."""
    pace: str = "apart"
    """Whether the users of a closed loop stay in step ('together'); see `pace`."""
    load: str = "served"
    """Whether requests come one by one through a server ('served') or lie there at the start ('offline')."""

    @property
    def run(self) -> str:
        """What is measured in one go: a release on a device with a model and a format."""
        return self.level(RUN)

    def level(self, grouping: str) -> str:
        """Return this deployment's level of a grouping such as `engine` or `engine+device`."""
        return "|".join(str(getattr(self, part)) for part in grouping.split("+"))


class Spread(Record):
    """Standard deviations of log prediction errors, from cross-validation."""

    known: float
    """Engine, device and model class were all in the fit."""
    new_model: float = 0.0
    """More, in quadrature, when the model was not in the fit."""
    new_device: float = 0.0
    new_engine: float = 0.0
    new_run: float = 0.0
    """More when no run of this release, device, model and format was; applies to everything new."""
    new_source: float = 0.0
    """More when nothing of this release was: another client, launch script and state of the engine."""
    new_platform: float = 0.0
    """More when nothing of this engine on this compute API was."""
    new_stack: float = 0.0
    """More when neither the engine nor the device was: no engine's kernels on that hardware were seen."""


class Provenance(Record):
    """Where coefficients come from."""

    rows: dict[str, int]
    """Rows used, by source."""
    fitted_on: str
    scores: dict[str, str] = Field(default_factory=dict)
    """Cross-validated errors in words, by stratum and metric."""
    notes: tuple[str, ...] = ()


class CoefficientFile(FileRecord):
    """The fitted coefficients with everything needed to apply and to doubt them."""

    FORMAT: ClassVar[str] = "tonnage.coefficients"
    VERSION: ClassVar[int] = 1

    base: dict[str, float]
    effects: dict[str, dict[str, dict[str, float]]]
    """Coefficient -> grouping -> level -> deviation of the log."""
    spread: dict[str, Spread]
    """By metric: tpot, ttft, ttft_single, throughput."""
    models: tuple[str, ...]
    devices: tuple[str, ...]
    engines: tuple[str, ...]
    pairs: tuple[str, ...]
    """Engine and device that were measured together, as `engine|device`."""
    runs: tuple[str, ...] = ()
    """Release, device, model and format that were measured together; see `RUN`."""
    releases: tuple[str, ...] = ()
    """Engine and release, as stated, that were measured; `engine|-` where runs state none."""
    platforms: tuple[str, ...] = ()
    """Engine and compute API that were measured."""
    streams: tuple[str, ...] = ()
    """Engines that were measured with one sequence at a time, as programs for one user."""
    provenance: Provenance

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = sorted(set(NAMES) - set(self.base) - set(LATER))
        if missing:
            raise ValueError(f"no base value for {', '.join(missing)}; calibrate again")
        return self

    def resolve(self, groups: Groups) -> Coefficients:
        """Coefficients of one deployment."""
        groupings = set().union(*self.effects.values())
        levels = {grouping: groups.level(grouping) for grouping in groupings}
        return Coefficients(**{name: self._value(name, levels) for name in NAMES})

    def has_measured(self, groups: Groups) -> bool:
        """Tell whether rows of this engine on this device were in the fit."""
        return groups.level("engine+device") in self.pairs

    def has_run(self, groups: Groups) -> bool:
        """Tell whether runs of this very release, device, model and format were in the fit.

        Where no release is stated nobody knows which it is, so the answer is no.
        """
        return groups.version != "-" and groups.run in self._known_runs

    def has_source(self, groups: Groups) -> bool:
        """Tell whether rows of this release were in the fit; where none is stated, of this very run.

        Files of earlier versions hold no releases; all count as known there.
        """
        if groups.version == "-":
            return not self.releases or groups.run in self._known_runs
        return not self.releases or groups.level(RELEASE) in self.releases

    def is_stream(self, case: Case, engine: str) -> bool:
        """Tell whether a case is one sequence of an engine that is measured so; servers err otherwise."""
        alone = case.concurrency == 1 and case.load is Load.CLOSED
        return alone and (not self.streams or engine in self.streams)

    def has_platform(self, groups: Groups) -> bool:
        """Tell whether rows of this engine on this compute API were in the fit."""
        return not self.platforms or groups.level(PLATFORM) in self.platforms

    @cached_property
    def _known_runs(self) -> frozenset[str]:
        return frozenset(self.runs)

    def _value(self, name: str, levels: Mapping[str, str]) -> float:
        log = 0.0
        for grouping, deviations in self.effects.get(name, {}).items():
            log += deviations.get(levels[grouping], 0.0)
        value = self.base.get(name, LATER.get(name, 1.0)) * float(np.exp(log))
        return min(value, FRAC_CEILING) if name.endswith("_frac") else value


@cache
def shipped() -> CoefficientFile:
    """Return the coefficients that come with Tonnage."""
    return read_record(SHIPPED, CoefficientFile)
