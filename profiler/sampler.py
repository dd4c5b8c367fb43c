"""Time one call until its median is known: calibrate, warm up, sample.

The method is that of pyperf: inner loops make one sample long against the clock, warm-up
ends when two half-samples agree, and sampling ends when the interval of the median is
narrow or the time share is used up.
"""

from collections.abc import Callable
from dataclasses import dataclass

from profiler.clock import Stopwatch
from profiler.statistics import interval_width_frac, median

Run = Callable[[], object]

LEAST_SAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a sample is long enough, steady enough and when to stop.

    Attributes
    ----------
    share_s : float
        Time for calibration, warm-up and samples together; at least
        LEAST_SAMPLES are taken whatever it is, unless one call alone
        exceeds the share.
    min_sample_s : float
        Inner loops are added until one sample lasts this long.
    target_frac : float
        Sampling stops when the median's interval is this narrow.
    agree_frac : float
        Warm-up stops when two half-samples agree this well.
    least_s : float
        Sampling does not stop before: a scheduler's time slices are several
        milliseconds, and all samples of one slice agree.
    min_samples, max_samples : int
        Fewer do not stop early; more are not taken.
    """

    share_s: float
    min_sample_s: float = 200e-6
    target_frac: float = 0.01
    agree_frac: float = 0.05
    least_s: float = 0.04
    min_samples: int = 7
    max_samples: int = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Raw samples in the order in which they were taken.

    Attributes
    ----------
    samples_s : tuple of float
        Time of one call, averaged over `loops` calls in a row. [s]
    warm_up_s : tuple of float
        Samples that were thrown away.
    """

    samples_s: tuple[float, ...]
    warm_up_s: tuple[float, ...]
    loops: int


def sample(run: Run, limits: Limits, *, stopwatch: Stopwatch) -> Sampled:
    """Time `run` within `limits`.

    Parameters
    ----------
    run : callable
        One call of the kernel, without arguments.
    limits : Limits
        When to stop.
    stopwatch : Stopwatch
        Calibrated, or a fake one in tests.
    """
    start_s = stopwatch.now_s()
    loops, first_s = _calibrate(run, limits, stopwatch)
    warm_up_s = _warm_up(run, loops, limits, stopwatch=stopwatch, first_s=first_s)
    samples_s: list[float] = []
    while not _enough(samples_s, limits, elapsed_s=stopwatch.now_s() - start_s):
        samples_s.append(stopwatch.time_s(run, loops))
    return Sampled(samples_s=tuple(samples_s), warm_up_s=warm_up_s, loops=loops)


def _calibrate(run: Run, limits: Limits, stopwatch: Stopwatch) -> tuple[int, float]:
    """Return inner loops per sample, and the time of one call at that."""
    loops = 1
    while True:
        call_s = stopwatch.time_s(run, loops)
        if call_s * loops >= limits.min_sample_s:
            return loops, call_s
        # At most tenfold: the first call may be slow and tell little about the next.
        wanted = limits.min_sample_s / call_s * 1.2
        loops = max(loops + 1, min(int(wanted) + 1, loops * 10))


def _warm_up(
    run: Run, loops: int, limits: Limits, *, stopwatch: Stopwatch, first_s: float
) -> tuple[float, ...]:
    """Run until two half-samples agree or a quarter of the share is used."""
    taken = [first_s]
    start_s = stopwatch.now_s()
    while stopwatch.now_s() - start_s < limits.share_s / 4:
        taken.append(stopwatch.time_s(run, loops))
        half = len(taken) // 2
        if half >= 2 and _agree(taken[-2 * half : -half], taken[-half:], limits.agree_frac):
            break
    return tuple(taken)


def _agree(earlier: list[float], later: list[float], frac: float) -> bool:
    return abs(median(later) / median(earlier) - 1) <= frac


def _enough(samples_s: list[float], limits: Limits, *, elapsed_s: float) -> bool:
    count = len(samples_s)
    if count == 0:
        return False
    if elapsed_s >= limits.share_s:
        # One call that outlasts the share is not repeated.
        return count >= LEAST_SAMPLES or samples_s[0] >= limits.share_s
    if elapsed_s < limits.least_s:
        return False
    if count >= limits.max_samples:
        return True
    return count >= limits.min_samples and interval_width_frac(samples_s) <= limits.target_frac
