"""Whole models through our own loop against llama-bench of the same llama.cpp, on the same files.

    python benchmarks/whole_models.py path/to/llama-bench [--threads 1] [--models transformer-0.3b]

Build llama-bench with cmake from the source inside the llama-cpp-python source package. Both run in turns on
the same file; with one thread ours takes its processor time, llama-bench always takes wall time, so other
load counts against llama-bench alone: the best of its repetitions is compared, and the load is printed.
"""

import argparse
import json
import os
import statistics
import subprocess

from planner.laws.curves import fast_end_s
from profiler.whole_models import FORMATS, MODELS, Run, Runner, chosen

REPETITIONS = 5
PROMPT, GENERATED = 512, 8


def reference(program: str, path: str, *, threads: int) -> dict[bool, float]:
    """Return the best tokens per second of llama-bench, by whether it decodes."""
    words = [program, "-m", path, "-t", str(threads), "-p", str(PROMPT), "-n", str(GENERATED)]
    words += ["-r", str(REPETITIONS), "-fa", "on", "-ngl", "0", "-o", "json"]
    rows = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return {row["n_gen"] > 0: max(row["samples_ts"]) for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", default="transformer-0.3b,mamba-0.2b", help=", ".join(MODELS))
    parser.add_argument("--formats", default=",".join(FORMATS))
    asked = parser.parse_args()
    runner = Runner(threads=asked.threads)
    runs = (Run(tokens=PROMPT, depth=0), Run(tokens=1, depth=0))
    ratios = []
    print(f"load {os.getloadavg()[0]:.1f}, {asked.threads} threads; tokens/s")
    for model, form in chosen(asked.models.split(","), asked.formats.split(","), quick=False):
        path = str(runner.file(model, form))
        best = reference(asked.program, path, threads=asked.threads)
        for run, measured in zip(runs, runner.measure(model, form, runs), strict=True):
            ours = run.tokens / min(fast_end_s(measured), min(measured.samples_s))
            ratios.append(ours / best[run.tokens == 1])
            print(f"{model} {form} {run.kernel}: ours {ours:.1f}, llama-bench {best[run.tokens == 1]:.1f}, "
                  f"ratio {ratios[-1]:.3f}", flush=True)  # fmt: skip
    print(f"ratio: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}; "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
