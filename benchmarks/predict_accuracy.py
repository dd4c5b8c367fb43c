"""How far predictions are off where their fit has not seen the model or the device.

    python benchmarks/predict_accuracy.py cases.jsonl [-o docs/validation.md]

Refits the engine coefficients without each model, each device, each engine and each fifth of the
settings, predicts what was left out, and writes the tables of docs/validation.md. Takes minutes.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.serving.calibrate import Row, read_rows
from planner.serving.calibration_file import Calibration, calibrate
from planner.serving.intervals import total
from planner.serving.priors import EFFECTS, PRIORS
from tonnage.evidence import Z90
from tonnage.files import write_text

Array = NDArray[np.float64]
SPREAD = {"tpot_s": "tpot", "ttft_s": "ttft", "output_tokens_per_s": "throughput"}
UNSEEN = {"setting": (False, False, False), "model": (True, False, False),
          "device": (False, True, False), "engine": (False, False, True)}  # fmt: skip
WORST = 20

HEAD = """# Validation

Predictions against published measurements, each made by coefficients that were fitted without the
model, the device, the engine or the fifth of the settings that it belongs to. Written by
`python benchmarks/predict_accuracy.py cases.jsonl -o docs/validation.md`; the cases are {rows} figures of
{cases} published runs, {sources} sources.

* **median**, **p90**: of |predicted / measured - 1|. **gm**: exp(mean |ln(predicted / measured)|) - 1.
* **bias**: median of predicted / measured - 1. **inside**: share of measurements within the 80 % interval.
* single: one sequence (llama.cpp, MLC LLM, gpt-fast); saturated: offline throughput; closed: closed loops of
  vLLM, SGLang and TensorRT-LLM; batch: long prompts under a handful of users on one AMD machine.

The structure of the model ({base} base coefficients, {effects} kinds of deviation) was chosen while looking
at these very tables, so one chosen blindly would do a little worse; the coefficients are held out.
"""

FAULTS = """
## What the rows themselves cannot say

* Time to first token of SGLang and TensorRT-LLM on some devices is 10 to 30 decode steps at any prompt,
  of vLLM about one. That is what a streaming interval looks like from outside: a server that sends tokens in
  bundles makes the client time the first bundle. The rows do not say which interval was set, so this is a
  reading of the data and not a fact; it is fitted per engine and device, and a device not seen has none.
* Much of the rest is a first wave: all users of a closed loop start at once and queue for their prefill.
  The fitted share is {wave:.2f} of the other prompts; ten waves, one of them queued, would give 0.05.
* Speculative decoding, replicas behind one address and wrong device counts are unlabelled in some rows.
"""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("cases", type=Path)
    ask.add_argument("-o", "--output", type=Path)
    ask.add_argument("--coefficients", type=Path, help="also write the coefficients of all rows here")
    ask.add_argument(
        "--predictions", type=Path, help="folder for what was predicted, one file per key left out"
    )
    args = ask.parse_args()
    rows = read_rows(args.cases)
    found = calibrate(rows, say=lambda text: print(text, file=sys.stderr, flush=True))
    if args.coefficients is not None:
        write_text(args.coefficients, found.file.to_json() + "\n")
    if args.predictions is not None:
        for label in UNSEEN:
            lines = predictions(rows, found, label)
            write_text(args.predictions / f"without_{label}.jsonl", "\n".join(lines) + "\n")
    page = document(rows, found)
    if args.output is None:
        print(page)
    else:
        write_text(args.output, page)


def document(rows: Sequence[Row], found: Calibration) -> str:
    """Return the whole page."""
    head = HEAD.format(
        rows=f"{len(rows):,}",
        cases=f"{len({row.case.id for row in rows}):,}",
        sources=len({row.source for row in rows}),
        base=len(PRIORS),
        effects=len(EFFECTS),
    )
    tables = [table(rows, found, label) for label in UNSEEN]
    worst = groups(
        rows, found.errors["model"], lambda row: f"{row.case.engine}, {row.case.model}, {row.case.device}"
    )
    return "\n".join([head, *tables, FAULTS.format(wave=found.file.base["wave_share"]), worst]) + "\n"


def half_width(row: Row, found: Calibration, label: str) -> float:
    """Return half of the 80 % interval of one row's log, for a case of the kind that was left out."""
    model, device, engine = UNSEEN[label]
    name = SPREAD[row.metric] + ("_single" if row.stratum == "single" else "")
    spread = found.file.spread[name]
    return Z90 * total(spread, new_model=model, new_device=device, new_engine=engine)


def predictions(rows: Sequence[Row], found: Calibration, label: str) -> list[str]:
    """Return held-out predictions as JSON lines with the ids of the cases."""
    answers: dict[str, dict[str, object]] = {}
    for row, error in zip(rows, found.errors[label], strict=True):
        middle = row.measured * math.exp(error)
        factor = math.exp(half_width(row, found, label))
        quantiles = {"p10": middle / factor, "p50": middle, "p90": middle * factor}
        answers.setdefault(row.case.id, {"id": row.case.id})[row.metric] = quantiles
    return [json.dumps(answer) for answer in answers.values()]


def table(rows: Sequence[Row], found: Calibration, label: str) -> str:
    """Errors by stratum and metric with one kind of group left out."""
    lines = [
        f"\n## Left out: {label}\n",
        "| stratum, metric | n | median | p90 | gm | bias | inside |",
        "|---|---|---|---|---|---|---|",
    ]
    errors = found.errors[label]
    for stratum, metric in sorted({(row.stratum, row.metric) for row in rows}):
        here = np.array([row.stratum == stratum and row.metric == metric for row in rows])
        first = rows[int(np.flatnonzero(here)[0])]
        inside = float(np.mean(np.abs(errors[here]) <= half_width(first, found, label)))
        lines.append(f"| {stratum} {metric} | {here.sum()} | {figures(errors[here])} | {inside:.2f} |")
    return "\n".join(lines)


def figures(errors: Array) -> str:
    """Cells of one row of a table."""
    size = np.abs(np.expm1(errors))
    values = (
        np.median(size),
        np.quantile(size, 0.9),
        np.expm1(np.mean(np.abs(errors))),
        np.median(np.expm1(errors)),
    )
    return " | ".join(f"{100 * value:.1f} %" for value in values)


def groups(rows: Sequence[Row], errors: Array, key: Callable[[Row], str]) -> str:
    """Return the groups that are furthest off on TPOT when their model is left out."""
    lines = [
        "\n## The worst groups: TPOT, model left out\n",
        "| engine, model, device | n | median | p90 | gm | bias |",
        "|---|---|---|---|---|---|",
    ]
    found: dict[str, list[float]] = {}
    for row, error in zip(rows, errors, strict=True):
        if row.metric == "tpot_s":
            found.setdefault(key(row), []).append(float(error))
    ranked = sorted(found.items(), key=lambda item: -float(np.median(np.abs(item[1]))))
    lines += [f"| {name} | {len(values)} | {figures(np.array(values))} |" for name, values in ranked[:WORST]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
