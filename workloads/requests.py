"""Requests as columns: when they come, how long they are, what they share."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Rows in the order of arrival; followers, which come after another row has ended, stand last.

    Attributes
    ----------
    arrival_s : ndarray, shape (n,)
        From the start of the traffic; inf for a follower. [s]
    prompt_tokens, output_tokens : ndarray, shape (n,)
        Both at least 1. An output of 0 in a log is a request that was cut; readers refuse it.
    klass, level : ndarray or None
        Number of the traffic class; priority, 0 is served first.
    group, prefix_tokens, keep_tokens : ndarray or None
        Requests of one group share their first `prefix_tokens`; of a finished
        one `keep_tokens` stay useful to the group. Group -1 shares nothing.
    follower, think_s : ndarray or None
        Row that comes `think_s[follower]` after this one ended; -1: none.
    """

    arrival_s: Floats
    prompt_tokens: Ints
    output_tokens: Ints
    klass: Ints | None = None
    level: Ints | None = None
    group: Ints | None = None
    prefix_tokens: Ints | None = None
    keep_tokens: Ints | None = None
    follower: Ints | None = None
    think_s: Floats | None = None

    def __len__(self) -> int:
        return len(self.arrival_s)

    @property
    def duration_s(self) -> float:
        """From the first to the last timed arrival."""
        timed = self.arrival_s[np.isfinite(self.arrival_s)]
        return float(timed[-1] - timed[0]) if len(timed) else 0.0

    @property
    def groups(self) -> int:
        """Groups that share a prefix."""
        return 0 if self.group is None else int(self.group.max(initial=-1)) + 1

    def slice(self, rows: "slice | NDArray[np.intp] | NDArray[np.bool_]") -> "Requests":
        """Return some rows; not for traffic with followers."""
        columns = {
            field.name: column[rows]
            for field in fields(self)
            if (column := getattr(self, field.name)) is not None
        }
        return replace(self, **columns)
