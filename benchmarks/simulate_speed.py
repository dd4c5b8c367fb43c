"""Time the simulator in simulated requests per second of one core.

    python benchmarks/simulate_speed.py

Short chat requests (100 to 200 tokens in, 50 to 200 out) on one instance at 70 % of what
it serves at most; the same, taken step by step; and a million requests over 64 instances
behind the shortest queue. Compiled code is warm: the first run on a machine compiles for
about half a minute, once.
"""

import resource
import time
from collections.abc import Iterator

import numpy as np

from planner.simulate.assemble import Settings
from planner.simulate.instance import Engine, Fleet, Kind, single
from planner.simulate.run import Feed, run
from planner.simulate.step_law import linear_law
from workloads.arrivals import draw
from workloads.requests import Requests
from workloads.traffic import Arrivals, Length, Traffic

# Llama-3.1-8B in BF16 on an H100, to the first digit: weights 16 GB, cache 131 kB a token.
LAW = linear_law(overhead_s=1e-3, weights_s=6e-3, token_s=2e-5, cached_token_s=5e-8, pair_s=1e-10)
ENGINE = Engine(max_sequences=256, token_budget=8192, cache_blocks=25_000)
PROMPT, OUTPUT = Length(mean=150, low=100, high=200), Length(mean=125, low=50, high=200)
LOAD = 0.7


def main() -> None:
    simulate(single(LAW, ENGINE), rate=1.0, rows=1000)
    most = capacity()
    print(f"one instance serves at most {most:.1f} requests/s")
    for rows in (100_000, 1_000_000):
        timed(f"one instance, {rows:,} requests", single(LAW, ENGINE), rate=LOAD * most, rows=rows)
    timed("step by step", single(LAW, ENGINE), rate=LOAD * most, rows=300_000, merge=False)
    fleet = Fleet(kinds=(Kind(law=LAW, engine=ENGINE, count=64),))
    timed("64 instances, 1,000,000 requests", fleet, rate=64 * LOAD * most, rows=1_000_000)


def capacity() -> float:
    """Rate at which requests leave when all are queued at once."""
    totals = simulate(single(LAW, ENGINE), rate=None, rows=20_000)
    return float(totals["finished"] / totals["now"])


def simulate(fleet: Fleet, *, rate: float | None, rows: int, merge: bool = True) -> np.void:
    arrivals = Arrivals(process="at-once") if rate is None else Arrivals(requests_per_s=rate)
    traffic = Traffic(arrivals=arrivals, prompt=PROMPT, output=OUTPUT)
    chunks: Iterator[Requests] = draw(traffic, rows, seed=0)
    return run(fleet, Feed(chunks=chunks, rows=rows), Settings(rows=rows, merge=merge)).totals[0]


def timed(words: str, fleet: Fleet, *, rate: float, rows: int, merge: bool = True) -> None:
    best_s = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        totals = simulate(fleet, rate=rate, rows=rows, merge=merge)
        best_s = min(best_s, time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{words:34} {best_s:6.2f} s  {rows / best_s:>9,.0f} requests/s  "
        f"{totals['steps'] / rows:5.2f} steps and {totals['plans'] / rows:5.2f} events a request  "
        f"peak memory {peak:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
