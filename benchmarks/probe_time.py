"""Where the time of probing goes: single probes, number of devices; other tools beside it.

    .venv/bin/python benchmarks/probe_time.py [runs] [folder of the other tools' programs]

Prints medians of the runs (20 by default) with the smallest and the largest, and the median of user and
system CPU time beside it: other load stretches the first, hardly the second. Other tools are timed where
they are installed, on the PATH or in the folder: nvitop (its import in Python), llmfit (`llmfit system`),
inxi. benchmarks/start_time.py times the whole command and splits its imports by package.
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
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from hw_targets.host import Host
from hw_targets.probe import answers, probe_machine
from tests.captures import unpack

PEERS = (
    ("import nvitop", ("python3", "-c", "import nvitop")),
    ("llmfit system", ("llmfit", "system")),
    ("inxi", ("inxi",)),
    ("inxi -F", ("inxi", "-F")),
)
DEVICES = (1, 2, 4, 8, 16)
CAPTURE = "trn1-32xlarge"
"""Sixteen devices; the fewer are made by leaving PCI functions out."""


class Sample(NamedTuple):
    """One run: wall time, and CPU time of this process and its children."""

    wall_s: float
    cpu_s: float


def cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def sample(action: Callable[[], object]) -> Sample:
    start, used = time.perf_counter(), cpu_s()
    action()
    return Sample(time.perf_counter() - start, cpu_s() - used)


def told(samples: Sequence[Sample]) -> str:
    wall = [one.wall_s * 1e3 for one in samples]
    cpu = statistics.median(one.cpu_s for one in samples) * 1e3
    return f"median {statistics.median(wall):.1f} ms ({min(wall):.1f} to {max(wall):.1f}), CPU {cpu:.0f} ms"


def process(*command: str) -> Callable[[], object]:
    """Return an action that runs a process to its end."""
    return lambda: subprocess.run(command, check=True, capture_output=True)


def single_probes(runs: int) -> None:
    times: dict[str, list[float]] = {}
    for _ in range(runs):
        for answer in answers(Host()):
            times.setdefault(answer.name, []).append(answer.time_s * 1e3)
    whole = sum(statistics.median(taken) for taken in times.values())
    for name, taken in sorted(times.items(), key=lambda item: -statistics.median(item[1])):
        share = statistics.median(taken) / whole
        print(f"  {name}: median {statistics.median(taken):.2f} ms ({share:.0%} of all probes)")
    print(f"  all: {whole:.1f} ms")


def by_devices(runs: int) -> None:
    """Time captured hosts of 1 to 16 devices, and the slope between the first and the last."""
    medians = {}
    with tempfile.TemporaryDirectory(prefix="host-") as folder:
        root = unpack.unpack((unpack.HOSTS / f"{CAPTURE}.txt").read_text(encoding="utf-8"), Path(folder))
        functions = sorted((root / "sys/bus/pci/devices").glob("*:1e.0"))
        for count in reversed(DEVICES):
            for extra in functions[count:]:
                shutil.rmtree(extra)
            functions = functions[:count]
            probe_machine(root)
            taken = [sample(lambda: probe_machine(root)) for _ in range(runs)]
            medians[count] = statistics.median(one.wall_s for one in taken) * 1e3
            print(f"  {count} devices: {told(taken)}")
    slope = (medians[DEVICES[-1]] - medians[DEVICES[0]]) / (DEVICES[-1] - DEVICES[0])
    print(f"  slope: {slope:.2f} ms per device")


def commands(runs: int, folder: str) -> None:
    """Time `tonnage probe` and other tools in turn, so that all see the same load."""
    own = (sys.executable, "-m", "tonnage", "probe")
    path = os.pathsep.join((folder, os.environ["PATH"]))
    timed: dict[str, tuple[str, ...]] = {}
    for name, (program, *words) in (
        ("tonnage probe", own),
        ("tonnage probe --json", (*own, "--json")),
        *PEERS,
    ):
        found = shutil.which(program, path=path)
        if found and subprocess.run((found, *words), capture_output=True, check=False).returncode == 0:
            timed[name] = (found, *words)
        else:
            print(f"{name}: not installed")
    taken: dict[str, list[Sample]] = {name: [] for name in timed}
    for _ in range(runs):
        for name, command in timed.items():
            taken[name].append(sample(process(*command)))
    for name, samples in taken.items():
        print(f"{name}: {told(samples)}")


def main(runs: int, folder: str) -> None:
    print(f"{os.cpu_count()} CPUs, load {' '.join(f'{load:.2f}' for load in os.getloadavg())}")
    print("single probes on this host:")
    single_probes(runs)
    print(f"a captured host ({CAPTURE}):")
    by_devices(runs)
    print("whole processes, in turn:")
    commands(runs, folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, sys.argv[2] if len(sys.argv) > 2 else os.curdir)
