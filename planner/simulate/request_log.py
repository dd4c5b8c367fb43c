"""The times of every request of a run, as columns and as a CSV."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.simulate.replicate import Experiment, outcome
from tonnage.files import write_text

Array = NDArray[np.float64]
HEADER = (
    "arrival_s,input_tokens,output_tokens,scheduled_s,first_token_s,last_token_s,"
    "preemptions,instance,prefix_tokens_found"
)


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
    """Write the requests of the first replication as a CSV, in the order of arrival."""
    log = request_log(experiment)
    table = np.stack([getattr(log, name) for name in RequestLog.__dataclass_fields__], axis=1)
    table = table[np.isfinite(table[:, 0])]
    text = io.StringIO()
    np.savetxt(text, table, delimiter=",", fmt="%.9g", header=HEADER, comments="")
    write_text(path, text.getvalue())
