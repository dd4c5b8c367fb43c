"""When each trial is visited: all twice, then what disagrees, then the rest, by chance and by weather."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from profiler import sweep
from profiler.backends import BACKENDS, Backend
from profiler.clock import Stopwatch
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.measure import Measurer, Refused
from profiler.memory_weather import limited_by_memory
from profiler.passes import FEWEST, joined
from profiler.profile import Skipped
from profiler.progress import OnProgress, Progress, left_s
from profiler.store import Store
from profiler.weather import judged
from tonnage.registry import Registry

PASSES = 3
"""Visits to each trial: slow drift lies between them, so that the profile itself shows it."""
MOST_PASSES = 6
"""Visits to a trial that stays unsteady while budget is left."""
LEAST_SHARE_S, MOST_SHARE_S = 0.06, 1.0
"""Time share of one visit, setting up excluded."""
VISIT_S = 0.06
"""What a visit takes beside its share: waiting for workers to rest, reading the gauges, laying out."""
PATIENCE_S = 0.3
"""How long a visit to an unsteady trial waits until the cores are calm."""
RESERVE_S = 0.7
"""Left of the budget for the last trial's overrun and for writing the profile."""
SCOUTS_AGAIN_FRAC = 0.1
"""Share of the budget that may go into measuring unsteady scouts again before they decide."""


