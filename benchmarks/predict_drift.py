"""Which predictions moved since they were last stored, on a fixed grid.

    python benchmarks/predict_drift.py [--grid benchmarks/predict_grid.csv] [--write] [--tolerance 0.01]

Without `--write` it lists every prediction that moved by more than the tolerance, and ends with 1 if any
did: a change of laws or coefficients is then seen for what it does, and stored again on purpose. The grid
is not the truth and says nothing about accuracy; docs/validation.md does.
"""

import argparse
import csv
import io
import itertools
import math
import sys
from collections.abc import Mapping
from pathlib import Path

from planner.deployment import Case
from planner.prediction import Prediction
from planner.serving.predict import predict_batch
from tonnage.files import write_text

GRID = Path(__file__).with_name("predict_grid.csv")
SERVERS = (
    ("nvidia-h100-sxm5-80gb", "llama-3.1-8b", "FP8", 1),
    ("nvidia-h100-sxm5-80gb", "llama-3.1-70b", "FP8", 4),
    ("nvidia-h200-sxm-141gb", "deepseek-r1", "FP8", 8),
    ("nvidia-b200-sxm-180gb", "deepseek-r1", "NVFP4", 8),
    ("nvidia-a100-sxm4-80gb", "mixtral-8x7b", "BF16", 4),
    ("nvidia-l40s", "qwen3-32b", "FP8", 2),
    ("amd-mi300x", "llama-3.1-70b", "BF16", 4),
)
DESKTOPS = (
    ("nvidia-rtx-4090", "llama-3-8b", "Q4_K_M"),
    ("apple-m2-ultra", "llama-3-8b", "F16"),
    ("amd-rx-7900-xtx", "llama-2-7b", "Q4_0"),
    ("nvidia-gb10-dgx-spark", "gpt-oss-20b", "MXFP4"),
)
METRICS = ("ttft_s", "tpot_s", "output_tokens_per_s")
Key = tuple[str, str]


def cases() -> list[Case]:
    """Return the grid: servers by engine, users or rate, and lengths; desktops by lengths."""
    made = []
    for (device, model, weights, tp), engine in itertools.product(SERVERS, ("vllm", "sglang", "trtllm")):
        for (isl, osl), users in itertools.product(((1024, 1024), (8192, 512)), (1, 16, 128)):
            made.append(
                {"device": device, "model": model, "weights": weights, "tp": tp, "engine": engine,
                 "isl": isl, "osl": osl, "concurrency": users}
            )  # fmt: skip
        made += [
            {"device": device, "model": model, "weights": weights, "tp": tp, "engine": engine,
             "isl": 2048, "osl": 256, "load": "open", "requests_per_s": rate}
            for rate in (0.1, 1.0)
        ]  # fmt: skip
    for (device, model, weights), (isl, osl) in itertools.product(
        DESKTOPS, ((1, 512), (512, 2), (8192, 128))
    ):
        made.append(
            {
                "device": device,
                "model": model,
                "weights": weights,
                "engine": "llama.cpp",
                "isl": isl,
                "osl": osl,
            }
        )
    return [
        Case.parse({"id": " ".join(str(value) for value in one.values()), **one}, where="grid")
        for one in made
    ]


def predicted() -> dict[Key, float]:
    """Return the middle of every prediction of the grid, by case and metric."""
    found = {}
    for answer in predict_batch(cases()):
        if not isinstance(answer, Prediction):
            raise SystemExit(f"{answer.id}: {answer.error}")
        for metric in METRICS:
            quantiles = getattr(answer, metric)
            if quantiles is not None:
                found[answer.id, metric] = float(f"{quantiles.p50:.5g}")
    return found


def moved(before: Mapping[Key, float], now: Mapping[Key, float], tolerance: float) -> list[str]:
    """List what moved by more than the tolerance, the furthest first, and what came or went."""
    lines = [(math.inf, f"{' '.join(key)}: new") for key in now.keys() - before.keys()]
    lines += [(math.inf, f"{' '.join(key)}: gone") for key in before.keys() - now.keys()]
    for key in before.keys() & now.keys():
        change = now[key] / before[key] - 1.0
        if abs(change) > tolerance:
            lines.append(
                (abs(change), f"{' '.join(key)}: {before[key]:g} -> {now[key]:g} ({100 * change:+.1f} %)")
            )
    return [text for _, text in sorted(lines, key=lambda item: (-item[0], item[1]))]


def read(path: Path) -> dict[Key, float]:
    """Read a stored grid."""
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return {(row["case"], row["metric"]): float(row["p50"]) for row in rows}


def written(values: Mapping[Key, float]) -> str:
    """Return a grid as CSV."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("case", "metric", "p50"))
    table.writerows((*key, f"{value:g}") for key, value in values.items())
    return out.getvalue()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--grid", type=Path, default=GRID)
    ask.add_argument("--write", action="store_true", help="store the predictions of today")
    ask.add_argument("--tolerance", type=float, default=0.01, help="relative change that is not told")
    args = ask.parse_args()
    now = predicted()
    if args.write:
        write_text(args.grid, written(now))
        return
    lines = moved(read(args.grid), now, args.tolerance)
    print("\n".join(lines) or f"none of {len(now)} predictions moved by more than {args.tolerance:g}")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
