"""Whether a model in a format will do: its context window, and benchmark scores less the format's loss."""

from collections.abc import Sequence

from tonnage.errors import UnknownName
from workloads import models
from workloads.offers import Offer
from workloads.scenario import Quality, Scenario, TrafficClass


def check(
    classes: Sequence[TrafficClass], model: str, weights: str | None, *, measured: bool = False
) -> tuple[tuple[bool, ...], str]:
    """Return, per class, whether a model will do, and in words the first reason why it will not.

    What serves a class already, by the user's own measurement, is not asked for its window.
    """
    why = [
        ("" if measured else overflow(traffic, model)) or shortfall(traffic.quality, model, weights)
        for traffic in classes
    ]
    return tuple(not reason for reason in why), next((reason for reason in why if reason), "")


def overflow(traffic: TrafficClass, model: str) -> str:
    """Return by what the requests of a class exceed what a model was made to read, empty if they don't."""
    try:
        most = models.get(model).max_context
    except UnknownName:  # hosted or measured alone
        return ""
    tokens = longest_tokens(traffic)
    return f"reads {most:,} tokens at most, and {tokens:,.0f} are asked for" if most and tokens > most else ""


def longest_tokens(traffic: TrafficClass) -> float:
    """Return the tokens of a long request: 95th percentiles where they are told, else means."""
    prompt = max(traffic.prompt_tokens, traffic.prompt_tokens_p95 or 0.0)
    return prompt + max(traffic.output_tokens, traffic.output_tokens_p95 or 0.0)


def shortfall(wanted: Quality, model: str, weights: str | None) -> str:
    """Return which floor a model in a format misses and by what, empty if it holds all."""
    return _missed(wanted, {name: score(name, model, weights) for name in wanted.floors()})


def offer_shortfall(wanted: Quality, offer: Offer) -> str:
    """Return which floor a hosted offer misses and by what, empty if it holds all."""
    return _missed(wanted, {name: offered(name, offer) for name in wanted.floors()})


def _missed(wanted: Quality, scores: dict[str, float | None]) -> str:
    for benchmark, floor in wanted.floors().items():
        value = scores[benchmark]
        if value is None:
            return f"no {benchmark} score is known, and {floor:g} is asked for"
        if value < floor:
            return f"{benchmark} {value:.1f} is below {floor:g}"
    return ""


def score(benchmark: str, model: str, weights: str | None) -> float | None:
    """Return the score of a model in a format [percent]; None if nobody published it.

    A weight format of None is the published precision.
    """
    from workloads import quality

    try:
        found = quality.score(model, benchmark, weights=weights)
    except UnknownName:  # a format of the user's own
        return None
    return None if found is None else found.value_percent


def offered(benchmark: str, offer: Offer) -> float | None:
    """Return the score of an offer: its own, else that of the open weights it serves [percent].

    Hosts seldom say in which precision they serve; the published one is taken.
    """
    own = {"mmlu": offer.mmlu, "mmlu_pro": offer.mmlu_pro}.get(benchmark)
    return own if own is not None or offer.model_id is None else score(benchmark, offer.model_id, None)


def highest(scenario: Scenario) -> dict[str, float]:
    """Return every quality floor that some class has, at its highest [percent]."""
    found: dict[str, float] = {}
    for traffic in scenario.classes:
        for benchmark, value in traffic.quality.floors().items():
            found[benchmark] = max(value, found.get(benchmark, 0.0))
    return found
