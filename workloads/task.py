"""What requests are for: tasks that end right or not, who tries, who checks, and how long it may take."""

from pydantic import Field

from tonnage.files import Record
from workloads.tasks import Success


class ChainStep(Record):
    """One model of a chain, and how often it tries at most."""

    model: str
    tries: int = Field(ge=1)


class Task(Record):
    """What the requests are for: tasks that end right or not, checked by somebody."""

    benchmark: str
    """Whose tasks they are like: a benchmark with published success rates, or the user's own."""
    split: str = ""
    tries: int = Field(default=1, ge=1)
    """Of each model at most, before the next one is asked."""
    verifier_usd: float = Field(default=0.0, ge=0)
    """Price of checking one result."""
    verifier_s: float = Field(default=0.0, ge=0)
    """Time of checking one result."""
    false_accept_frac: float = Field(default=1.0, ge=0, le=1)
    """Share of wrong results that the check takes; 1 is no check."""
    false_reject_frac: float = Field(default=0.0, ge=0, le=1)
    """Share of right results that the check does not take."""
    person_usd: float | None = Field(default=None, ge=0)
    """What a person asks for a task that no model solved; None is nobody."""
    requests_per_task: float = Field(default=1.0, gt=0)
    """Requests that one try takes, one after the other."""
    deadline_s: float | None = Field(default=None, gt=0)
    """By which models must have ended a task; tries that might not end in time are not made."""
    reliable_min: float | None = Field(default=None, ge=0, le=1)
    """Share of tasks that must end right, the person's included."""
    max_steps: int = Field(default=3, ge=1, le=4)
    """Models in a chain at most."""
    chains: tuple[tuple[ChainStep, ...], ...] | None = None
    """The only chains that may be taken; None is any in which each model is more often right than
    the one before."""
    rates: tuple[Success, ...] = ()
    """The user's own results, which come before published ones."""

    def named(self) -> str:
        """Return benchmark and split."""
        return f"{self.benchmark} {self.split}".strip()
