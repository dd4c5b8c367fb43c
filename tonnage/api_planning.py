"""What is asked around a plan: a running fleet, own units or API, chains of models, files to run."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.audit.audit_record import Audit
    from planner.audit.fleet_file import RunningFleet
    from planner.break_even.record import BreakEven
    from planner.cascade.record import Cascades
    from planner.fleet.records.plan_record import Plan
    from workloads.scenario import Scenario

__all__ = ["audit", "break_even", "cascade", "deploy"]


def audit(
    fleet: "RunningFleet | Path | str",
    scenario: "Scenario | Path | str | Mapping[str, object]",
    *,
    growth_per_month: float | None = None,
) -> "Audit":
    """Hold a running fleet against a scenario: headroom, waste, what breaks next and when."""
    from planner.audit.fleet_file import RunningFleet, read_fleet
    from planner.audit.make import audit as answer

    running = fleet if isinstance(fleet, RunningFleet) else read_fleet(fleet)
    return answer(running, scenario_of(scenario), growth_per_month=growth_per_month)


def break_even(scenario: "Scenario | Path | str | Mapping[str, object]") -> "BreakEven":
    """Find the volume and utilisation from which own units cost less than hosted offers."""
    from planner.break_even.make import break_even as answer

    return answer(scenario_of(scenario))


def cascade(scenario: "Scenario | Path | str | Mapping[str, object]", *, steps: int = 3) -> "Cascades":
    """Rank chains of models by the cost of a task that ends right."""
    from planner.cascade.choose import cascades

    return cascades(scenario_of(scenario), steps=steps)


def deploy(
    plan: "Plan | Path | str",
    output: Path | str,
    *,
    force: bool = False,
    weights: Mapping[str, str] | None = None,
    images: Mapping[str, str] | None = None,
) -> Path:
    """Write a plan as files to run; see `planner.deploy.bundle.bundle`. Returns the folder."""
    from planner.deploy.bundle import bundle
    from planner.deploy.folder import check, write
    from planner.fleet.records.plan_record import Plan
    from tonnage.files import read_record

    check(Path(output), force=force)
    asked = plan if isinstance(plan, Plan) else read_record(plan, Plan)
    return write(bundle(asked, weights=weights, images=images), output, force=force)


def scenario_of(given: "Scenario | Path | str | Mapping[str, object]") -> "Scenario":
    """Return a scenario: as it is, of a TOML file, or of tables as such a file has them."""
    from workloads.scenario import Scenario
    from workloads.scenario_toml.file import parse_scenario, read_scenario

    if isinstance(given, Scenario):
        return given
    if isinstance(given, Mapping):
        return parse_scenario(given, where="the given scenario", folder=Path())
    return read_scenario(given)
