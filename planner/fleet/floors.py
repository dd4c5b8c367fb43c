"""Whether a model in a format is good enough: benchmark scores, less the format's loss, against floors."""

from collections.abc import Sequence

from tonnage.errors import UnknownName
from workloads.offers import Offer
from workloads.scenario import Quality, TrafficClass


def check(classes: Sequence[TrafficClass], model: str, weights: str | None) -> tuple[tuple[bool, ...], str]:
    """Return, per class, whether its floors hold, and in words the first that does not."""
    why = [shortfall(traffic.quality, model, weights) for traffic in classes]
    return tuple(not reason for reason in why), next((reason for reason in why if reason), "")


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
