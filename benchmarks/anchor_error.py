"""What one measured run of a deployment is worth: errors of its other settings, with and without.

    python benchmarks/anchor_error.py CASES.jsonl [--groups 150] [--seed 0] [--without device]

CASES holds published runs as `tonnage calibrate` takes them. Of every deployment (device, model, weights,
engine, cut) with four settings or more, one run drawn at random is the anchor, and all others are
predicted without and with it. By default with the shipped coefficients, which saw these rows; with
`--without device` (or model, engine) the names are dealt into folds, and each fold is predicted by
coefficients refitted without it. The kernel numbers of the update were read off residuals of these rows.
"""

import argparse
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from planner.deployment import Case
from planner.figures import Figures
from planner.prediction import Prediction
from planner.serving.coefficients import NAMES, CoefficientFile, shipped
from planner.serving.fitting.calibrate import Problem, fit
from planner.serving.fitting.calibration_file import effects
from planner.serving.fitting.measured import read_rows
from planner.serving.predict import predict_batch

SETUP = ("device", "model", "weights", "engine", "tp", "pp", "attention_dp", "moe_tp", "moe_ep")
METRICS = ("tpot_s", "ttft_s", "output_tokens_per_s")


def main() -> None:
    """Print one line per stratum and metric."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("--groups", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", choices=["device", "model", "engine"])
    parser.add_argument("--folds", type=int, default=3)
    asked = parser.parse_args()
    rows = [json.loads(line) for line in asked.cases.read_text(encoding="utf-8").splitlines()]
    cases = [Case.parse(row, where="row") for row in rows]
    groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, (row, case) in enumerate(zip(rows, cases, strict=True)):
        groups[row["stratum"], *(getattr(case, name) for name in SETUP)].append(i)
    rng = np.random.default_rng(asked.seed)
    known = [members for members in groups.values() if len(members) >= 4]
    rng.shuffle(known)
    found: defaultdict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    for fold in range(asked.folds if asked.without else 1):
        using = refitted(asked.cases, asked.without, fold, asked.folds) if asked.without else shipped()
        for members in known[: asked.groups]:
            if asked.without and dealt(getattr(cases[members[0]], asked.without), asked.folds) != fold:
                continue
            pick = int(rng.choice(members))
            for stratum, metric, values in compared(rows, cases, members, pick, using):
                found[stratum, metric].append(values)
    for (stratum, metric), values in sorted(found.items()):
        table = np.array(values, dtype=float)
        before, after = np.median(table[:, 0]), np.median(table[:, 1])
        holds = table[:, 2:].mean(axis=0)
        print(
            f"{stratum:10} {metric:20} {len(table):5} runs: median error {100 * before:5.1f} % -> "
            f"{100 * after:5.1f} %, 80 % interval holds {holds[0]:.2f} -> {holds[1]:.2f}"
        )


def dealt(name: str | None, folds: int) -> int:
    """Fold of a name: the same in every run."""
    return zlib.crc32(str(name).encode()) % folds


def refitted(path: Path, key: str, fold: int, folds: int) -> CoefficientFile:
    """Coefficients of all rows but those of one fold; spreads stay the shipped ones."""
    rows = [row for row in read_rows(path) if dealt(getattr(row.case, key), folds) != fold]
    whole = fit(Problem(rows))
    base = {name: float(np.exp(whole.theta[i])) for i, name in enumerate(NAMES)}
    file = shipped()
    seen = {str(getattr(row.case, key)) for row in rows}
    pairs = tuple(pair for pair in file.pairs if key != "device" or pair.split("|")[1] in seen)
    named = {f"{key}s": tuple(name for name in getattr(file, f"{key}s") if name in seen)}
    return file.model_copy(update={"base": base, "effects": effects(whole), "pairs": pairs, **named})


def compared(
    rows: Sequence[dict[str, Any]],
    cases: Sequence[Case],
    members: Sequence[int],
    pick: int,
    using: CoefficientFile,
) -> Iterator[tuple[str, str, tuple[float, ...]]]:
    """Errors of one deployment's other runs without and with its anchor, and whether intervals hold."""
    others = [i for i in members if i != pick]
    anchors = [(cases[pick], Figures.parse(rows[pick]["measured"], where="anchor"))]
    bare = predict_batch([cases[i] for i in others], using=using)
    moved = predict_batch([cases[i] for i in others], using=using, anchors=anchors)
    for i, a, b in zip(others, bare, moved, strict=True):
        for metric in METRICS:
            truth = rows[i]["measured"].get(metric)
            if not (truth and isinstance(a, Prediction) and isinstance(b, Prediction) and getattr(a, metric)):
                continue
            both = (getattr(a, metric), getattr(b, metric))
            errors = (abs(one.p50 / truth - 1) for one in both)
            inside = (float(one.p10 <= truth <= one.p90) for one in both)
            yield rows[i]["stratum"], metric, (*errors, *inside)


if __name__ == "__main__":
    main()
