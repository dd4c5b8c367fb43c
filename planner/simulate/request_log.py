"""The times of every request of a run, as columns and as a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.simulate.replicate import Experiment, outcome
from planner.simulate.tables import write_table

Array = NDArray[np.float64]
COLUMNS = {
    "arrival_s": "arrival_s",
    "input_tokens": "prompt_tokens",
    "output_tokens": "output_tokens",
    "scheduled_s": "scheduled_s",
    "first_token_s": "first_token_s",
    "last_token_s": "last_token_s",
    "preemptions": "preemptions",
    "instance": "instance",
    "prefix_tokens_found": "prefix_tokens_found",
}
"""Column of a file -> field of the log. Queued is scheduled less arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLog:
    """Requests of one replication, shape (n,) each; NaN where one was refused.

    Times are those of the engine; what a front end adds comes on top for the user.
    """

    arrival_s: Array
    prompt_tokens: Array
    output_tokens: Array
    scheduled_s: Array
    first_token_s: Array
    last_token_s: Array
    preemptions: Array
    instance: Array
    prefix_tokens_found: Array

    @property
    def ttft_s(self) -> Array:
        """Arrival to first token."""
        return self.first_token_s - self.arrival_s

    @property
    def e2e_s(self) -> Array:
        """Arrival to last token."""
        return self.last_token_s - self.arrival_s

    @property
    def tpot_s(self) -> Array:
        """Time per output token after the first; NaN for a single token."""
        steps = np.where(self.output_tokens > 1, self.output_tokens - 1, np.nan)
        return np.asarray((self.last_token_s - self.first_token_s) / steps)


def request_log(experiment: Experiment, replication: int = 0) -> RequestLog:
    """Run one replication and keep every request."""
    world = outcome(experiment, replication, keep=True).world
    found = np.nan_to_num(world.record[:, 8], nan=0.0)
    return RequestLog(
        arrival_s=world.record[:, 5],
        prompt_tokens=world.record[:, 6],
        output_tokens=world.record[:, 7],
        scheduled_s=world.record[:, 0],
        first_token_s=world.record[:, 1],
        last_token_s=world.record[:, 2],
        preemptions=world.record[:, 3],
        instance=world.record[:, 4],
        prefix_tokens_found=found,
    )


def write_requests(path: Path, experiment: Experiment) -> None:
    """Write the requests of the first replication in the order of arrival, as CSV, Parquet or JSON.

    A refused request has its arrival and lengths alone.
    """
    log = request_log(experiment)
    there = np.isfinite(log.arrival_s)
    columns = {}
    for name, field in COLUMNS.items():
        values = getattr(log, field)[there]
        whole = np.all(np.isnan(values) | (values == np.rint(values))) and not name.endswith("_s")
        columns[name] = [None if np.isnan(v) else int(v) if whole else float(v) for v in values]
    write_table(path, columns)
