"""Wall time of `tonnage --help` and `tonnage probe`, and the imports that it goes into.

    .venv/bin/python benchmarks/start_time.py [runs]

Prints the median of the runs (20 by default) with the smallest and the largest,
and the packages by their own import time from `python -X importtime`.
"""

import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter

COMMANDS = (("--help",), ("probe",), ("probe", "--json"))
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)")


def process_s(words: tuple[str, ...]) -> tuple[float, float]:
    """Time one fresh process from start to exit: wall, and user plus system CPU."""
    start, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "tonnage", *words], check=True, capture_output=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, cpu


def import_share(words: tuple[str, ...]) -> Counter[str]:
    """Own import time by top-level package [us]."""
    command = [sys.executable, "-X", "importtime", "-m", "tonnage", *words]
    log = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    share: Counter[str] = Counter()
    for own_us, module in LINE.findall(log):
        share[module.split(".")[0]] += int(own_us)
    return share


def main(runs: int) -> None:
    print(f"{os.cpu_count()} CPUs, load {' '.join(f'{load:.2f}' for load in os.getloadavg())}")
    for words in COMMANDS:
        process_s(words)
        taken = [process_s(words) for _ in range(runs)]
        times = [wall for wall, _ in taken]
        print(
            f"tonnage {' '.join(words)}: median {statistics.median(times):.3f} s "
            f"({min(times):.3f} to {max(times):.3f}, {runs} runs), "
            f"CPU {statistics.median(cpu for _, cpu in taken):.2f} s"
        )
        share = import_share(words)
        top = ", ".join(f"{name} {us / 1000:.0f} ms" for name, us in share.most_common(8))
        print(f"  imports {sum(share.values()) / 1000:.0f} ms (with the tracer): {top}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
