"""The recommendation in words that somebody who pays for it understands."""

from collections import Counter
from collections.abc import Sequence

from planner.fleet.peak import peak_rate
from planner.fleet.records.plan_record import Alternative, ApiUse, Plan, Unit
from planner.fleet.records.task_record import ReliableTask
from reports.names import device_name, in_words, model_name
from reports.numbers import chance, count, percent, plural, usd
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Slo, TrafficClass

MAX_IN_A_SENTENCE = 3
_METRICS = {"ttft": "time to first token", "tpot": "time per output token", "e2e": "time to the whole answer"}
_BENCHMARKS = {
    "mmlu": "MMLU",
    "mmlu_pro": "MMLU-Pro",
    "humaneval": "HumanEval",
    "gsm8k": "GSM8K",
    "mmlu_redux": "MMLU-Redux",
}
_VERBS = {
    "on-demand": "rent",
    "reserved": "reserve",
    "spot": "rent on the spot market",
    "owned": "use your own",
}


def benchmark_name(name: str) -> str:
    """Return how a benchmark writes itself."""
    return _BENCHMARKS.get(name, name)


def limit_name(field: str) -> str:
    """Return a service level in words.

    Examples
    --------
    >>> limit_name("ttft_p95_s"), limit_name("tpot_mean_s")
    ('time to first token, 95th percentile', 'time per output token, mean')
    """
    metric, statistic, _ = field.split("_")
    which = (
        "mean" if statistic == "mean" else "median" if statistic == "p50" else f"{statistic[1:]}th percentile"
    )
    return f"{_METRICS[metric]}, {which}"


def limits(slo: Slo) -> dict[str, float]:
    """Return the limits that are set: field name -> seconds."""
    return {name: value for name, value in slo.model_dump().items() if value is not None}


