"""From a profile to a cost model: one law per kernel, backend, dtype and format."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from hw_targets.machine import Machine
from planner.laws import roofline
from planner.laws.cost_model import CostModel, Law
from planner.laws.curves import AXES, STEP_KERNEL, fit_tables, step_overhead_s
from profiler.profile import Ceilings, Measurement, Profile
from tonnage.errors import FitRejected
from tonnage.evidence import Z90, Evidence, Quantiles

_OVERHEAD_PRIOR_S = 5e-6
"""A kernel call from Python costs microseconds (ASSUMED; samples move it)."""
_UNSTABLE_NOISE = 0.4
"""Log error that a shape with unstable samples of a single pass is trusted to."""
_SIGMA_FLOOR = 0.03
"""No law is known better than 3 %: repeat noise of an otherwise idle machine."""
_SIGMA_UNCHECKED = 0.5
"""Log sigma where no sample could be left out."""
_BYTES_FLOP_RATIO = 1e-3
"""Kernels below this many flop per byte are data movement: they have no arithmetic roof."""

Key = tuple[str, str, str, str | None]


def fit_profile(profile: Profile, *, name: str) -> CostModel:
    """Fit every kernel of a profile.

    Parameters
    ----------
    profile : Profile
        Raw samples and ceilings of one machine.
    name : str
        Where it came from, kept in `fitted_from`.

    Raises
    ------
    FitRejected
        If the profile holds no measurement.
    """
    if not profile.measurements:
        raise FitRejected(f"{name}: holds no measurements to fit; run 'tonnage bench' first")
    groups: defaultdict[Key, list[Measurement]] = defaultdict(list)
    for m in profile.measurements:
        if m.kernel not in (*AXES, STEP_KERNEL):
            groups[m.kernel, m.backend, m.dtype, m.format].append(m)
    laws = tuple(fit_law(group, profile.ceilings) for group in groups.values())
    machine = profile.machine
    return CostModel(
        device=machine.cpu.catalog_id or machine.cpu.model or "this machine",
        name=machine.cpu.model or "unknown CPU",
        kind="cpu",
        memory_bytes=_usable_memory(machine),
        memory_bandwidth_bytes_per_s=_bandwidth(profile),
        peak_flop_per_s=profile.ceilings.peak_flop_per_s,
        laws=laws,
        tables=fit_tables(profile.measurements),
        step_s=step_overhead_s(profile.measurements),
        fitted_from=name,
        notes=_doubts(profile),
    )


def _bandwidth(profile: Profile) -> float | None:
    """Return the ceiling, or the fastest weights that llama.cpp streamed where memory was not measured."""
    streamed = (m.bytes_per_s for m in profile.measurements if m.kernel == "ggml_matmul")
    return profile.ceilings.memory_bandwidth_bytes_per_s or max(streamed, default=None)


def fit_law(measurements: Iterable[Measurement], ceilings: Ceilings) -> Law:
    """Fit one law to the measurements of one kernel, backend, dtype and format."""
    group = list(measurements)
    first = group[0]
    samples = roofline.Samples(
        flop=np.array([m.flop for m in group]),
        bytes=np.array([m.bytes for m in group]),
        time_s=np.array([m.time_s.p50 for m in group]),
        noise=np.array([_noise(m) for m in group]),
    )
    fitted = roofline.fit(samples, prior=_prior(samples, ceilings))
    return _law(first, samples, fitted, notes=_unstable_note(group))


def _noise(m: Measurement) -> float:
    """Return the log error that a shape is trusted to: what its passes differ by adds to ordinary noise."""
    spread = float(np.log(m.time_s.p90 / m.time_s.p10)) / (2 * Z90)
    known = float(np.hypot(roofline.ROBUST_SCALE, spread))
    return known if m.stable or len(m.passes) > 1 else max(known, _UNSTABLE_NOISE)


def _prior(samples: roofline.Samples, ceilings: Ceilings) -> roofline.Prior:
    """Rates start at the best that a sample of the group reached: a roof cannot be lower."""
    flop_rate = float(np.max(samples.flop / samples.time_s))
    byte_rate = float(np.max(samples.bytes / samples.time_s))
    computes = bool(np.any(samples.flop > _BYTES_FLOP_RATIO * samples.bytes))
    bandwidth = max(byte_rate, ceilings.memory_bandwidth_bytes_per_s or 0.0) or None
    return roofline.Prior(
        overhead_s=min(_OVERHEAD_PRIOR_S, 0.2 * float(np.min(samples.time_s))),
        peak_flop_per_s=flop_rate if computes else None,
        bandwidth_bytes_per_s=bandwidth,
    )


def _law(
    first: Measurement, samples: roofline.Samples, fitted: roofline.Fitted, *, notes: tuple[str, ...]
) -> Law:
    c = fitted.coefficients
    errors = fitted.held_out_log_error
    checked = errors.size > 1
    sizes = np.abs(np.expm1(errors))
    return Law(
        kernel=first.kernel,
        backend=first.backend,
        dtype=first.dtype,
        format=first.format,
        overhead_s=float(np.asarray(c.overhead_s)),
        peak_flop_per_s=_finite(c.peak_flop_per_s),
        half_flop=float(np.asarray(c.half_flop)),
        bandwidth_bytes_per_s=_finite(c.bandwidth_bytes_per_s),
        half_bytes=float(np.asarray(c.half_bytes)),
        sharpness=float(np.asarray(c.sharpness)),
        sigma_log=max(_robust_sigma(errors), _SIGMA_FLOOR) if checked else _SIGMA_UNCHECKED,
        loo_median_error_frac=float(np.median(sizes)) if checked else None,
        loo_p90_error_frac=float(np.quantile(sizes, 0.9)) if checked else None,
        n_shapes=samples.time_s.size,
        flop_range=_range(samples.flop),
        bytes_range=_range(samples.bytes),
        evidence=Evidence.FITTED,
        notes=notes,
    )


def _robust_sigma(errors: roofline.Array) -> float:
    """Half the 80 % interval of the held-out log errors in normal sigmas."""
    return float(np.quantile(np.abs(errors), 0.8)) / Z90


def _finite(value: object) -> float | None:
    number = float(np.asarray(value))
    return number if np.isfinite(number) else None


def _range(values: roofline.Array) -> Quantiles:
    return Quantiles(
        p10=float(values.min()),
        p50=float(np.median(values)),
        p90=float(values.max()),
    )


def _usable_memory(machine: Machine) -> float | None:
    return machine.memory.usable_bytes or machine.memory.total_bytes


def _unstable_note(group: list[Measurement]) -> tuple[str, ...]:
    shaky = sum(not m.stable for m in group)
    return (f"{shaky} of {len(group)} shapes were unstable when measured",) if shaky else ()


def _doubts(profile: Profile) -> tuple[str, ...]:
    notes = list(profile.notes)
    if not profile.complete:
        notes.append("the bench was cut short: some shapes are missing")
    return tuple(notes)
