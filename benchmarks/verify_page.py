"""The page docs/verify.md from the rows that `tonnage verify` wrote.

python benchmarks/verify_page.py verify.json -o docs/verify.md
"""

import argparse
from pathlib import Path

from planner.verify.verification import Row, Verification
from reports.terminal.verification import conditions, parts, step_words
from reports.verification import describe, draw
from tonnage.files import read_record, write_bytes, write_text
from tonnage.units import human

HEAD = """# Verify: predictions against whole models on one machine

`tonnage verify` measures llama.cpp's graph nodes on this machine in three passes (matmuls by format, rows and
size, matrices times one row of several sequences, attention over a cache, what is left of a layer, an empty
step), predicts prefill and decode of GGUF files of random weights from those times alone, then runs the files
and compares. Nothing is downloaded and no coefficient is fitted to the runs. Written by
`python benchmarks/verify_page.py verify.json -o docs/verify.md`.

Intervals come from the nodes alone: the error of each sample left out of its table, and the spread between
passes, which on a shared host is mostly its memory bandwidth; parts of a step err together. The structure of
the laws was chosen while looking at runs, and at the times of single nodes in them: that what is masked of a
page of the cache is skipped, that queries, keys, values and gates are matrices of their own, each with its
microseconds beside its weights, that a recurrent model's sequences go through its matrices one by one, and
which buffers are kept warm while a node is measured. So was that a node's time is its fastest steady pass,
and that nodes which never settled do not widen the intervals.
"""


def line(one: Row) -> str:
    low, high = human(one.predicted_s.p10, "s"), human(one.predicted_s.p90, "s")
    return (
        f"| {one.model} | {one.format} | {step_words(one)} | {one.depth} | {human(one.predicted_s.p50, 's')} "
        f"({low} to {high}) | {human(one.measured_s, 's')}{'' if one.stable else ' ~'} | "
        f"{one.tokens_per_s:.0f} | {100 * one.error_frac:+.1f} %{'' if one.inside else ' !'} |"
    )


def page(found: Verification, picture: str) -> str:
    rows = [HEAD, f"Conditions: {conditions(found)}."]
    rows += [f"{note[0].upper()}{note[1:]}." for note in found.notes]
    rows += ["", "| phase | steps | median error | 90 % below | bias | inside the 80 % interval |"]
    rows += ["|---|---|---|---|---|---|"]
    for name, part in parts(found):
        rows.append(
            f"| {name} | {part.rows} | {100 * part.median_error_frac:.1f} % | "
            f"{100 * part.p90_error_frac:.1f} % | {100 * part.bias_frac:+.1f} % | {part.inside_frac:.2f} |"
        )
    rows += ["", f"![{describe(found)}]({picture})", ""]
    rows += ["`~`: samples were not steady, the fastest counts. `!`: outside the interval.", ""]
    rows += ["| model | format | step | depth | predicted (80 %) | measured | tokens/s | error |"]
    rows += ["|---|---|---|---|---|---|---|---|", *map(line, found.rows), ""]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/verify.md"))
    asked = parser.parse_args()
    found = read_record(asked.rows, Verification)
    picture = asked.output.with_suffix(".svg")
    write_bytes(picture, draw(found))
    write_text(asked.output, page(found, picture.name))


if __name__ == "__main__":
    main()
