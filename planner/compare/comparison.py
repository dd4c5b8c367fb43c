"""What models do as the context grows, and where one becomes better than another."""

from enum import StrEnum
from typing import ClassVar

from planner.prediction import Bound
from tonnage.evidence import Evidence, Quantiles
from tonnage.files import FileRecord, Record


class Metric(StrEnum):
    """What is compared; less is better in each."""

    TTFT = "ttft_s"
    TPOT = "tpot_s"
    MEMORY = "memory_bytes"


class Point(Record):
    """One model at one context length.

    Attributes
    ----------
    context_tokens : float
        Prompt of each request; the output comes on top.
    memory_bytes : float or None
        Per device at the concurrency that was asked for.
    fits : bool or None
        Whether one such request fits; None where the device's memory is unknown.
    largest_concurrency : int or None
        Such requests that run at once, by memory and the engine's own limit.
    beyond_max_context : bool
        Longer than the model was made for: it runs, but its answers are doubtful.
    """

    context_tokens: float
    ttft_s: Quantiles | None = None
    tpot_s: Quantiles | None = None
    memory_bytes: float | None = None
    fits: bool | None = None
    largest_concurrency: int | None = None
    beyond_max_context: bool
    bound: Bound | None = None
    evidence: Evidence
    notes: tuple[str, ...] = ()

    def value(self, metric: Metric) -> Quantiles | None:
        """Return one metric, None where it is unknown or the model does not fit."""
        if self.fits is False:
            return None
        if metric is Metric.MEMORY:
            return None if self.memory_bytes is None else Quantiles.exactly(self.memory_bytes)
        return self.ttft_s if metric is Metric.TTFT else self.tpot_s


class ModelCurve(Record):
    """One model over all context lengths; notes hold for every point."""

    model: str
    name: str
    weights: str
    max_context_tokens: int | None = None
    points: tuple[Point, ...]
    notes: tuple[str, ...] = ()


class Crossing(Record):
    """Where one model falls below another.

    Attributes
    ----------
    context_tokens : float
        Where the medians meet, by interpolation between logarithms.
    lower_after : str
        The model that is lower beyond.
    apart_until_tokens, apart_from_tokens : float or None
        Last context before and first context behind at which the 80 %
        intervals do not overlap: between them the order is not sure.
    beyond_max_context : tuple of str
        Models that were not made for so long a context.
    """

    context_tokens: float
    lower_after: str
    apart_until_tokens: float | None = None
    apart_from_tokens: float | None = None
    beyond_max_context: tuple[str, ...] = ()


class Pair(Record):
    """Two models by one metric, over the contexts at which both fit.

    Attributes
    ----------
    lower : str or None
        The model that is lower at the shortest of them; None if they are equal throughout.
    from_tokens, to_tokens : float or None
        The shortest and longest of them; None if there is none.
    apart_from_tokens : float or None
        First context, before any crossing, at which the 80 % intervals do not overlap.
    """

    metric: Metric
    models: tuple[str, str]
    lower: str | None = None
    from_tokens: float | None = None
    to_tokens: float | None = None
    apart_from_tokens: float | None = None
    crossings: tuple[Crossing, ...] = ()


class Comparison(FileRecord):
    """Models on one device over the length of their context."""

    FORMAT: ClassVar[str] = "tonnage.comparison"

    device: str
    engine: str
    tp: int
    concurrency: int
    osl: float
    contexts_tokens: tuple[float, ...]
    models: tuple[ModelCurve, ...]
    pairs: tuple[Pair, ...]
