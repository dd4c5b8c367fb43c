"""Chained block hashes of prompts, as Mooncake publishes them, as groups that share a prefix.

Equal hashes at one place mean equal tokens up to there. A group holds one growing
text: who goes on with all of it joins and extends it; who shares at least half of
itself leans on it; anyone else begins a group of its own. So reuse is counted from
below: a short prefix that many groups share is found only within each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workloads.requests import Requests

BLOCK_TOKENS = 512
"""Tokens of a hashed block in Mooncake's traces."""
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PrefixGroups:
    """Per request: group, shared tokens, and tokens that stay useful; shape (n,)."""

    group: Ints
    prefix_tokens: Ints
    keep_tokens: Ints


def prefix_groups(hashes: Sequence[Sequence[int]], prompt_tokens: Ints) -> PrefixGroups:
    """Group requests, in the order of arrival, by the hashes of their blocks."""
    group_of: dict[int, int] = {}
    held: list[list[int]] = []
    columns: list[tuple[int, int, int]] = []
    for blocks, tokens in zip(hashes, prompt_tokens, strict=True):
        shared, group = _longest(blocks, group_of, held)
        if group >= 0 and shared == len(held[group]):
            keep = len(blocks)
        elif group >= 0 and 2 * shared >= len(blocks):
            keep = shared
        else:
            shared, group, keep = 0, len(held), len(blocks)
            held.append([])
        for block in blocks[shared:keep]:
            group_of.setdefault(block, group)
        held[group] = list(blocks[:keep]) if keep > len(held[group]) else held[group]
        most = int(tokens)
        columns.append((group, min(shared * BLOCK_TOKENS, most), min(keep * BLOCK_TOKENS, most)))
    table = np.array(columns, dtype=np.int64).reshape(-1, 3)
    return PrefixGroups(group=table[:, 0], prefix_tokens=table[:, 1], keep_tokens=table[:, 2])


def _longest(blocks: Sequence[int], group_of: dict[int, int], held: list[list[int]]) -> tuple[int, int]:
    """Return how many blocks are held by some group, and which; 0 and -1 if none."""
    for at in range(len(blocks) - 1, -1, -1):
        group = group_of.get(blocks[at], -1)
        if group >= 0 and at < len(held[group]) and held[group][at] == blocks[at]:
            return at + 1, group
    return 0, -1


def with_groups(requests: Requests, hashes: Sequence[Sequence[int]]) -> Requests:
    """Return the requests with the groups of their hashes."""
    found = prefix_groups(hashes, requests.prompt_tokens)
    return replace(
        requests, group=found.group, prefix_tokens=found.prefix_tokens, keep_tokens=found.keep_tokens
    )
