"""Two benches of one machine, one after the other: how far they agree, and whether they had said so.

    .venv/bin/python benchmarks/repeatability.py [budget, e.g. 60s, or full] [profile.json profile.json]

Runs the command twice in processes of its own, or compares two profiles that are there. Agreement
is |second median / first - 1| per trial. The goal on an idle machine: 5 % in the median over
trials, 12 % at the 95th percentile; and every trial farther apart than that was called unsteady, or
cores or memory, which gave another share beside it, may explain it.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from profiler.compare import Change, Verdict, compare
from profiler.profile import Profile
from tonnage.files import read_record

MEDIAN_GOAL, P95_GOAL = 0.05, 0.12
SHOWN = 8


def run_twice(budget: str, folder: Path) -> tuple[Path, Path]:
    size = ["--full"] if budget == "full" else ["--budget", budget]
    outputs = folder / "first.json", folder / "second.json"
    for output in outputs:
        print(f"bench {' '.join(size)} at load {os.getloadavg()[0]:.1f}", flush=True)
        words = [sys.executable, "-m", "tonnage", "bench", *size, "-o", str(output)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return outputs


def agreement(name: str, changes: list[Change]) -> None:
    apart = np.abs([one.time_frac for one in changes])
    if not len(apart):
        print(f"{name}: none")
        return
    middle, far = np.median(apart), np.quantile(apart, 0.95)
    reached = middle <= MEDIAN_GOAL and far <= P95_GOAL
    print(f"{name}: {len(apart)} trials, median {middle:.1%}, 95 % within {far:.1%}"
          f"{'' if reached else ', beyond the goal'}")  # fmt: skip


def show(before: Profile, after: Profile) -> None:
    for name, one in (("first", before), ("second", after)):
        steady = sum(m.stable for m in one.measurements)
        stamps = [s for s in (one.conditions.before, *one.conditions.during, one.conditions.after) if s]
        loads = [stamp.load_1min for stamp in stamps if stamp.load_1min is not None]
        load = f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"
        print(
            f"{name}: {steady} of {len(one.measurements)} steady, {one.conditions.elapsed_s} s, load {load}"
        )
    changes = list(compare(before, after).changes)
    sure = [one for one in changes if one.verdict is not Verdict.UNSURE]
    agreement("all", changes)
    agreement("called steady in both", sure)
    apart = [one for one in changes if abs(one.time_frac) > P95_GOAL]
    counts = Counter(one.verdict for one in apart)
    unsaid = [one for one in apart if one.verdict not in (Verdict.UNSURE, Verdict.CONDITIONS)]
    unsaid.sort(key=lambda one: -abs(one.time_frac))
    print(f"{len(apart)} are more than {P95_GOAL:.0%} apart: {counts[Verdict.UNSURE]} had been called "
          f"unsteady, {counts[Verdict.CONDITIONS]} are put down to other conditions")  # fmt: skip
    for one in unsaid[:SHOWN]:
        print(f"  not said: {one.trial} {one.time_frac:+.0%}")
    reasons = Counter(
        " ".join(m.why_unstable.split(";")[-1].split()[:6])
        for p in (before, after) for m in p.measurements if m.why_unstable
    )  # fmt: skip
    for reason, count in reasons.most_common(5):
        print(f"  advice given {count} times: {reason}")


def main(words: list[str]) -> None:
    if len(words) == 2 and all(word.endswith(".json") for word in words):
        show(*(read_record(Path(word), Profile) for word in words))
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = run_twice(words[0] if words else "60s", Path(folder))
        show(*(read_record(path, Profile) for path in paths))


if __name__ == "__main__":
    main(sys.argv[1:])
