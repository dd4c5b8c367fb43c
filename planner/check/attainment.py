"""Whether the percentiles of a simulation are within the limits of a scenario."""

from collections.abc import Iterator, Sequence

from planner.fleet.records.check_record import LimitCheck
from planner.simulate.simulation_record import ClassResult, Simulation, Spread
from workloads.scenario import Slo


def attained(answer: Simulation, slos: Sequence[Slo]) -> tuple[LimitCheck, ...]:
    """Return every limit of every class with what was simulated.

    Parameters
    ----------
    slos : sequence of Slo
        Of the simulation's classes, in their order.
    """
    return tuple(
        row
        for result, slo in zip(answer.classes, slos, strict=True)
        for row in _of_class(result, slo, saturated=answer.saturated)
    )


def _of_class(result: ClassResult, slo: Slo, *, saturated: bool) -> Iterator[LimitCheck]:
    for limit, allowed_s in slo.model_dump(exclude_none=True).items():
        metric, statistic, _ = limit.split("_")
        spread: Spread | None = getattr(result, f"{metric}_s")
        half: Spread | None = getattr(result, f"{metric}_ci95_s")
        simulated_s = None if spread is None else float(getattr(spread, statistic))
        # Outputs of one token have no time per output token, and cannot break a limit on it.
        vacuous = spread is None and metric == "tpot" and not saturated
        yield LimitCheck(
            class_name=result.name,
            limit=limit,
            allowed_s=allowed_s,
            simulated_s=simulated_s,
            ci95_s=None if half is None else float(getattr(half, statistic)),
            holds=vacuous or (simulated_s is not None and simulated_s <= allowed_s),
        )


def all_hold(answer: Simulation, slos: Sequence[Slo]) -> bool:
    """Tell whether the queue keeps up and every limit of every class holds."""
    return not answer.saturated and all(row.holds for row in attained(answer, slos))
