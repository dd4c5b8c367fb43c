"""Predictions for a file of cases of any length: lines in, lines out, in order, bounded memory."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TextIO

from pydantic import ValidationError

from planner.deployment import Case
from planner.prediction import Prediction, Refusal
from planner.serving.anchors.anchor_points import Point
from planner.serving.predict import predict_batch
from tonnage.files import first_problem, has_half_a_character

BLOCK = 4096
"""Lines answered at once: enough to group by model, little enough to hold."""

LONGEST_LINE = 2**20
"""Characters of a line that are read; a case is a few hundred."""


def bounded(lines: TextIO) -> Iterator[str]:
    """Yield lines of a file, none longer than `LONGEST_LINE`: what is longer is cut, and fails alone."""
    while line := lines.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith("\n"):
            line = lines.readline(LONGEST_LINE)


def answer_lines(lines: Iterable[str], *, anchors: Sequence[Point] = ()) -> Iterator[str]:
    """Yield one JSON line per case; blank lines are left out.

    Measured runs in `anchors` move all predictions. A line that cannot be read, or whose case has no
    answer, yields `{"id", "error"}`.
    """
    filled = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    while block := list(islice(filled, BLOCK)):
        yield from _answer_block(block, anchors)


def _answer_block(block: list[tuple[int, str]], anchors: Sequence[Point]) -> Iterator[str]:
    read = [_read(line, number) for number, line in block]
    answers = iter(_answered([case for case in read if isinstance(case, Case)], anchors))
    for case in read:
        yield (next(answers) if isinstance(case, Case) else case).model_dump_json()


def _answered(cases: Sequence[Case], anchors: Sequence[Point]) -> list[Prediction | Refusal]:
    """Answer cases together; if that fails, in halves, so that a case nobody thought of fails alone."""
    try:
        return predict_batch(cases, anchors=anchors)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it costs one line of a million and is told there
        if len(cases) == 1:
            says = f"a bug in Tonnage, please report this line ({type(problem).__name__}: {problem})"
            return [Refusal(id=cases[0].id, error=says)]
    half = len(cases) // 2
    return [*_answered(cases[:half], anchors), *_answered(cases[half:], anchors)]


def _read(line: str, number: int) -> Case | Refusal:
    """Read one case; an id is kept wherever there is one."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as problem:
        return Refusal(id=f"line {number}", error=f"line {number} is not valid JSON: {problem}")
    if not isinstance(data, dict):
        return Refusal(id=f"line {number}", error=f"line {number} holds no JSON object")
    if has_half_a_character(line, data):
        return Refusal(id=f"line {number}", error=f"line {number} holds half of a surrogate pair")
    try:
        return Case.model_validate(_with_text_id(data, number))
    except ValidationError as problem:
        return Refusal(id=str(data.get("id", f"line {number}")), error=first_problem(problem))


def _with_text_id(data: dict[str, Any], number: int) -> dict[str, Any]:
    """Numbers are fine as ids; a missing one is the line's."""
    return {**data, "id": str(data.get("id", f"line {number}"))}