def joined(parts: Sequence[str]) -> str:
    """Join with commas and a last "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def hardware(unit: Unit) -> str:
    """Return the devices of all units of one kind: `4 × NVIDIA L40S (2 units of 2)`."""
    words = f"{unit.count * unit.devices_per_unit} × {device_name(unit.device)}"
    if unit.devices_per_unit == 1:
        return words
    return f"{words} ({unit.count} unit{'s' * (unit.count > 1)} of {unit.devices_per_unit})"


def _unit_words(unit: Unit) -> str:
    verb = _VERBS.get(unit.purchase, "run")
    return f"{verb} {hardware(unit)} for {model_name(unit.model)}{role(unit)}"


def role(unit: Unit) -> str:
    """Return which half of a split service a unit is, in parentheses; nothing for a whole one."""
    return "" if unit.role == "whole" else f" ({unit.role})"


def _api_words(use: ApiUse) -> str:
    served = [f"{percent(frac)} of {_class_words(name)}" for name, frac in use.share.items() if frac > 0]
    what = joined(served) if served else "the traffic"
    return f"send {what} to {model_name(use.model)} at {use.provider}"


def _class_words(name: str) -> str:
    return "the requests" if name == "all" else f"the {name} requests"


def actions(plan: Plan | Alternative) -> str:
    """Return what is bought and where it is sent, as one clause."""
    if (n := len(plan.units) + len(plan.api)) > MAX_IN_A_SENTENCE:
        return f"buy the {n} lines below"
    return joined([*map(_unit_words, plan.units), *map(_api_words, plan.api)])


def traffic(classes: Sequence[TrafficClass]) -> str:
    """Return what is asked for as one noun phrase."""
    rate = sum(map(peak_rate, classes))
    when = " at the peak" if rate > sum(one.requests_per_s for one in classes) else ""
    if len(classes) > 1:
        return f"{plural(rate, 'request')} per second{when}, in {len(classes)} traffic classes"
    only = classes[0]
    return (
        f"{plural(rate, 'request')} per second{when}, each with {plural(only.prompt_tokens, 'token')} in "
        f"and {count(only.output_tokens)} out"
    )


def bought(alternative: Alternative) -> str:
    """Return what an alternative consists of, short enough for a table."""
    parts = [
        f"{hardware(unit)}, {model_name(unit.model)} {unit.weights}{role(unit)}" for unit in alternative.units
    ]
    parts += [f"{model_name(use.model)} at {use.provider}" for use in alternative.api]
    return " + ".join(parts) or in_words(alternative.label)


def verdict(plan: Plan) -> str:
    """Return the headline."""
    if not plan.feasible:
        return "No plan can meet these requirements"
    if not plan.units and not plan.api:
        return "Nothing needs to be bought"
    words = actions(plan)
    if len(plan.units) + len(plan.api) > 2:
        kinds = [_kinds_words(plan.units)] * bool(plan.units) + ["hosted APIs"] * bool(plan.api)
        words = f"serve the load on {joined(kinds)}"
    return words[0].upper() + words[1:]


def _kinds_words(units: Sequence[Unit]) -> str:
    number = len({unit.device for unit in units})
    return "one kind of hardware" if number == 1 else f"{number} kinds of hardware"


def recommendation(plan: Plan) -> str:
    """Return the paragraph below the headline: what for, what, how much, how sure, what else."""
    if not plan.feasible:
        return _impossible(plan)
    sentences = [
        f"To serve {traffic(plan.scenario.classes)}, {actions(plan) or 'nothing needs to be bought'}.",
        _cost_sentence(plan),
        _task_sentence(plan.task),
        _sureness(plan),
        _unguarded(plan),
        _next_best(plan),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _impossible(plan: Plan) -> str:
    sentences = [f"Asked for: {traffic(plan.scenario.classes)}."]
    considered = plan.candidates_considered
    sentences.append(
        f"None of the {count(considered)} candidates that were considered, alone or mixed, meets every limit."
        if considered
        else "No candidate, alone or mixed, meets every limit."
    )
    if plan.binding:
        sentences.append(f"What stands in the way: {joined([b.constraint for b in plan.binding])}.")
    if plan.relaxations:
        sentences.append("Any one of the changes below makes a plan possible.")
    return " ".join(sentences)


def _cost_sentence(plan: Plan) -> str:
    if plan.cost_usd_per_month is None:
        return ""
    text = f"This costs {usd(plan.cost_usd_per_month)} a month"
    if plan.cost_usd_per_h is not None:
        text += f" ({usd(plan.cost_usd_per_h)} an hour, 730 hours a month)"
    budget = plan.scenario.budget.usd_per_month
    if budget is not None:
        text += f", which is {percent(plan.cost_usd_per_month / budget)} of the budget of {usd(budget)}"
    return text + "."


def _task_sentence(task: ReliableTask | None) -> str:
    """Say what a right end costs, and what the checks and the person add to the bill."""
    if task is None:
        return ""
    text = f"A task that ends right costs {usd(task.usd)}"
    others_usd_per_h = (task.checks_usd_per_h or 0.0) + (task.person_usd_per_h or 0.0)
    if others_usd_per_h and task.bill_usd_per_h is not None:
        by = [
            name
            for name, part in (("checks", task.checks_usd_per_h), ("people", task.person_usd_per_h))
            if part
        ]
        whole = (task.bill_usd_per_h + others_usd_per_h) * HOURS_PER_MONTH
        text += f", {joined(by)} included, which make it {usd(whole)} a month in all"
    ends = [f"{percent(task.reliable_frac)} end right"]
    if task.wrong_frac:
        ends.append(f"{percent(task.wrong_frac)} end wrong and are taken for right")
    return f"{text}; {joined(ends)}."


def _sureness(plan: Plan) -> str:
    probability = plan.predicted.slo_probability
    if probability is None:
        return ""
    holds = "every stated service level holds" if states_limits(plan) else "the units carry this load"
    return f"The probability that {holds} is {chance(probability)}."


def states_limits(plan: Plan) -> bool:
    """Tell whether some traffic class has a service level; a plan without one has a load to carry."""
    return any(limits(each.slo) for each in plan.scenario.classes)


def _unguarded(plan: Plan) -> str:
    """Say where nothing but the price chooses the model."""
    if plan.scenario.candidates.models is not None or plan.task is not None:
        return ""
    classes = plan.scenario.classes
    free = [each.name for each in classes if not each.quality.floors()]
    where = f" for {joined(free)}" if free and len(free) < len(classes) else ""
    return (
        f"No quality floor is set{where}, so the cheapest model wins, however little it can." if free else ""
    )


def _next_best(plan: Plan) -> str:
    cost = plan.cost_usd_per_month
    if not plan.alternatives or not cost:
        return ""
    right = plan.cost_usd_per_reliable_task
    per_right = [one for one in plan.alternatives if one.usd_per_reliable_task is not None]
    if right and per_right:
        other = min(per_right, key=lambda one: one.usd_per_reliable_task or 0.0)
        value = other.usd_per_reliable_task or 0.0
        return (
            f"The next best choice that differs in kind costs {usd(value)} a right end "
            f"({change(value, right)}): {actions(other) or in_words(other.label)}."
        )
    best = min(plan.alternatives, key=lambda one: one.cost_usd_per_month)
    return (
        f"The next best choice that differs in kind costs {usd(best.cost_usd_per_month)} a month "
        f"({change(best.cost_usd_per_month, cost)}): {actions(best) or in_words(best.label)}."
    )


def change(value: float, reference: float) -> str:
    """Return a relative change with its sign.

    Examples
    --------
    >>> change(112.0, 100.0), change(75.0, 100.0), change(100.0, 100.0), change(1.0, 0.0)
    ('+12 %', '−25 %', '±0 %', 'new')
    """
    if reference == 0:
        return "new" if value else "±0 %"
    frac = value / reference - 1
    if abs(frac) < 5e-4:
        return "±0 %"
    return ("+" if frac > 0 else "−") + percent(abs(frac), digits=2 if abs(frac) < 1 else 3)


def slowest_decides(plan: Plan) -> bool:
    """Tell whether several kinds of units do the same work, so that what is predicted is of the slowest."""
    kinds = Counter(unit.role for unit in plan.units)
    return max(kinds.values(), default=0) > 1
