"""How far predictions are off on the wider rows, by source, without and with the other half of them.

    python benchmarks/wider_table.py cases.jsonl train.jsonl test.jsonl [-o docs/wider.md]

The halves are what `wider_cases.py --halves` writes. Each is predicted by coefficients that were fitted to
`cases.jsonl` and to the other half, and by such that saw neither. Writes one section of the page, or
replaces it there; all else stays. Takes a minute of one core.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from planner.deployment import Case
from planner.prediction import Refusal
from planner.serving import coefficients
from planner.serving.coefficients import CoefficientFile
from planner.serving.fitting.calibrate import Problem, fit, leave_out
from planner.serving.fitting.calibration_file import KEYS, summed_up, with_wider
from planner.serving.fitting.measured import Row, read_rows
from planner.serving.fitting.priors import ACROSS
from planner.serving.predict import predict_batch
from tonnage.files import write_text

TITLE = "## Wider rows, by source"
METRICS = {"tpot_s": "TPOT", "ttft_s": "TTFT", "output_tokens_per_s": "tokens/s"}
HEAD_FILE = Path(__file__).with_name("wider_table_head.md")
COLUMNS = (
    "| source | half | metric | n | median, gm without | median, gm | bias | inside |\n"
    "|---|---|---|---|---|---|---|---|"
)

Answer = Mapping[str, Any]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("cases", type=Path)
    ask.add_argument("halves", type=Path, nargs=2)
    ask.add_argument("-o", "--output", type=Path)
    args = ask.parse_args()
    rows = read_rows(args.cases)
    halves = {path.stem: _lines(path) for path in args.halves}
    without, told = answers(rows, {path.stem: read_rows(path) for path in args.halves}, halves)
    text = section(halves, without, told)
    if args.output is None:
        print(text)
        return
    page = args.output.read_text(encoding="utf-8") if args.output.is_file() else ""
    write_text(args.output, replaced(page, text))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def answers(
    rows: Sequence[Row], wider: Mapping[str, Sequence[Row]], halves: Mapping[str, Sequence[dict[str, Any]]]
) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """Return what is predicted of each half by a fit that saw neither, and by one that saw the other."""
    known = Problem(rows)
    whole = fit(known)
    errors = leave_out(rows, KEYS["source"], structure=ACROSS)
    plain = coefficients.shipped().model_copy(update=summed_up(whole, rows))
    without, told = {}, {}
    for half, cases in halves.items():
        (other,) = (found for name, found in wider.items() if name != half)
        without |= _answers(cases, plain)
        told |= _answers(cases, with_wider(plain, whole, known, [other], rows=rows, errors=errors))
    return without, told


def _answers(cases: Sequence[dict[str, Any]], using: CoefficientFile) -> dict[str, Answer]:
    found = predict_batch([Case.parse(case, where=case["id"]) for case in cases], using=using)
    return {answer.id: answer.model_dump() for answer in found if not isinstance(answer, Refusal)}


def section(
    halves: Mapping[str, Sequence[dict[str, Any]]], before: Mapping[str, Answer], now: Mapping[str, Answer]
) -> str:
    """Table of errors by source, half and metric, and over all of each half."""
    groups: defaultdict[tuple[str, str, str], list[tuple[str, float]]] = defaultdict(list)
    for half, cases in halves.items():
        for case in cases:
            for metric in METRICS.keys() & case["measured"].keys():
                for source in (case["source"], "all"):
                    groups[source, half, metric].append((case["id"], case["measured"][metric]))
    lines = [TITLE, "", HEAD_FILE.read_text(encoding="utf-8").strip(), "", COLUMNS]
    order = sorted(groups, key=lambda key: (key[0] != "all", key[0], key[1], list(METRICS).index(key[2])))
    for source, half, metric in order:
        rows = groups[source, half, metric]
        sizes = (_size(rows, before, metric), _size(rows, now, metric))
        cells = (
            source,
            half,
            METRICS[metric],
            len(rows),
            *sizes,
            _bias(rows, now, metric),
            _inside(rows, now, metric),
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _errors(rows: Iterable[tuple[str, float]], answers: Mapping[str, Answer], metric: str) -> list[float]:
    """Return log errors of what was answered."""
    found = ((answers.get(key, {}).get(metric), measured) for key, measured in rows)
    return [math.log(answer["p50"] / measured) for answer, measured in found if answer]


def _size(rows: list[tuple[str, float]], answers: Mapping[str, Answer], metric: str) -> str:
    errors = _errors(rows, answers, metric)
    if not errors:
        return "none answered" if answers else ""
    middle = 100 * median(abs(math.expm1(error)) for error in errors)
    mean = 100 * math.expm1(fmean(abs(error) for error in errors))
    short = "" if len(errors) == len(rows) else f" of {len(errors)}"
    return f"{middle:.0f} %, {mean:.0f} %{short}"


def _bias(rows: list[tuple[str, float]], answers: Mapping[str, Answer], metric: str) -> str:
    return f"{100 * math.expm1(median(_errors(rows, answers, metric))):+.0f} %"


def _inside(rows: list[tuple[str, float]], answers: Mapping[str, Answer], metric: str) -> str:
    boxes = [(answers[key][metric], measured) for key, measured in rows if answers[key].get(metric)]
    return f"{fmean(box['p10'] <= measured <= box['p90'] for box, measured in boxes):.2f}"


def replaced(page: str, text: str) -> str:
    """Put a section in the place of its older self, or at the end."""
    start = page.find(TITLE)
    if start < 0:
        return page.rstrip("\n") + "\n\n" + text
    end = page.find("\n## ", start + 1)
    return page[:start] + text + ("" if end < 0 else page[end:])


if __name__ == "__main__":
    main()
