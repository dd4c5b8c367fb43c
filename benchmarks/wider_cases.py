"""Turn wider tables of published measurements into cases that predictions can be scored on.

    python benchmarks/wider_cases.py TABLES_DIR -o wider.jsonl [--known cases.jsonl] [--halves DIR]

TABLES_DIR holds single_stream.csv, community.csv, serving.csv and serving_static_argonne.csv. Rows
whose note says FLAG, whose names the catalogs lack, whose meaning is not stated, which beat the
device's memory, or which `--known` has already are left out and counted by reason on stderr.
`--halves` also writes train.jsonl and test.jsonl: whole sources, or whole devices of large sources.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import wider_serving
import wider_single
from wider_halves import half_of
from wider_names import Left

from planner.deployment import Case
from planner.serving.placement import place
from planner.serving.situation import demand, situation
from tonnage.errors import TonnageError

TABLES = {
    "single_stream": wider_single.case,
    "community": wider_single.case,
    "serving": wider_serving.case,
    "serving_static_argonne": wider_serving.case,
}
TOLERANCE = 1.02
"""A run may beat the datasheet's memory by this much: clocks and roundings."""

Found = dict[str, Any]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("tables", type=Path)
    ask.add_argument("-o", "--output", type=Path, required=True)
    ask.add_argument("--known", type=Path, help="cases whose runs are left out")
    ask.add_argument("--halves", type=Path, help="folder for train.jsonl and test.jsonl")
    args = ask.parse_args()
    left: Counter[str] = Counter()
    known = {_run(case) for case in _lines(args.known)} if args.known else set()
    cases = list(_unlike(_possible(list(_converted(args.tables, left)), left), known, left))
    _write(args.output, cases)
    if args.halves:
        for name in ("train", "test"):
            _write(args.halves / f"{name}.jsonl", [case for case in cases if half_of(case) == name])
    _report(cases, left)


def _converted(folder: Path, left: Counter[str]) -> Iterator[Found]:
    """Read every row of every table that is there."""
    for name, read in TABLES.items():
        path = folder / f"{name}.csv"
        if not path.is_file():
            print(f"{path}: not there", file=sys.stderr)
            continue
        with path.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines), start=2):
                if "FLAG" in row["note"]:
                    left["flagged in its table"] += 1
                    continue
                try:
                    case = read(row)
                except Left as why:
                    left[str(why)] += 1
                    continue
                if not case["measured"]:
                    left["no figure that a prediction has"] += 1
                    continue
                kept = {key: value for key, value in case.items() if value not in (None, [])}
                yield {"id": f"{name}-{number}", "source": row["source"], **kept}


def _possible(cases: list[Found], left: Counter[str]) -> Iterator[Found]:
    """Leave out what cannot be placed, does not fit, or is faster than memory allows."""
    good: list[tuple[Found, Case]] = []
    for found in cases:
        try:
            case = Case.parse(found, where=found["id"])
            place(case)
        except TonnageError as problem:
            left[f"cannot be placed: {str(problem).split(': ', 1)[-1][:60]}"] += 1
            continue
        good.append((found, case))
    parsed = [case for _, case in good]
    seen = situation([place(case) for case in parsed], demand(parsed))
    full, alone = (step.floor_s * seen.stages for step in (seen.decode[0], seen.decode[-1]))
    memory = [place(case).target.memory_bytes or float("inf") for case in parsed]
    for i, (found, case) in enumerate(good):
        tpot = found["measured"].get("tpot_s")
        rate = found["measured"].get("output_tokens_per_s")
        if tpot is None and rate and case.load == "closed":
            tpot = case.concurrency / rate
        least = full[i] if case.load == "closed" else alone[i]
        if seen.parts[0][i] > memory[i]:
            left["weights exceed the memory of the devices it names"] += 1
        elif tpot and tpot * TOLERANCE < least and case.osl > 1:
            left["faster than the device's memory allows"] += 1
        else:
            yield found


def _run(case: Found) -> tuple[Any, ...]:
    """Return what makes two rows the same run: deployment and figures, to six digits."""
    figures = sorted((name, f"{value:.5g}") for name, value in case["measured"].items())
    keys = ("source", "device", "model", "weights")
    return (*(case[key] for key in keys), case.get("tp", 1) * case.get("pp", 1), *figures)


def _unlike(cases: Iterable[Found], known: set[tuple[Any, ...]], left: Counter[str]) -> Iterator[Found]:
    """Leave out runs that are known, and all but the first of rows that are one run."""
    seen: set[tuple[Any, ...]] = set()
    for case in cases:
        run = _run(case)
        same = (*run, case["isl"], case["osl"], case.get("context", 0), case.get("concurrency"))
        if run in known:
            left["among the known cases"] += 1
        elif same in seen:
            left["the same run twice"] += 1
        else:
            seen.add(same)
            yield case


def _lines(path: Path) -> Iterator[Found]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def _write(path: Path, cases: Iterable[Found]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(case) + "\n" for case in cases)


def _report(cases: list[Found], left: Counter[str]) -> None:
    """Print what was kept by source, and what was left out by reason."""
    kept = Counter(case["source"] for case in cases)
    halves = Counter((case["source"], half_of(case)) for case in cases)
    print(f"{'source':<28}{'kept':>6}{'train':>7}{'test':>6}", file=sys.stderr)
    for source, count in sorted(kept.items()):
        line = f"{source:<28}{count:>6}{halves[source, 'train']:>7}{halves[source, 'test']:>6}"
        print(line, file=sys.stderr)
    print(f"{'all':<28}{len(cases):>6}\n\nleft out:", file=sys.stderr)
    short: Counter[str] = Counter()
    for why, count in left.items():
        short[why.split(": ")[0]] += count
    for why, count in short.most_common():
        print(f"{count:>6}  {why}", file=sys.stderr)


if __name__ == "__main__":
    main()
