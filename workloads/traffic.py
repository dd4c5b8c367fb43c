"""A description of traffic: how requests arrive, how long they are, what they continue."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tonnage.files import FileRecord, Record


class Arrivals(Record):
    """An open arrival process with a mean rate."""

    process: Literal["poisson", "gamma", "markov", "diurnal", "profile", "at-once"] = "poisson"
    """gamma: renewal with `gap_cv`; markov: calm and bursts in turn; diurnal: follows `hourly`;
    profile: follows `rates`, window by window; at-once: everything is queued at time 0."""
    requests_per_s: float = Field(default=1.0, gt=0)
    gap_cv: float = Field(default=1.0, gt=0, le=50)
    """Standard deviation of the gaps over their mean; 1 is Poisson, more is bursty."""
    burst_ratio: float = Field(default=5.0, ge=1)
    """Rate within a burst over that of the calm."""
    burst_s: float = Field(default=10.0, gt=0)
    calm_s: float = Field(default=60.0, gt=0)
    """Mean lengths of bursts and of the calm between them."""
    hourly: tuple[float, ...] = ()
    """Relative rate by hour of the day, 24 values."""
    rates: tuple[float, ...] = ()
    """Relative rate by window, over and over again."""
    window_s: float = Field(default=600.0, gt=0)
    """Length of such a window."""

    @model_validator(mode="after")
    def _whole_day(self) -> "Arrivals":
        if self.process == "diurnal" and (
            len(self.hourly) != 24 or min(self.hourly) < 0 or not any(self.hourly)
        ):
            raise ValueError("a diurnal process needs 24 relative rates in `hourly`, none below 0, one above")
        if self.process == "profile" and (not any(self.rates) or min(self.rates) < 0):
            raise ValueError("a profile needs relative `rates`, none below 0, one above")
        return self


class Length(Record):
    """Tokens of a prompt or an output: fixed, uniform, log-normal, or by its own quantiles."""

    mean: float = Field(ge=1)
    cv: float = Field(default=0.0, ge=0, le=20)
    """Standard deviation over mean of a log-normal; 0 is fixed."""
    low: float | None = Field(default=None, ge=1)
    high: float | None = None
    """Bounds of a uniform length."""
    quantiles: tuple[float, ...] = ()
    """Values at evenly spaced probabilities from 0 to 1; they beat everything else."""

    @classmethod
    def from_percentile(cls, mean: float, p95: float | None) -> "Length":
        """Return the log-normal of a mean and a 95th percentile; fixed without one.

        Notes
        -----
        With z = 1.645: p95 / mean = exp(z s - s^2 / 2), solved for the smaller s; a
        percentile beyond the largest ratio, exp(z^2 / 2), takes that one.
        """
        if p95 is None or p95 <= mean:
            return cls(mean=mean)
        z = 1.6448536269514722
        sigma = z - np.sqrt(max(z * z - 2 * np.log(p95 / mean), 0.0))
        return cls(mean=mean, cv=float(np.sqrt(np.expm1(sigma**2))))

    def tokens(self, probability: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the length at each probability, rounded to whole tokens, at least 1."""
        if self.quantiles:
            grid = np.linspace(0, 1, len(self.quantiles))
            values = np.interp(probability, grid, self.quantiles)
        elif self.low is not None and self.high is not None:
            values = self.low + (self.high - self.low) * probability
        elif self.cv > 0:
            from scipy.special import ndtri

            sigma = np.sqrt(np.log1p(self.cv**2))
            values = self.mean * np.exp(sigma * ndtri(np.clip(probability, 1e-12, 1 - 1e-12)) - sigma**2 / 2)
        else:
            values = np.full(probability.shape, self.mean)
        return np.maximum(np.rint(values), 1).astype(np.int64)


class Sessions(Record):
    """Conversations: each turn brings all earlier ones along as its prefix."""

    turns_mean: float = Field(gt=1)
    """Geometric number of turns."""
    think_s: float = Field(default=30.0, ge=0)
    """Mean exponential time from an answer to the next turn."""
    max_tokens: int = Field(default=32_768, ge=2)
    """A conversation ends before it grows beyond this."""


class Traffic(FileRecord):
    """One kind of requests."""

    FORMAT: ClassVar[str] = "tonnage.traffic"
    VERSION: ClassVar[int] = 1

    name: str = "all"
    arrivals: Arrivals = Arrivals()
    prompt: Length = Length(mean=1024)
    output: Length = Length(mean=256)
    correlation: float = Field(default=0.0, ge=-1, le=1)
    """Of the normal scores of prompt and output."""
    sessions: Sessions | None = None
    shared_prefix_tokens: int = Field(default=0, ge=0)
    """A system prompt that all requests begin with."""
    users: int = Field(default=0, ge=0)
    """Closed loop: so many users, each sending the next request when the last one ends."""
    think_s: float = Field(default=0.0, ge=0)
    priority: int = Field(default=0, ge=0, le=2)
    """0 is served first."""
    source: str = ""
    notes: tuple[str, ...] = ()

    def mean_tokens(self) -> tuple[float, float]:
        """Return mean prompt and output tokens of a request.

        Notes
        -----
        Of a conversation with a geometric number of turns of mean m, a turn has m - 1 before it on
        average: E[turn before] = E[n (n - 1) / 2] / E[n] = m - 1.
        """
        earlier = 0.0 if self.sessions is None else self.sessions.turns_mean - 1
        prompt = self.prompt.mean + earlier * (self.prompt.mean + self.output.mean)
        if self.sessions is not None:
            prompt = min(prompt, float(self.sessions.max_tokens))
        return max(prompt, self.shared_prefix_tokens + 1.0), self.output.mean
