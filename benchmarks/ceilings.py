"""Our memory kernels against an independent STREAM in C, compiled here, call by call in turn.

    .venv/bin/python benchmarks/ceilings.py [MiB per array] [seconds] [threads]

Both sides run in one process, a few calls of each in turn, so that a shared host treats them alike:
its memory may give half as much a second later. The rates that only one call in fifty exceeds are
compared. Of both sides the best variant of each kind counts. The goal is at least 0.97.
Arrays must be larger than three times the last-level cache: below that ours are rotated to be cold,
those of the C library are not.
"""

import ctypes
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from ceilings_bench import Bench, Call, compile_c, in_turn

from profiler.kernels.kernel import Point

KINDS = {"copy": 2, "triad": 3, "read": 1}
"""Arrays that one call of a kind touches."""
GOAL = 0.97


def reference_calls(library: Path, size_mib: int, threads: int) -> Iterator[tuple[str, Call]]:
    """Yield each variant of the C library: its kind and name, and its call."""
    stream = ctypes.CDLL(str(library))
    stream.kernel_of.restype = stream.name_of.restype = ctypes.c_char_p
    if not stream.open_arrays(ctypes.c_long(size_mib), threads):
        raise SystemExit(f"no memory for three arrays of {size_mib} MiB")

    def runner(variant: int) -> Callable[[], object]:
        return lambda: stream.run_variant(variant)

    for variant in range(stream.count_variants()):
        kind = stream.kernel_of(variant).decode()
        size_bytes = float(KINDS[kind] * size_mib * 2**20)
        yield f"{kind} C {stream.name_of(variant).decode()}", Call(size_bytes, runner(variant))


def our_calls(bench: Bench, size_mib: int) -> Iterator[tuple[str, Call]]:
    """Yield each backend's call of each kind."""
    for kind in KINDS:
        point = Point(kernel=kind, dtype="fp32", shape={"size_bytes": size_mib * 2**20})
        for backend, call in bench.calls(point):
            yield f"{kind} ours {backend}", call


def best_of(rates: dict[str, list[float]], side: str, quantile: float) -> tuple[float, str]:
    """Return the highest quantile of the rates among the variants of one kind and side, and its name."""
    found = {
        name: float(np.quantile(values, quantile)) for name, values in rates.items() if name.startswith(side)
    }
    best = max(found, key=found.__getitem__)
    return found[best], best.removeprefix(side).strip()


def main(size_mib: int = 128, seconds: int = 60, threads: int | None = None) -> None:
    bench = Bench(share_s=0.3, threads=threads)
    bench.title(f"{size_mib} MiB per array, calls in turn for {seconds} s")
    with tempfile.TemporaryDirectory() as folder:
        library = compile_c(Path(__file__).with_name("stream.c"), folder, shared=True)
        calls = dict([*reference_calls(library, size_mib, bench.threads), *our_calls(bench, size_mib)])
        rates = in_turn(calls, seconds)
    for kind in KINDS:
        for title, quantile in (("one call in fifty", 0.98), ("median call", 0.5)):
            theirs, ours = (best_of(rates, f"{kind} {side}", quantile) for side in ("C", "ours"))
            ratio = ours[0] / theirs[0]
            below = "" if ratio >= GOAL or quantile == 0.5 else f", below {GOAL}"
            print(
                f"{kind:6s} {title:17s} C {theirs[0] / 1e9:5.1f} GB/s ({theirs[1]}), "
                f"ours {ours[0] / 1e9:5.1f} ({ours[1]}): {ratio:.2f}{below}"
            )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
