"""Which point runs on which backend, in which order: what the fit needs most comes first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from profiler.backends import Backend
from profiler.kernels import Kernel
from profiler.kernels.kernel import ESSENTIAL, EXHAUSTIVE, Point
from profiler.profile import Measurement

TRIAL_S = 0.65
"""What all passes of a trial take on the mean, setting up and checking included (two cores, 130 trials)."""

DOMINATED_FRAC = 0.8
"""A backend slower than this share of the best at every scout is not tried further."""

MAIN_KERNELS = frozenset(
    ("gemm", "quant_matmul", "attention_prefill", "attention_decode", "ssm_scan", "ssm_state_update")
)
"""What nearly all of a model's time goes to."""

ORDER_SEED = 1
"""The random order is the same each time, so that a bench can be resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One point on one backend."""

    point: Point
    backend: str

    @property
    def key(self) -> str:
        """Name of the trial, stable between runs."""
        return f"{self.backend}:{self.point.key}"


def tier_for(budget_s: float, kernels: Sequence[Kernel], backends: Sequence[Backend]) -> int:
    """Return the last tier whose trials a budget has room for; the essential one in any case.

    The last tier of all is for those who ask for everything: its points take longer.
    """
    tier = ESSENTIAL
    while tier + 1 < EXHAUSTIVE:
        if len(plan_sweep(kernels, backends, tier=tier + 1)) * TRIAL_S > budget_s:
            break
        tier += 1
    return tier


def plan_sweep(kernels: Iterable[Kernel], backends: Iterable[Backend], *, tier: int) -> tuple[Trial, ...]:
    """List the trials of all tiers up to `tier`.

    Returns
    -------
    tuple of Trial
        By tier; within one, scouts in the order of the kernels, then what
        each family needs first, then what each needs next: wherever time
        runs out, no law has all while another has nothing. Random beyond
        that, so that drift does not look like a law. Trials of one point
        stand together.
    """
    backends = tuple(backends)
    points = [point for kernel in kernels for point in kernel.points() if point.tier <= tier]
    shuffled = np.random.default_rng(ORDER_SEED).permutation(len(points))
    scouts = [point for point in points if point.scout]
    rest = [points[index] for index in shuffled if not points[index].scout]
    need = _rounds(points)
    ranked = sorted([*scouts, *rest], key=lambda point: (point.tier, not point.scout, need[point.key]))
    return tuple(
        Trial(point=point, backend=backend.name)
        for point in ranked
        for backend in backends
        if backend.runs(point)
    )


def plan_further(kernels: Iterable[Kernel], backends: Iterable[Backend], *, tier: int) -> tuple[Trial, ...]:
    """List the trials of the tier after `tier` for time that is left over, by what models spend theirs on.

    Nothing is left to add after the last tier but one: the last is for those who ask for everything.
    """
    if tier + 1 >= EXHAUSTIVE:
        return ()
    trials = plan_sweep(kernels, backends, tier=tier + 1)
    return tuple(
        sorted(
            (trial for trial in trials if trial.point.tier == tier + 1),
            key=lambda trial: trial.point.kernel not in MAIN_KERNELS,
        )
    )


def _rounds(points: Iterable[Point]) -> dict[str, int]:
    """Return how many points of its family and tier are needed before each point; 0 for scouts."""
    seen: Counter[tuple[int, tuple[str, str, str | None]]] = Counter()
    rounds: dict[str, int] = {}
    for point in points:
        place = point.tier, point.family
        rounds[point.key] = 0 if point.scout else seen[place]
        seen[place] += not point.scout
    return rounds


def trial_key(measurement: Measurement) -> str:
    """Return the key of the trial that a measurement came from."""
    point = Point(
        kernel=measurement.kernel,
        dtype=measurement.dtype,
        format=measurement.format,
        shape=measurement.shape,
    )
    return Trial(point=point, backend=measurement.backend).key


def dominated_by(trial: Trial, scouts: Sequence[Point], measured: Mapping[str, Measurement]) -> str | None:
    """Return the backend that beat this trial's at every scout of its family, or None.

    Parameters
    ----------
    trial : Trial
        A trial that has not run.
    scouts : sequence of Point
        All scouts of the sweep.
    measured : mapping of str to Measurement
        By trial key.
    """
    if trial.point.scout:
        return None
    winner = None
    for scout in scouts:
        if scout.family != trial.point.family:
            continue
        at_scout = (one for one in measured.values() if trial_key(one).endswith(f":{scout.key}"))
        # The fast end: other load slows a backend down, nothing speeds it up.
        times = {one.backend: one.time_s.p10 for one in at_scout}
        if trial.backend not in times:
            continue
        winner = min(times, key=times.__getitem__)
        if times[winner] > DOMINATED_FRAC * times[trial.backend]:
            return None
    return winner
