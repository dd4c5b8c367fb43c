"""A log of requests as a load: read from a sample or a file, and brought to a rate if one is asked for."""

from dataclasses import dataclass
from pathlib import Path

from tonnage.errors import InvalidInput
from workloads import samples
from workloads.readers.traces import Log, read_log
from workloads.trace_scale import WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Requests of a log and the rate they are brought to.

    Attributes
    ----------
    requests_per_s : float or None
        None replays them as they came.
    scaling : str
        "resample" or "compress": see `workloads.trace_scale`.
    """

    name: str
    log: Log
    requests_per_s: float | None = None
    scaling: str = "resample"

    def notes(self) -> tuple[str, ...]:
        """Say what is replayed, what was left out, and how it was scaled."""
        notes = [f"{len(self.log.requests)} requests of {self.name} ({self.log.layout})"]
        if self.log.skipped:
            notes.append(f"{self.log.skipped} bad rows of the trace were left out, {self.log.first_bad}")
        if self.log.repeated:
            notes.append(f"{self.log.repeated} rows repeat the row above them, and are kept")
        if self.requests_per_s is not None:
            notes.append(WORDS[self.scaling].format(rate=self.requests_per_s))
        return tuple(notes)


def logged(
    trace: str, *, requests_per_s: float | None = None, scaling: str = "resample", skip_bad: bool = False
) -> Logged:
    """Read a sample by its name, or a file.

    Raises
    ------
    InvalidInput
        If the log has lengths but no times of arrival.
    """
    if scaling not in WORDS:
        raise InvalidInput(f"a trace is scaled by {' or '.join(WORDS)}, not by '{scaling}'")
    path = samples.path_of(trace) if trace in samples.names() else Path(trace)
    log = read_log(path, skip_bad=skip_bad)
    if not log.timed:
        raise InvalidInput(f"{trace}: has lengths but no times of arrival; give traffic with a rate instead")
    return Logged(name=trace, log=log, requests_per_s=requests_per_s, scaling=scaling)
