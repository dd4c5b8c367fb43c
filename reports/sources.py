"""The records that a report is drawn from; everything else in it is words."""

from dataclasses import dataclass

from planner.fleet.plan_record import Plan
from planner.laws.cost_model import CostModel
from profiler.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """A plan, and where they exist the profile and the cost model behind it."""

    plan: Plan
    profile: Profile | None = None
    model: CostModel | None = None
