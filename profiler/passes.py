"""Passes of one trial, minutes apart: what they say together, and whether they agree.

Samples taken in a row agree with each other while the machine drifts: clock, heat and neighbours change over
minutes, memory bandwidth on a shared host most of all. Only samples spread over the bench show it.
"""

from collections.abc import Sequence

from profiler.profile import Measurement, Pass
from profiler.statistics import median, median_interval, quantiles
from tonnage.evidence import Quantiles

DRIFTED_FRAC = 0.08
"""Where the two fastest passes are farther apart than this, the trial is called unsteady."""
FEWEST = 2
"""Steady passes that it takes to leave the unsteady ones out."""

Samples = Sequence[float]


def joined(earlier: Measurement, later: Measurement) -> Measurement:
    """Return one measurement with the passes of both, judged anew.

    Parameters
    ----------
    earlier, later : Measurement
        Of one trial, each with its passes.
    """
    both = earlier.model_copy(
        update={
            "samples_s": (*earlier.samples_s, *later.samples_s),
            "passes": (*earlier.passes, *later.passes),
            "loops": later.loops,
            "steal_frac": _larger(earlier.steal_frac, later.steal_frac),
            "others_frac": _larger(earlier.others_frac, later.others_frac),
            "waited_frac": _larger(earlier.waited_frac, later.waited_frac),
            "energy_j": later.energy_j if earlier.energy_j is None else earlier.energy_j,
        }
    )
    return judged_anew(both)


def judged_anew(measurement: Measurement) -> Measurement:
    """Return a measurement with the time and the verdict that its passes give."""
    why = why_unstable(measurement)
    return measurement.model_copy(
        update={"time_s": time_of(measurement.counted), "stable": why is None, "why_unstable": why}
    )


def _larger(a: float | None, b: float | None) -> float | None:
    return a if b is None else b if a is None else max(a, b)


def time_of(passes: Sequence[Samples]) -> Quantiles:
    """Return the median of the fastest pass, with an interval that holds the medians of all.

    Neighbours and heat only slow a machine down: over four benches of a shared host the fastest pass came
    back within 3.5 % in the median over trials, the median of three passes within 5.6 %.
    """
    each = sorted((quantiles(samples) for samples in passes), key=lambda one: (one.p50, one.p10, one.p90))
    return Quantiles(
        p10=each[0].p10, p50=each[0].p50, p90=max(median([one.p90 for one in each]), each[-1].p50)
    )


def pass_behind(measurement: Measurement) -> Pass | None:
    """Return the pass whose median is the measurement's: the fastest that counts; None in older profiles."""
    taken = measurement.samples_by_pass
    fastest = min(measurement.counting, key=lambda index: median(taken[index]), default=None)
    return None if fastest is None else measurement.passes[fastest]


def apart_frac(measurement: Measurement) -> float:
    """Return how much slower the second fastest pass that counts is than the fastest, by their medians."""
    medians = sorted(median(samples) for samples in measurement.counted)
    return medians[1] / medians[0] - 1 if len(medians) > 1 else 0.0


def why_unstable(measurement: Measurement) -> str | None:
    """Say why passes together should not be trusted, and what would help; None if they can be."""
    doubts = [one.why_unsteady for one in measurement.passes if one.why_unsteady is not None]
    steady = len(measurement.passes) - len(doubts)
    if doubts and steady < FEWEST:
        return (
            doubts[-1]
            if not steady
            else f"{steady} of {len(measurement.passes)} passes was steady; {doubts[-1]}"
        )
    apart = apart_frac(measurement)
    if apart > DRIFTED_FRAC:
        return (
            f"drifted by {apart:.0%} between passes: clock, heat, memory or other load changed over the "
            "bench; repeat when the host is calmer, or trust the interval"
        )
    return None


def median_bounds(measurement: Measurement) -> tuple[float, float]:
    """Return between which times the median lies: by the two fastest passes that count [s].

    They make the verdict: a third that something slowed down says nothing of where the fastest lies.
    """
    bounds = [median_interval(samples) for samples in sorted(measurement.counted, key=median)[:FEWEST]]
    return min(low for low, _ in bounds), max(high for _, high in bounds)
