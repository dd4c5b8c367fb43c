"""MLPerf Inference's `mlperf_log_summary.txt` of a language model.

Format: mlcommons/inference `loadgen/results.cc`, `PerformanceSummary::LogSummary`. Latencies are
nanoseconds. Token metrics are there only with `use_token_latencies`. The summary does not say the
model, the hardware or the lengths of the dataset; output tokens follow from tokens over samples.
"""

import re

from planner.imports.measured import Run
from planner.imports.told import Origin, Told, run
from planner.imports.untrusted import number
from tonnage.errors import FormatError, InvalidInput

TITLE = "MLPerf Results Summary"
_LINE = re.compile(r"^\s*([^:]{1,80}?)\s*:\s*(.{0,200}?)\s*$")
_LOADS = {"Offline": "saturated", "Server": "open", "SingleStream": "closed", "Single Stream": "closed"}


def is_mlperf(text: str) -> bool:
    """Say if a text is a summary of loadgen."""
    return TITLE in text[:2000]


def read(text: str, *, file: str, told: Told) -> Run:
    """Read one summary of a valid performance run.

    Raises
    ------
    FormatError
        If the run was invalid, tested accuracy alone, or counted no tokens.
    """
    where = f"{file}: run 1"
    said: dict[str, str] = {}
    for line in text.splitlines():
        if parts := _LINE.match(line):
            said.setdefault(parts[1], parts[2])
    scenario = said.get("Scenario", "")
    if said.get("Result is") != "VALID":
        raise FormatError(f"{where}: the result is {said.get('Result is', 'not stated')!r}, not VALID")
    if scenario not in _LOADS:
        raise FormatError(f"{where}: scenario {scenario!r} is none of {', '.join(_LOADS)}")
    if told.isl is None:
        raise InvalidInput(
            f"{where}: MLPerf does not say the dataset's input tokens; add --isl with the mean"
        )

    def figure(*names: str) -> float | None:
        for name in names:
            if (found := number(said.get(name), name=name, where=where)) is not None:
                return found
        return None

    samples = figure("Samples per second", "Completed samples per second", "QPS w/o loadgen overhead")
    tokens = figure("Tokens per second", "Completed tokens per second", "TPS w/o loadgen overhead")
    if samples is None or tokens is None:
        raise FormatError(
            f"{where}: counts no samples or no tokens per second; only language models have both"
        )
    first, later = figure("Mean First Token latency (ns)"), figure("Mean Time to Output Token (ns)")
    load = _LOADS[scenario]
    seen = {
        "osl": tokens / samples,
        "load": load,
        "requests_per_s": samples if load == "open" else None,
        "notes": [f"system under test: {said.get('SUT name') or 'not named'}"],
    }
    measured = {
        "ttft_s": None if first is None else first / 1e9,
        "tpot_s": None if later is None else later / 1e9,
        "output_tokens_per_s": tokens,
        "requests_per_s": samples,
    }
    return run(told, Origin(tool="MLPerf", file=file), seen=seen, measured=measured, number=1)
