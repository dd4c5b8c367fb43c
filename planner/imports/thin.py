"""Fewer samples of the same range: large tables say little more than a spread of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from profiler.profile import Measurement

Key = tuple[str, str, str, str | None]


def by_law(measurements: Iterable[Measurement]) -> dict[Key, list[Measurement]]:
    """Group measurements by what one law times: kernel, backend, dtype, format."""
    groups: defaultdict[Key, list[Measurement]] = defaultdict(list)
    for one in measurements:
        groups[one.kernel, one.backend, one.dtype, one.format].append(one)
    return dict(groups)


def thinned(group: Sequence[Measurement], most: int) -> list[Measurement]:
    """Return at most `most` measurements, spread evenly over the logs of flop and bytes.

    The plane is cut into ever finer square cells; of each the call nearest to the median time of its
    cell is kept. Deterministic, and no part of the range is left empty.
    """
    if len(group) <= most:
        return list(group)
    work = np.log(np.maximum([[one.flop, one.bytes] for one in group], 1.0))
    times = np.array([one.time_s.p50 for one in group])
    low, span = work.min(axis=0), np.maximum(np.ptp(work, axis=0), 1e-9)
    chosen: list[int] = []
    for cells in range(1, 4 * most):
        place = np.minimum((work - low) / span * cells, cells - 1).astype(int)
        found = _nearest_of_cells(place[:, 0] * cells + place[:, 1], times)
        if len(found) > most:
            break
        chosen = found
    return [group[i] for i in sorted(chosen)]


def _nearest_of_cells(cell: np.ndarray, times: np.ndarray) -> list[int]:
    order = np.lexsort((np.arange(cell.size), times, cell))
    starts = np.flatnonzero(np.r_[True, np.diff(cell[order]) != 0])
    ends = np.r_[starts[1:], cell.size]
    return [int(order[(start + end - 1) // 2]) for start, end in zip(starts, ends, strict=True)]
