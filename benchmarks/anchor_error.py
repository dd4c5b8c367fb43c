"""What one measured run of a deployment is worth: errors of its other settings, with and without.

    python benchmarks/anchor_error.py CASES.jsonl [--groups 150] [--seed 0]

CASES holds published runs as `tonnage calibrate` takes them. Of every deployment (device, model, weights,
engine, cut) with four settings or more, one run drawn at random is the anchor, and all others are
predicted without and with it. The coefficients saw these rows; the anchor's kernel numbers were read off
the same residuals, so this says what an anchor does, not how good a new prediction is.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from planner.deployment import Case
from planner.figures import Figures
from planner.prediction import Prediction
from planner.serving.predict import predict_batch

SETUP = ("device", "model", "weights", "engine", "tp", "pp", "attention_dp", "moe_tp", "moe_ep")
METRICS = ("tpot_s", "ttft_s", "output_tokens_per_s")


def main() -> None:
    """Print one line per stratum and metric."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("--groups", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rows = [json.loads(line) for line in asked.cases.read_text(encoding="utf-8").splitlines()]
    groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    cases = [Case.parse(row, where="row") for row in rows]
    for i, (row, case) in enumerate(zip(rows, cases, strict=True)):
        groups[row["stratum"], *(getattr(case, name) for name in SETUP)].append(i)
    rng = np.random.default_rng(asked.seed)
    known = [members for members in groups.values() if len(members) >= 4]
    rng.shuffle(known)
    found: defaultdict[tuple[str, str], list[tuple[float, float, bool, bool]]] = defaultdict(list)
    for members in known[: asked.groups]:
        pick = int(rng.choice(members))
        anchors = [(cases[pick], Figures.parse(rows[pick]["measured"], where="anchor"))]
        others = [i for i in members if i != pick]
        bare = predict_batch([cases[i] for i in others])
        moved = predict_batch([cases[i] for i in others], anchors=anchors)
        for i, a, b in zip(others, bare, moved, strict=True):
            for metric in METRICS:
                truth = rows[i]["measured"].get(metric)
                if truth and isinstance(a, Prediction) and isinstance(b, Prediction) and getattr(a, metric):
                    p, q = getattr(a, metric), getattr(b, metric)
                    inside = [one.p10 <= truth <= one.p90 for one in (p, q)]
                    errors = [abs(one.p50 / truth - 1) for one in (p, q)]
                    found[rows[i]["stratum"], metric].append((*errors, *inside))
    for (stratum, metric), values in sorted(found.items()):
        table = np.array(values, dtype=float)
        before, after = np.median(table[:, 0]), np.median(table[:, 1])
        holds = table[:, 2:].mean(axis=0)
        print(
            f"{stratum:10} {metric:20} {len(table):5} runs: median error {100 * before:5.1f} % -> "
            f"{100 * after:5.1f} %, 80 % interval holds {holds[0]:.2f} -> {holds[1]:.2f}"
        )


if __name__ == "__main__":
    main()
