"""Context lengths of a comparison: from one to another, doubling."""

from tonnage.errors import InvalidInput
from tonnage.units import count

DEFAULT = "1k..1M"
MOST_TOKENS = 1e9
"""No model reads more; a longer range is a slip of the pen."""


def parse(text: str) -> tuple[float, ...]:
    """Return the context lengths that a range or a list names.

    Parameters
    ----------
    text : str
        `1k..1M` doubles from the first to the last, which is always among them;
        `4k,32k,100k` and `4k` are taken as they stand. k is 1000. [tokens]

    Raises
    ------
    InvalidInput
        If a length is below one token or above a billion, or the range falls.

    Examples
    --------
    >>> parse("1k..6k")
    (1000.0, 2000.0, 4000.0, 6000.0)
    """
    first, dots, last = text.partition("..")
    if not dots:
        return tuple(sorted({_tokens(part) for part in text.split(",")}))
    low, high = _tokens(first), _tokens(last)
    if low > high:
        raise InvalidInput(f"--context {text} falls from {low:g} to {high:g} tokens; write LOW..HIGH")
    doubled = [low]
    while doubled[-1] * 2 < high:
        doubled.append(doubled[-1] * 2)
    return tuple(doubled) if low == high else (*doubled, high)


def _tokens(text: str) -> float:
    tokens = count(text, name="--context")
    if not 1 <= tokens <= MOST_TOKENS:
        raise InvalidInput(f"--context: {tokens:g} tokens is not between 1 and {MOST_TOKENS:g}")
    return tokens
