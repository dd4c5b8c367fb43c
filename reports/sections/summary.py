"""The first page: the recommendation, its price, how sure it is, and who signs for it."""

from planner.fleet.records.plan_record import Plan
from reports.content import Block, Callout, KeyFigure, Summary, Table, Tone, headings
from reports.names import in_words
from reports.numbers import chance, usd, usd_column
from reports.sources import Sources
from reports.tables import decision
from reports.tables.fleet import lines
from reports.wording import joined, recommendation, states_limits, verdict
from tonnage.evidence import Evidence, weakest
from tonnage.units import HOURS_PER_MONTH

SIGNATORIES = ("Prepared by", "Approved by")
COMFORTABLE_PROBABILITY = 0.8
"""Below this chance of holding its limits a plan carries a warning; intervals are 80 % ones too."""


def build(sources: Sources) -> Summary:
    """Build the first page."""
    plan = sources.plan
    return Summary(
        verdict=verdict(plan),
        tone=_tone(plan),
        paragraph=recommendation(plan),
        key_figures=key_figures(plan),
        blocks=_blocks(plan),
        signatories=SIGNATORIES,
    )


def _tone(plan: Plan) -> Tone:
    if not plan.feasible:
        return Tone.STOP
    return Tone.CAUTION if _doubts(plan) else Tone.GOOD


def key_figures(plan: Plan) -> tuple[KeyFigure, ...]:
    """Return the numbers that decide, as far as they are known."""
    if not plan.feasible:
        return ()
    budget = plan.scenario.budget.usd_per_month
    probability = plan.predicted.slo_probability
    found = [
        ("per month", plan.cost_usd_per_month, f"budget {usd(budget)}" if budget is not None else ""),
        ("per hour", plan.cost_usd_per_h, ""),
        ("per million tokens", plan.cost_usd_per_mtok, "in and out together"),
        ("per reliable task", plan.cost_usd_per_reliable_task, ""),
    ]
    figures = [
        KeyFigure(value=usd(amount), label=label, note=note)
        for label, amount, note in found
        if amount is not None
    ]
    if probability is not None:
        holds = "every limit holds" if states_limits(plan) else "the load is carried"
        figures.append(KeyFigure(value=chance(probability), label=f"chance that {holds}"))
    return tuple(figures)


def _blocks(plan: Plan) -> tuple[Block, ...]:
    if not plan.feasible:
        return _obstacles(plan)
    bought = (_bought(plan),) if plan.units or plan.api else ()
    return (*bought, *_doubts(plan))


def _obstacles(plan: Plan) -> tuple[Block, ...]:
    told = (f"{one.constraint}: {one.detail}" if one.detail else one.constraint for one in plan.binding)
    found = [in_words(one) for one in told]
    why = ". ".join(text.rstrip(".") for text in found)
    stop = (Callout(tone=Tone.STOP, title="What stands in the way", text=why + "."),) if why else ()
    return (*stop, decision.relaxations(plan)) if plan.relaxations else stop


def _bought(plan: Plan) -> Table:
    bill = lines(plan)
    amounts = usd_column([line.usd_per_h * HOURS_PER_MONTH for line in bill])
    rows = [
        (line.letter, line.label, line.unit.purchase if line.unit else "per token", amount)
        for line, amount in zip(bill, amounts, strict=True)
    ]
    return Table(columns=headings("", "What to buy", "!Paid as", ">USD/month"), rows=tuple(rows))


def _doubts(plan: Plan) -> tuple[Callout, ...]:
    doubts = []
    probability = plan.predicted.slo_probability
    if probability is not None and probability < COMFORTABLE_PROBABILITY:
        text = (
            f"The chance that every service level holds is {chance(probability)}. "
            "A spare unit or a looser limit raises it; the section on service levels shows which is tight."
        )
        doubts.append(Callout(tone=Tone.CAUTION, title="Tight service levels", text=text))
    unmeasured = [
        line
        for line in lines(plan)
        if line.unit is not None and line.unit.evidence.rank > Evidence.FITTED.rank
    ]
    if unmeasured:
        level = weakest(line.unit.evidence for line in unmeasured if line.unit is not None)
        text = (
            f"The capacity of {joined([line.letter for line in unmeasured])} rests on evidence of the level "
            f"“{level.value}”, not on measurements of these very devices. Rent one, run tonnage bench on it "
            "and plan again before you commit for long."
        )
        doubts.append(Callout(tone=Tone.CAUTION, title="Not measured on this hardware", text=text))
    return tuple(doubts)
