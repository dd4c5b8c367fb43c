"""What is asked of a plan and what it answers: traffic, limits, predictions."""

from planner.fleet.peak import peak_rate
from planner.fleet.records.plan_record import Plan
from reports.content import Table, headings
from reports.numbers import count, interval
from reports.wording import benchmark_name, limit_name, limits, slowest_decides
from tonnage.evidence import Quantiles
from tonnage.units import human
from workloads.scenario import TrafficClass


def traffic(plan: Plan) -> Table:
    """Tabulate the traffic classes that must be served."""
    rows = [
        (
            one.name,
            count(one.requests_per_s),
            count(peak_rate(one)),
            _tokens(one.prompt_tokens, one.prompt_tokens_p95),
            _tokens(one.output_tokens, one.output_tokens_p95),
            quality(one),
        )
        for one in plan.scenario.classes
    ]
    columns = headings(
        "Traffic class", ">Requests/s, mean", ">at peak", ">Tokens in", ">Tokens out", "Quality of the model"
    )
    return Table(columns=columns, rows=tuple(rows), title="What must be served")


def _tokens(mean: float, p95: float | None) -> str:
    return count(mean) if p95 is None else f"{count(mean)} (p95 {count(p95)})"


def quality(one: TrafficClass) -> str:
    """Return the quality floors of a class."""
    floors = one.quality.floors()
    if not floors:
        return "any"
    return ", ".join(f"{benchmark_name(name)} ≥ {floor:g} %" for name, floor in floors.items())


def levels(plan: Plan) -> Table:
    """Tabulate each limit beside what is predicted for it."""
    rows = [
        (one.name, limit_name(field), human(limit, "s"), *_against(plan, one.name, field, limit))
        for one in plan.scenario.classes
        for field, limit in limits(one.slo).items()
    ]
    columns = headings("Traffic class", "Service level", ">Limit", ">Predicted (80 % interval)", "Verdict")
    note = "Predicted at the load that the plan gives each unit when traffic peaks."
    if slowest_decides(plan):
        note += " Where units of several kinds serve a class, that is what users of the slowest feel."
    return Table(columns=columns, rows=tuple(rows), title="Limits and predictions", note=note)


def prediction(plan: Plan, traffic: str, field: str) -> Quantiles | None:
    """Return what the plan predicts for a limit of a class, None where it predicts nothing under this name.

    Older plans know the slowest class alone.
    """
    found = getattr(plan.predicted.by_class.get(traffic, plan.predicted), field, None)
    return found if isinstance(found, Quantiles) else None


def _against(plan: Plan, traffic: str, field: str, limit: float) -> tuple[str, str]:
    predicted = prediction(plan, traffic, field)
    if predicted is None:
        return "not predicted by itself", "held by construction" if plan.feasible else "–"
    return interval(predicted, "s"), judged(predicted, limit)


def judged(predicted: Quantiles, limit: float) -> str:
    """Return how a limit stands to the interval of its prediction."""
    if predicted.p90 <= limit:
        return "holds"
    if predicted.p50 <= limit:
        return "probably holds"
    return "probably missed" if predicted.p10 <= limit else "missed"
