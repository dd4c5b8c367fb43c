"""How numbers are known, in words that stand wherever a level of evidence is shown."""

from collections.abc import Iterable

from tonnage.evidence import Evidence

MEANING = {
    Evidence.MEASURED: "on this very target",
    Evidence.FITTED: "by a law from measurements of this target, published ones included",
    Evidence.EXTRAPOLATED: "by a law from measurements of this target, outside their range",
    Evidence.TRANSFERRED: "efficiency learned on other devices, this device's datasheet",
    Evidence.DATASHEET: "a published figure, taken over with its source",
    Evidence.ASSUMED: "nobody measured or published it",
}


def legend(levels: Iterable[Evidence]) -> str:
    """Return what the levels that are shown mean, in one line, strongest first.

    Examples
    --------
    >>> legend([Evidence.ASSUMED])
    'known: assumed = nobody measured or published it'
    """
    shown = sorted(set(levels), key=lambda level: level.rank)
    return "known: " + "; ".join(f"{level.value} = {MEANING[level]}" for level in shown) if shown else ""
