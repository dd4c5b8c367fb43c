"""Passes that a shared host disturbed, told by what its cores and its memory gave around them."""

from collections.abc import Iterable, Sequence

from profiler.core_gauge import CALM_FRAC, best_of
from profiler.memory_weather import limited_by_memory
from profiler.passes import judged_anew
from profiler.profile import Measurement, Pass

MOSTLY_CALM_FRAC = 0.8
"""Of the passes: where fewer were calm, the profile says so, and one pass alone is not trusted."""
HELP = "repeat when the host is calmer, or give a larger --budget"


def judged(measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Call passes unsteady that the cores, or for what memory limits memory, gave less than their best.

    Where that happens often, a trial of a single pass is unsteady too: no second one says that it was calm
    throughout.

    Parameters
    ----------
    measurements : iterable of Measurement
        Of one bench: the best is what nine in ten of its readings stay below.
    """
    found = tuple(measurements)
    passes = [one for measurement in found for one in measurement.passes]
    cores = best_of([one.core_turns_per_s for one in passes if one.core_turns_per_s is not None])
    memory = best_of([one.read_bytes_per_s for one in passes if one.read_bytes_per_s is not None])
    calm = calm_frac(found)
    alone = calm is not None and calm < MOSTLY_CALM_FRAC
    each = (_judged(one, cores=cores, memory=memory) for one in found)
    return tuple(_alone(one) if alone and len(one.passes) == 1 else one for one in each)


def _alone(measurement: Measurement) -> Measurement:
    if not measurement.stable:
        return measurement
    why = f"measured in one pass only, while the cores gave less than their best around many others; {HELP}"
    return measurement.model_copy(update={"stable": False, "why_unstable": why})


def _judged(measurement: Measurement, *, cores: float | None, memory: float | None) -> Measurement:
    limiting = memory if limited_by_memory(measurement) else None
    passes = tuple(_doubted(one, cores=cores, memory=limiting) for one in measurement.passes)
    if passes == measurement.passes:
        return measurement
    return judged_anew(measurement.model_copy(update={"passes": passes}))


def _doubted(one: Pass, *, cores: float | None, memory: float | None) -> Pass:
    if one.why_unsteady is not None:
        return one
    core, read = _share(one.core_turns_per_s, cores), _share(one.read_bytes_per_s, memory)
    if core < CALM_FRAC:
        why = (
            f"the cores gave {core:.0%} of their best around it: others share them, or the clock fell; {HELP}"
        )
    elif read < CALM_FRAC:
        why = f"memory gave {read:.0%} of its best around it: others use it too; {HELP}"
    else:
        return one
    return one.model_copy(update={"why_unsteady": why})


def _share(given: float | None, best: float | None) -> float:
    return 1.0 if given is None or best is None else given / best


def calm_frac(measurements: Sequence[Measurement]) -> float | None:
    """Return the share of passes around which the cores gave their best; None where they were not read."""
    given = [
        one.core_turns_per_s for m in measurements for one in m.passes if one.core_turns_per_s is not None
    ]
    best = best_of(given)
    return None if best is None else sum(one >= CALM_FRAC * best for one in given) / len(given)
