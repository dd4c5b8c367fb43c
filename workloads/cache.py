"""What a mixer keeps of past tokens: entries per sequence, and which of them a token reads."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which entries of a cache exist and which of them one token attends to.

    Attributes
    ----------
    window : int or None
        Only the last `window` tokens, itself included.
    chunk : int or None
        Only tokens of the same chunk; chunks start at multiples of this.
    compression : int
        Tokens that are merged into one entry.
    top_k : int or None
        At most this many entries are attended to; all are kept.
    """

    window: int | None = None
    chunk: int | None = None
    compression: int = 1
    top_k: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One cache of one layer on one device.

    Attributes
    ----------
    values : float
        Values per entry.
    span : Span
        Entries that are kept and attended to.
    bytes_per_value : float or None
        Fixed by the model; None follows the KV format of the deployment.
    """

    values: float
    span: Span = Span()
    bytes_per_value: float | None = None
