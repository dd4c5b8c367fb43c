"""How a number is known, and how well: its evidence and its quantiles."""

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from tonnage.files import Record

Z90 = 1.2815515655446004
"""Standard normal quantile of 0.90: half the width of an 80 % interval in sigmas."""


class Evidence(StrEnum):
    """How a number is known, from the strongest to the weakest."""

    MEASURED = "measured"
    """Measured on this very target."""
    FITTED = "fitted"
    """From a law fitted to samples of this target, inside their range."""
    EXTRAPOLATED = "extrapolated"
    """From such a law, outside the range of its samples."""
    TRANSFERRED = "transferred"
    """Efficiency learned on other devices, ceilings from this one's datasheet."""
    DATASHEET = "datasheet"
    """A vendor's or publication's figure, taken over with its source."""
    ASSUMED = "assumed"
    """Nobody measured or published it: a stated assumption."""

    @property
    def rank(self) -> int:
        """Position from the strongest (0) to the weakest."""
        return list(Evidence).index(self)


def weakest(evidences: Iterable[Evidence]) -> Evidence:
    """Return the weakest evidence: a result is known no better than its inputs."""
    return max(evidences, key=lambda evidence: evidence.rank)


class Quantiles(Record):
    """An 80 % interval with its median: the uncertainty of one number.

    Attributes
    ----------
    p10, p50, p90 : float
        Quantiles in the unit of the field that holds them, p10 <= p50 <= p90.
    """

    p10: float
    p50: float
    p90: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.p10 <= self.p50 <= self.p90:
            raise ValueError(f"quantiles are not in order: {self.p10} {self.p50} {self.p90}")
        return self

    @classmethod
    def lognormal(cls, median: float, sigma_log: float) -> "Quantiles":
        """Quantiles of a log-normal with this median and standard deviation of the log.

        Examples
        --------
        >>> Quantiles.lognormal(2.0, 0.0)
        Quantiles(p10=2.0, p50=2.0, p90=2.0)
        """
        factor = math.exp(Z90 * sigma_log)
        return cls(p10=median / factor, p50=median, p90=median * factor)

    @classmethod
    def exactly(cls, value: float) -> "Quantiles":
        """Quantiles of a number without uncertainty."""
        return cls(p10=value, p50=value, p90=value)

    @property
    def sigma_log(self) -> float:
        """Standard deviation of the log that a log-normal of this width has."""
        if self.p10 <= 0:
            return math.inf
        return math.log(self.p90 / self.p10) / (2 * Z90)

    def scaled(self, factor: float) -> "Quantiles":
        """Return the quantiles of the number times a positive constant."""
        return Quantiles(p10=self.p10 * factor, p50=self.p50 * factor, p90=self.p90 * factor)
