"""What a task that ends right costs: who solves it, on which chains, and what else it could cost."""

from pydantic import Field

from tonnage.evidence import Evidence, Quantiles
from tonnage.files import Record


class TaskTier(Record):
    """One model on the way from a task to its right end."""

    model: str
    hosted: bool
    success_frac: float
    """Of single tries, as published."""
    correlation_frac: float
    """Of two tries at the same task; 1 is that trying again never helps."""
    usd_per_try: float
    """Of all requests of a try, the check not counted."""
    tries_per_task: float
    """Mean over all tasks, those that never came this far included."""
    solved_frac: float
    """Share of all tasks that this tier ends rightly."""
    usd_per_reliable_task_alone: float | None = None
    """If there were this model and nobody after it."""
    loss_frac: float | None = None
    """Part of the success that the weight format takes off; None if nobody says."""
    evidence: Evidence
    source: str


class ChainStepTaken(Record):
    """One model of a chain that the plan takes."""

    model: str
    up_to: int
    """Tries at most."""
    tries_per_task: float
    """Mean over the tasks that take the chain."""
    solved_frac: float


class TaskChain(Record):
    """A way from a task to its end that the plan takes for a part of a class."""

    class_name: str
    share_frac: float
    """Part of the class's tasks, over all time."""
    steps: tuple[ChainStepTaken, ...]
    reliable_frac: float
    wrong_frac: float
    left_frac: float
    worst_s: float | None = None
    """When its last try has ended at the latest; None without a deadline."""


class SingleModel(Record):
    """What the strongest model would cost alone, on a fleet of its own chosen as well."""

    model: str
    up_to: int
    usd_per_reliable_task: float
    reliable_frac: float
    bill_usd_per_h: float
    break_even_price_frac: float | None = None
    """It would cost as little per right end if its units and offers cost this part of what they do;
    None if no price would do."""


class ReliableTask(Record):
    """What a task that ends right costs, and who ends it."""

    usd: float
    """Expected spend per task over the share that ends right."""
    interval_usd: Quantiles | None = None
    """With the sampling error of the success rates and, where chains are chosen, of predicted
    capacities; None if it is not known."""
    usd_per_task: float
    reliable_frac: float
    """Share of tasks that end right, a person's included."""
    wrong_frac: float
    """Share that ends with a wrong result taken for right."""
    left_frac: float
    """Share that no model ended: the person's, or open where there is none."""
    person_usd: float | None = None
    """What a person asks per task; None where there is none, or classes ask different prices."""
    break_even_person_usd: float | None = None
    """A person who asks more per task than this costs more than the models do."""
    tiers: tuple[TaskTier, ...]
    chains: tuple[TaskChain, ...] = ()
    """What the plan chose, the largest share first; empty where chains are not chosen."""
    tries_per_task: dict[str, float] = Field(default_factory=dict)
    """Per class, where chains are chosen: its requests are so many times those of the scenario."""
    tasks_per_h: float | None = None
    reliable_per_h: float | None = None
    bill_usd_per_h: float | None = None
    """Of units and hosted offers."""
    checks_usd_per_h: float | None = None
    person_usd_per_h: float | None = None

    @property
    def has_person(self) -> bool:
        """What no model ends is a person's, at one price or at those of the classes."""
        return self.person_usd is not None or bool(self.person_usd_per_h)

    strongest: SingleModel | None = None
