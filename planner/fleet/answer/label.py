"""An outcome in one line."""

from planner.fleet.answer.outcome import Deployed, Outcome
from planner.fleet.solve.split_search import is_half


def label_of(outcome: Outcome) -> str:
    """Return what runs where in one line: `4 x nvidia-l4 in units of 2: llama-3.1-8b FP8`."""
    own = [_line_label(item) for item in outcome.deployed()]
    return " + ".join([*own, *(f"API {use.provider} {use.model}" for use in outcome.api())])


def _line_label(item: Deployed) -> str:
    cut = item.line.candidate.deployment
    units = f" in units of {cut.devices}" if cut.devices > 1 else ""
    half = f" {item.line.candidate.role}" if is_half(item.line) else ""
    return f"{item.count * cut.devices} x {cut.device}{units}{half}: {cut.model} {cut.weights}"
