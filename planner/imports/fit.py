"""Operator tables to a cost model: the same laws as those of our own bench, on a catalog device."""

from pathlib import Path

from hw_targets import catalog
from hw_targets.device import Device
from planner.imports.measured import Measured
from planner.imports.thin import by_law, thinned
from planner.laws.cost_model import CostModel
from planner.laws.fit import fit_law
from planner.serving.step.target import from_device
from profiler.profile import Ceilings, Profile
from tonnage.errors import FitRejected
from tonnage.files import read_object, upgraded

SHAPES = 40
"""Shapes that one law is fitted to: each is left out once to check it."""


def read_profile_or_measured(path: Path | str) -> Profile | Measured:
    """Read what a cost model can be fitted to: a profile, or imported operator tables.

    Raises
    ------
    FileProblem, FormatError
        If the file cannot be read, or is neither.
    """
    fields = read_object(path, Profile)
    if fields.get("format") == Measured.FORMAT:
        return Measured.parse(upgraded(fields, Measured, where=str(path)), where=str(path))
    return Profile.parse(upgraded(fields, Profile, where=str(path)), where=str(path))


def fit_measured(measured: Measured, *, name: str) -> CostModel:
    """Fit every kernel of imported operator tables.

    Ceilings where the tables reach none are those of the catalog. Collectives are not among the
    tables, so what devices send each other is still timed by datasheet and engine.

    Raises
    ------
    FitRejected
        If there are no kernels, as in a file of whole-model runs.
    """
    if measured.device is None or not measured.kernels:
        raise FitRejected(
            f"{name}: holds whole-model runs and no kernels to fit; give it to 'tonnage predict --anchor'"
        )
    device = catalog.get(measured.device)
    ceilings = Ceilings(
        memory_bandwidth_bytes_per_s=device.memory_bandwidth_bytes_per_s, peak_flop_per_s=_peaks(device)
    )
    groups = by_law(measured.kernels)
    laws = tuple(fit_law(thinned(group, SHAPES), ceilings) for group in groups.values())
    return CostModel(
        device=device.id,
        name=device.name,
        kind=device.kind.value,
        memory_bytes=from_device(device).memory_bytes,
        memory_bandwidth_bytes_per_s=device.memory_bandwidth_bytes_per_s,
        peak_flop_per_s=_peaks(device),
        laws=laws,
        fitted_from=name,
        notes=(f"kernels measured by {', '.join(sorted({m.backend for m in measured.kernels}))}",),
    )


def _peaks(device: Device) -> dict[str, float]:
    return {name: rate for name, rate in device.peak.model_dump().items() if rate and name != "fp64"}
