"""Cascades for a task, the cheapest first, beside a single model and a person."""

from typing import ClassVar

from tonnage.evidence import Evidence
from tonnage.files import FileRecord, Record
from workloads.scenario import Scenario


class Step(Record):
    """One model of a cascade."""

    model: str
    success_frac: float
    """Of single tries, as published."""
    tries_per_task: float
    """Mean over all tasks, those that never came this far included."""
    solved_frac: float
    """Share of all tasks that it ends rightly."""
    up_to: int = 1
    """Tries at one task at most."""
    runs_on: str
    """What serves it: own units, hosted offers, or both."""
    evidence: Evidence
    source: str


class Cascade(Record):
    """Models in the order in which a task asks them, and the person at the end, if there is one."""

    steps: tuple[Step, ...]
    usd_per_reliable_task: float
    """Spend per task over the share that ends right."""
    usd_per_task: float
    machines_usd_per_h: float
    reliable_frac: float
    wrong_frac: float
    left_frac: float
    """Share that no model ended: the person's, or open where there is none."""
    break_even_person_usd: float | None = None
    """A person who asks more per task than this costs more than the models do."""
    worst_s: float | None = None
    """When its last try has ended at the latest; None without a deadline."""


class Cascades(FileRecord):
    """What `tonnage cascade` answers."""

    FORMAT: ClassVar[str] = "tonnage.cascades"
    VERSION: ClassVar[int] = 1

    scenario: Scenario
    tasks_per_h: float
    ranked: tuple[Cascade, ...] = ()
    """The cheapest per reliable task first."""
    strongest: Cascade | None = None
    """The model that solves most, alone."""
    person_usd: float | None = None
    considered: int = 0
    unknown: tuple[str, ...] = ()
    """Models that could serve, but whose success nobody published."""
    notes: tuple[str, ...] = ()
