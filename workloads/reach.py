"""How many cache entries a token reaches: alone, and summed over a prompt, in closed form."""

import numpy as np

from workloads.cache import Span
from workloads.ops import Amount


def _triangle(count: Amount) -> Amount:
    return count * (count + 1) / 2


def entries(span: Span, tokens: Amount) -> Amount:
    """Return the entries kept for a sequence of `tokens`."""
    if span.window is not None:
        return np.minimum(tokens, float(span.window))
    if span.chunk is not None:
        return np.minimum(tokens, float(span.chunk))
    return np.floor_divide(tokens, span.compression) if span.compression > 1 else tokens


def readable(span: Span, cached: Amount) -> Amount:
    """Return the entries of `cached` past tokens that the tokens after them can reach."""
    if span.window is not None:
        return np.minimum(cached, span.window - 1.0)
    if span.chunk is not None:
        return np.remainder(cached, span.chunk)
    return entries(span, cached)


def attended(span: Span, length: Amount) -> Amount:
    """Return the entries that the last of `length` tokens attends to, its own included.

    Parameters
    ----------
    span : Span
        What the cache keeps and shows.
    length : float or ndarray
        Position of the token, counted from 1.
    """
    if span.window is not None:
        return np.minimum(length, float(span.window))
    if span.chunk is not None:
        return np.remainder(length - 1, span.chunk) + 1
    found = entries(span, length)
    return found if span.top_k is None else np.minimum(found, float(span.top_k))


def pairs(span: Span, length: Amount) -> Amount:
    """Return `attended` summed over positions 1 to `length`.

    Notes
    -----
    Full: n (n + 1) / 2. Window w: the triangle up to w, then w each. Chunks of
    c: full triangles and the begun one. Compression c with at most k entries:
    the sum of min(floor(i / c), k).

    Examples
    --------
    >>> pairs(Span(), 4)
    10.0
    >>> float(pairs(Span(window=2), 4))
    7.0
    """
    if span.window is not None:
        return _capped(length, float(span.window))
    if span.chunk is not None:
        whole = np.floor_divide(length, span.chunk)
        return whole * _triangle(span.chunk) + _triangle(np.remainder(length, span.chunk))
    if span.compression > 1:
        return _compressed(length, span.compression, span.top_k)
    return _triangle(length) if span.top_k is None else _capped(length, float(span.top_k))


def _capped(length: Amount, cap: float) -> Amount:
    """Sum of min(i, cap) for i from 1 to length."""
    grown = np.minimum(length, cap)
    return _triangle(grown) + (length - grown) * cap


def _compressed(length: Amount, compression: int, top_k: int | None) -> Amount:
    """Sum of min(floor(i / compression), top_k) for i from 1 to length."""
    grown = length if top_k is None else np.minimum(length, compression * top_k - 1.0)
    whole = np.floor_divide(grown, compression)
    rest = grown - whole * compression
    below: Amount = compression * whole * (whole - 1) / 2 + whole * (rest + 1)
    return below if top_k is None else below + (length - grown) * top_k
