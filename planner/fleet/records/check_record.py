"""What a simulation says about a plan: each limit as it was met, and how often all of them would be."""

from pydantic import Field

from tonnage.files import Record


class LimitCheck(Record):
    """One limit of one class, in the simulation of the median prediction."""

    class_name: str
    limit: str
    """As in the scenario: ttft_p95_s ..."""
    allowed_s: float
    simulated_s: float | None = None
    """None where it grows without bound."""
    ci95_s: float | None = None
    """Half width of the 95 % confidence interval over replications."""
    holds: bool


class PlanCheck(Record):
    """A plan's own units under the peak load of its scenario, request by request."""

    holds: bool | None = None
    """Every limit held with the median prediction; None where nothing could be simulated."""
    why_not: str | None = None
    """Why nothing could be simulated, or what ran over."""
    limits: tuple[LimitCheck, ...] = ()
    good_frac: dict[str, float] = Field(default_factory=dict)
    """Per class: requests that were within every limit, as if it were a limit of each request."""
    utilization: float | None = None
    """Share of the units' time with a step under way."""
    headroom: float = 1.0
    """What units are sized for over the scenario's peak: more where the simulation asked for it."""
    draws: int = 0
    """Runs whose step times were off by an error drawn from the prediction's own interval."""
    held_frac: float | None = None
    """Share of them in which every limit held: to be compared with `slo_probability`."""
    requests: int = 0
    replications: int = 0
    seed: int = 0
    notes: tuple[str, ...] = ()
