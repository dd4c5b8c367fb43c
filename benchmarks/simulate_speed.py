"""Time the simulator in simulated requests per second of one core.

    python benchmarks/simulate_speed.py [--cold]

Short chat requests (100 to 200 tokens in, 50 to 200 out) on one instance at 70 % of what it serves at
most; longer answers, where more steps fall between two changes of the batch; the same, step by step, with
the largest difference of any request's times; a million requests over 64 instances behind the shortest
queue; growth and memory up to ten million requests; a capacity. `--cold` also times the first command on a
machine, which compiles for some ten seconds. Times are the least of some runs, [] the largest.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np

from planner.deployment import Deployment
from planner.simulate.assemble import Settings
from planner.simulate.capacity import capacity
from planner.simulate.instance import Engine, Fleet, Kind, single
from planner.simulate.run import Feed, run
from planner.simulate.step_law import linear_law
from workloads.arrivals import draw
from workloads.requests import Requests
from workloads.scenario import Slo, TrafficClass
from workloads.traffic import Arrivals, Length, Traffic

# Llama-3.1-8B in BF16 on an H100, to the first digit: weights 16 GB, cache 131 kB a token.
LAW = linear_law(overhead_s=1e-3, weights_s=6e-3, token_s=2e-5, cached_token_s=5e-8, pair_s=1e-10)
ENGINE = Engine(max_sequences=256, token_budget=8192, cache_blocks=25_000)
CHAT = (Length(mean=150, low=100, high=200), Length(mean=125, low=50, high=200))
LONG = (Length(mean=500, low=250, high=750), Length(mean=1000, low=500, high=1500))
LOAD, RUNS = 0.7, 5
CASE = (
    '{"id":"a","device":"nvidia-h100-sxm5-80gb","model":"llama-3.1-8b","weights":"BF16","load":"open",'
    '"requests_per_s":10}'
)


def main() -> None:
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    simulate(single(LAW, ENGINE), CHAT, rate=1.0, rows=1000)
    one, fleet = single(LAW, ENGINE), Fleet(kinds=(Kind(law=LAW, engine=ENGINE, count=64),))
    most, longest = most_served(CHAT), most_served(LONG)
    print(f"one instance serves at most {most:.1f} short and {longest:.1f} long requests/s")
    for rows in (10_000, 100_000, 1_000_000, 10_000_000):
        timed(f"short, {rows:,}", one, CHAT, rate=LOAD * most, rows=rows)
    timed("short, step by step", one, CHAT, rate=LOAD * most, rows=1_000_000, merge=False)
    timed("long answers", one, LONG, rate=LOAD * longest, rows=200_000)
    timed("long answers, step by step", one, LONG, rate=LOAD * longest, rows=200_000, merge=False)
    timed("short, 64 instances", fleet, CHAT, rate=64 * LOAD * most, rows=1_000_000)
    for words, lengths, rate in (("short", CHAT, LOAD * most), ("long", LONG, LOAD * longest)):
        print(f"{words}: merged and unmerged steps differ by {difference(lengths, rate):.1e} at most")
    capacities()
    if "--cold" in sys.argv:
        cold()


def most_served(lengths: tuple[Length, Length]) -> float:
    """Rate at which requests leave when all are queued at once."""
    totals = simulate(single(LAW, ENGINE), lengths, rate=None, rows=20_000).totals[0]
    return float(totals["finished"] / totals["now"])


def simulate(
    fleet: Fleet,
    lengths: tuple[Length, Length],
    *,
    rate: float | None,
    rows: int,
    merge: bool = True,
    keep: bool = False,
):
    arrivals = Arrivals(process="at-once") if rate is None else Arrivals(requests_per_s=rate)
    traffic = Traffic(arrivals=arrivals, prompt=lengths[0], output=lengths[1])
    chunks: Iterator[Requests] = draw(traffic, rows, seed=0)
    settings = Settings(rows=rows, merge=merge, keep_rows=rows if keep else 0)
    return run(fleet, Feed(chunks=chunks, rows=rows), settings)


def timed(
    words: str,
    fleet: Fleet,
    lengths: tuple[Length, Length],
    *,
    rate: float,
    rows: int,
    merge: bool = True,
) -> None:
    runs = RUNS if rows <= 1_000_000 else 1
    times, n = repeated(lambda: simulate(fleet, lengths, rate=rate, rows=rows, merge=merge).totals[0], runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{words:27} {min(times):7.3f} s [{max(times):.3f}]  {rows / min(times):>9,.0f} requests/s  "
        f"{n['steps'] / rows:5.2f} steps, {n['plans'] / rows:5.2f} events a request, at most "
        f"{n['most_in_system']:,} in flight, peak memory {peak:,.0f} MiB"
    )


def repeated(work: Callable[[], object], runs: int) -> tuple[list[float], object]:
    times, answer = [], None
    for _ in range(runs):
        began = time.perf_counter()
        answer = work()
        times.append(time.perf_counter() - began)
    return times, answer


def difference(lengths: tuple[Length, Length], rate: float) -> float:
    """Largest relative difference of any time of any of 100,000 requests."""
    merged, stepped = (
        simulate(single(LAW, ENGINE), lengths, rate=rate, rows=100_000, merge=merge, keep=True).record[:, :3]
        for merge in (True, False)
    )
    return float(np.max(np.abs(merged - stepped) / stepped))


def capacities() -> None:
    """Time capacities that were not asked before."""
    traffic = [
        TrafficClass(requests_per_s=1.0, prompt_tokens=512 + size, output_tokens=200) for size in range(11)
    ]
    on = Deployment(device="nvidia-h100-sxm5-80gb", model="llama-3.1-8b", weights="BF16", engine="vllm")
    limits = Slo(ttft_p95_s=0.5, tpot_p95_s=0.05)
    times = []
    for each in traffic:
        more, found = repeated(lambda each=each: capacity(on, each, limits), 1)
        times += more
    print(
        f"capacity: {1e3 * np.median(times[1:]):.0f} ms [{1e3 * min(times[1:]):.0f} to "
        f"{1e3 * max(times[1:]):.0f}] each, {found.simulations} simulations"
    )


def cold() -> None:
    """Time whole commands: the first on a machine, and those after it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        command = [sys.executable, "-m", "tonnage", "simulate", "--batch", "-", "--processes", "1"]
        for words in ("first command on a machine", "the next"):
            began = time.perf_counter()
            subprocess.run(
                [*command, "--requests", "1000"],
                input=CASE,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"{words}: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
