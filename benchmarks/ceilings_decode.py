"""Decode attention at 16k tokens over the read bandwidth, call by call in turn.

    .venv/bin/python benchmarks/ceilings_decode.py [seconds] [threads]

A call of all 32 heads takes milliseconds and on a shared host hardly ever has the machine to itself
there. So there are calls of a few heads too, of about a millisecond; either is compared with reads of
about as many bytes, cold and in turn, by the rates that only one call in fifty exceeds and by the
median ones. The goal is 0.80.
"""

import sys

import numpy as np
from ceilings_bench import Bench, Call, in_turn

from profiler.kernels.kernel import Point

CONTEXT, HEAD_DIM = 16384, 128
COPIES = {"few": 6, "all": 2}
RARE = 0.98
GOAL = 0.80
READ_BYTES = {"few": 2**25, "all": 2**27}
HEADS = {
    "few": {
        "MHA bf16": (4, 4), "GQA bf16": (16, 4), "GQA 8 bf16": (32, 4),
        "MHA fp32": (2, 2), "GQA fp32": (8, 2), "GQA 8 fp32": (16, 2),
    },
    "all": {
        "MHA bf16": (32, 32), "GQA bf16": (32, 8), "GQA 8 bf16": (64, 8),
        "MHA fp32": (32, 32), "GQA fp32": (32, 8), "GQA 8 fp32": (64, 8),
    },
}  # fmt: skip
"""Heads and heads of the cache: of a whole layer, and of as much of it as a millisecond reads.

Eight queries on a head do 8 (bf16) or 4 (fp32) flop per byte: the peak of the cores may then be the lower
ceiling, see `ceilings_matmul.py`.
"""


def calls_of(bench: Bench, part: str) -> dict[str, Call]:
    """Return the read that is compared with, and the calls of attention."""

    def ours(point: Point) -> Call:
        return next(call for _, call in bench.calls(point, copies=COPIES[part], only=("numba",)))

    calls = {"read": ours(Point(kernel="read", dtype="fp32", shape={"size_bytes": READ_BYTES[part]}))}
    for name, (heads, kv_heads) in HEADS[part].items():
        shape = {"heads": heads, "kv_heads": kv_heads, "head_dim": HEAD_DIM, "batch": 1, "context": CONTEXT}
        calls[name] = ours(Point(kernel="attention_decode", dtype=name.split()[-1], shape=shape))
    return calls


def main(seconds: int = 20, threads: int | None = None) -> None:
    bench = Bench(share_s=0.1, threads=threads)
    bench.title(f"decode attention at {CONTEXT} tokens, calls in turn for {seconds} s each")
    for part in HEADS:
        rates = in_turn(calls_of(bench, part), seconds)
        rare, middle = (
            {name: float(np.quantile(values, quantile)) for name, values in rates.items()}
            for quantile in (RARE, 0.5)
        )
        for name, rate in rare.items():
            ratio = rate / rare["read"]
            below = "" if ratio >= GOAL else f", below {GOAL}"
            print(
                f"{part} heads {name:10s} {rate / 1e9:6.1f} GB/s, {ratio:.2f} of reading{below}; "
                f"median {middle[name] / 1e9:.1f}, {middle[name] / middle['read']:.2f}"
            )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