class Visits:
    """Measures trials while the budget lasts.

    Parameters
    ----------
    measurer : Measurer
    store : Store
        Where finished passes go.
    stopwatch : Stopwatch
    budget_s : float
        Counted from `start_s` on the stopwatch. [s]
    backends : Registry of Backend
        By the names that trials carry.
    before_each : callable
        Called before each visit: stamps conditions now and then.
    on_progress : callable, optional
    """

    def __init__(
        self,
        measurer: Measurer,
        store: Store,
        stopwatch: Stopwatch,
        *,
        budget_s: float,
        start_s: float,
        backends: Registry[Backend] = BACKENDS,
        before_each: Callable[[], None] = lambda: None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.measurer, self.store, self.stopwatch = measurer, store, stopwatch
        self.budget_s, self.start_s = budget_s, start_s
        self.backends, self.before_each, self.on_progress = backends, before_each, on_progress
        self.skipped: dict[str, Skipped] = {}
        self.known: dict[str, sweep.Trial] = {}
        """Trials of this bench that are to be visited, by key."""

    @property
    def elapsed_s(self) -> float:
        """Return the time since the start [s]."""
        return self.stopwatch.now_s() - self.start_s

    @property
    def left_s(self) -> float:
        """Return what is left of the budget for visits [s]."""
        return self.budget_s - RESERVE_S - self.elapsed_s

    def first(
        self, trials: Sequence[sweep.Trial], scouts: Sequence[Point], *, at_once: int | None = None
    ) -> int:
        """Visit each trial once, until they or the budget are through; return how many are left.

        One trial is visited whatever the budget.

        Parameters
        ----------
        trials : sequence of Trial
            In order.
        scouts : sequence of Point
            On which backends compete; unsteady ones are visited again before they decide.
        at_once : int, optional
            Of `trials`, how many the budget has room for; all by default.
        """
        scouted, visited = at_once is not None, 0
        self.known |= {trial.key: trial for trial in trials[:at_once]}
        for index, trial in enumerate(trials):
            if trial.key in self.store.measured:
                continue
            if not trial.point.scout and not scouted:
                scouted = True
                found = [one for one in trials if one.point.scout]
                self.unsteady(found, frac=SCOUTS_AGAIN_FRAC, firsts_left=len(trials) - index)
            winner = sweep.dominated_by(trial, scouts, self.store.measured)
            if winner is not None:
                self.known.pop(trial.key, None)
                self.skip(
                    trial.point.kernel, trial.backend, f"{winner} was faster at every scout", trial.point
                )
                continue
            # Compiling for the first time may outlast a small budget: one trial is measured all the same.
            if self.left_s <= 0 and self.store.measured:
                return sum(1 for one in trials[index:] if one.key not in self.store.measured)
            left = len(trials) - index if at_once is None else at_once - visited
            if left <= 0:
                return 0
            self.known[trial.key] = trial
            self._visit(trial, firsts_left=left)
            visited += 1
        return 0

    def again(self) -> None:
        """Visit everything measured until each trial has its passes, in another order for each pass.

        Once two passes can agree, those that do not are visited before the others have their third.
        """
        self._until(FEWEST)
        self.unsteady()
        self._until(PASSES)

    def _until(self, passes: int) -> None:
        """Visit everything measured until each trial has so many passes, or the budget is through."""
        for number in range(2, passes + 1):
            behind = [key for key in self._visited() if self._passes(key) < number]
            for index in np.random.default_rng(number).permutation(len(behind)):
                trial = self.known[behind[index]]
                if self.left_s <= VISIT_S + LEAST_SHARE_S:
                    return
                if self.measurer.kept.again_s(trial.key) + VISIT_S + LEAST_SHARE_S < self.left_s:
                    self._visit(trial, firsts_left=0)

    def unsteady(
        self, trials: Iterable[sweep.Trial] | None = None, *, frac: float = 1.0, firsts_left: int = 0
    ) -> None:
        """Visit again what was unsteady, for at most a share of the budget; of everything by default."""
        least_left_s = max(self.left_s - frac * self.budget_s, 0.0)
        for _ in range(MOST_PASSES - FEWEST if trials is None else 1):
            doubted = self._doubted()
            every = self.known.values() if trials is None else trials
            waiting = [one for one in every if one.key in doubted]
            while waiting:
                trial = self._fits_weather(waiting)
                waiting.remove(trial)
                need_s = self.measurer.kept.again_s(trial.key) + VISIT_S + LEAST_SHARE_S + PATIENCE_S
                if self.left_s - least_left_s < need_s:
                    return
                # A call that outlasts the share gives one sample again, and no verdict.
                if self.store.measured[trial.key].time_s.p50 < self._share_s(firsts_left):
                    self._visit(trial, firsts_left=firsts_left, patience_s=PATIENCE_S)

    def _fits_weather(self, trials: Sequence[sweep.Trial]) -> sweep.Trial:
        """Return what to visit now: what memory limits while it gives its best, the others otherwise."""
        gauge = self.measurer.gauge
        if gauge is None:
            return trials[0]
        calm = gauge.calm()
        fitting = (one for one in trials if limited_by_memory(self.store.measured[one.key]) == calm)
        return next(fitting, trials[0])

    def _doubted(self) -> set[str]:
        """Return the keys of what is unsteady and may be visited again."""
        keys = list(self.store.measured)
        found = zip(keys, judged([self.store.measured[key] for key in keys]), strict=True)
        return {key for key, one in found if not one.stable and 0 < len(one.passes) < MOST_PASSES}

    def room(self) -> int:
        """Return how many more trials the budget has room for, with all their passes."""
        left_s = self.left_s - self._passes_missing() * (VISIT_S + LEAST_SHARE_S)
        return max(int(left_s / sweep.TRIAL_S), 0)

    def _visited(self) -> list[str]:
        return sorted(key for key in self.known if key in self.store.measured)

    def _passes_missing(self) -> int:
        return sum(max(PASSES - self._passes(key), 0) for key in self._visited())

    def _passes(self, key: str) -> int:
        """Return the passes of a measured trial; what an older version measured is left as it is."""
        return len(self.store.measured[key].passes) or PASSES

    def _visit(self, trial: sweep.Trial, *, firsts_left: int, patience_s: float = 0.0) -> None:
        """Measure one pass of a trial and keep it; a refusal is recorded."""
        self._tell(f"{trial.point.kernel} {trial.point.dtype} {trial.backend}")
        self.before_each()
        kernel, backend = KERNELS.get(trial.point.kernel), self.backends.get(trial.backend)
        earlier = self.store.measured.get(trial.key)
        share_s = min(self._share_s(firsts_left), max(self.left_s - VISIT_S - patience_s, LEAST_SHARE_S))
        try:
            found = self.measurer.measure(
                trial.point, kernel, backend, share_s=share_s, patience_s=patience_s
            )
        except Refused as refused:
            self.known.pop(trial.key, None)
            self.skip(kernel.name, backend.name, str(refused), trial.point)
            return
        self.store.add(found if earlier is None else joined(earlier, found))

    def _share_s(self, firsts_left: int) -> float:
        """Share out what is left evenly among all visits to come, first and later ones."""
        visits = PASSES * firsts_left + self._passes_missing()
        setup_s = firsts_left * self.measurer.mean_setup_s
        fair_s = (self.left_s - setup_s) / max(visits, 1) - VISIT_S
        return min(max(fair_s, LEAST_SHARE_S), MOST_SHARE_S)

    def _tell(self, now: str) -> None:
        """Say how many passes are done of all that there will be."""
        if self.on_progress is None:
            return
        done = sum(min(self._passes(key), PASSES) for key in self._visited())
        total, elapsed_s = PASSES * len(self.known), self.elapsed_s
        left = left_s(done=done, total=total, elapsed_s=elapsed_s, budget_s=self.budget_s)
        self.on_progress(Progress(done=done, total=total, elapsed_s=elapsed_s, left_s=left, now=now))

    def tell_end(self) -> None:
        """Say that the bench is over."""
        self._tell("")

    def skip(self, kernel: str, backend: str, why: str, point: Point | None = None) -> None:
        """Record why something was not measured."""
        shape = "" if point is None else " ".join(f"{name}={size}" for name, size in point.shape.items())
        text = f"{point.dtype} {point.format or ''} {shape}: {why}".replace("  ", " ") if point else why
        self.skipped[f"{kernel}:{backend}:{text}"] = Skipped(kernel=kernel, backend=backend, why=text)
