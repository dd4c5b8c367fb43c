"""The records that a report is drawn from; everything else in it is words."""

from dataclasses import dataclass

from planner.break_even.record import BreakEven
from planner.fleet.records.plan_record import Plan
from planner.laws.cost_model import CostModel
from profiler.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """A plan, and where they exist the profile and cost model behind it and its break-even with APIs."""

    plan: Plan
    profile: Profile | None = None
    model: CostModel | None = None
    break_even: BreakEven | None = None
