"""Where the time of probing goes: single probes, number of devices; other tools beside it.

    .venv/bin/python benchmarks/probe_time.py [runs] [folder of the other tools' programs]

Prints medians of the runs (20 by default) with the smallest and the largest. Other
tools are timed where they are installed, on the PATH or in the folder: nvitop (its import
in Python), llmfit (`llmfit system`), inxi. benchmarks/start_time.py times the whole command
and splits its imports by package.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hw_targets.host import Host
from hw_targets.probe import answers, probe_machine
from tests.captures import unpack

PEERS = (
    ("llmfit system", ("llmfit", "system")),
    ("inxi", ("inxi",)),
    ("import nvitop", ("python3", "-c", "import nvitop")),
)
DEVICES = (1, 2, 4, 8, 16)
CAPTURE = "trn1-32xlarge"
"""Sixteen devices; the fewer are made by leaving PCI functions out."""


def sample_s(action: Callable[[], object], runs: int) -> list[float]:
    """Time an action several times, after one time that does not count."""
    action()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return times


def told(times: Sequence[float]) -> str:
    return (
        f"median {statistics.median(times) * 1e3:.1f} ms ({min(times) * 1e3:.1f} to {max(times) * 1e3:.1f})"
    )


def process(*command: str) -> Callable[[], object]:
    """Return an action that runs a process to its end."""
    return lambda: subprocess.run(command, check=True, capture_output=True)


def single_probes(runs: int) -> None:
    times: dict[str, list[float]] = {}
    for _ in range(runs):
        for answer in answers(Host()):
            times.setdefault(answer.name, []).append(answer.time_s)
    for name, taken in times.items():
        print(f"  probe {name}: {told(taken)}")


def by_devices(runs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="host-") as folder:
        root = unpack.unpack((unpack.HOSTS / f"{CAPTURE}.txt").read_text(encoding="utf-8"), Path(folder))
        functions = sorted((root / "sys/bus/pci/devices").glob("*:1e.0"))
        for count in reversed(DEVICES):
            for extra in functions[count:]:
                shutil.rmtree(extra)
            functions = functions[:count]
            print(f"  {count} devices: {told(sample_s(lambda: probe_machine(root), runs))}")


def peers(runs: int, folder: str) -> None:
    """Time other tools, and `tonnage probe` between them so that all see the same load."""
    own = (sys.executable, "-m", "tonnage", "probe")
    for name, (program, *words) in (("tonnage probe", own), *PEERS):
        found = shutil.which(program, path=os.pathsep.join((folder, os.environ["PATH"])))
        works = found and subprocess.run((found, *words), capture_output=True, check=False).returncode == 0
        print(
            f"{name}: {told(sample_s(process(found, *words), runs)) if found and works else 'not installed'}"
        )


def main(runs: int, folder: str) -> None:
    print(f"{os.cpu_count()} CPUs, load {' '.join(f'{load:.2f}' for load in os.getloadavg())}")
    print("single probes on this host:")
    single_probes(runs)
    print(f"a captured host ({CAPTURE}):")
    by_devices(runs)
    peers(runs, folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, sys.argv[2] if len(sys.argv) > 2 else os.curdir)
