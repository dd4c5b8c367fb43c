"""Chains as plain numbers: the ways from a task of one class to its end, and what they ask of solvers."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a chain asks of one solver.

    Attributes
    ----------
    solver : str
        Who must make the tries; kinds and offers say per class which solver they are.
    level : int
        The slowest that will do: whoever serves the tries is of this level or a lower one.
    tries : float
        Mean over the tasks that take the chain.
    """

    solver: str
    level: int = 0
    tries: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One way through solvers for the tasks of a class.

    Attributes
    ----------
    key : str
        Unique name within its class.
    klass : int
        Place of the class.
    asks : tuple of Ask
        A solver may come once per level.
    usd_per_h : float
        What it costs besides units and offers if every task of the class takes it, at the
        mean rate: checks, and the person. [USD/h]
    tasks_per_h, right_per_h : float
        Tasks of the class, and those of them that end right if all take it, at the mean rate.
    """

    key: str
    klass: int
    asks: tuple[Ask, ...]
    usd_per_h: float = 0.0
    tasks_per_h: float = 1.0
    right_per_h: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """Which solver a kind or an offer is for each class, and how slow.

    Attributes
    ----------
    solver : tuple of str
        Per class; empty for a class whose requests are no tasks. Empty altogether for none.
    level : tuple of int
        Per class: 0 is the fastest. Empty altogether where speed does not matter.
    """

    solver: tuple[str, ...] = ()
    level: tuple[int, ...] = ()

    def of(self, klass: int) -> tuple[str, int]:
        """Return the solver and its level for a class."""
        return self.solver[klass] if self.solver else "", self.level[klass] if self.level else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRules:
    """What a problem says of tasks; without chains it says nothing.

    Attributes
    ----------
    chains : tuple of Chain
        Of all classes with tasks.
    right_min : tuple of float
        Per class: part of its tasks that must end right in every period; empty is none.
    classes : frozenset of int
        Whose requests are tries at tasks. A class of them without a chain cannot be served.
    """

    chains: tuple[Chain, ...] = ()
    right_min: tuple[float, ...] = ()
    classes: frozenset[int] = field(default_factory=frozenset)

    def of(self, klass: int) -> tuple[int, ...]:
        """Return the places of the chains of a class."""
        return tuple(place for place, chain in enumerate(self.chains) if chain.klass == klass)


NO_SKILL, NO_TASKS = Skill(), TaskRules()
