"""Our selective scan against AVX-512 intrinsics in C, and the length at which it overtakes attention.

    .venv/bin/python benchmarks/ceilings_scan.py [rounds] [threads]

Rounds alternate between both programs; a ratio compares the fastest call of either within one
round. The goal is at least 0.9 of the C kernel. Then one layer of Mamba-1 (2048 channels, 16
states) against causal attention of a layer as wide as the model would be (1024: 8 heads of 128).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ceilings_bench import Bench, compile_c, fastest_s, spread

from profiler.kernels.kernel import Point

CHANNELS, STATES = 2048, 16
LENGTHS = (512, 2048, 4096)
C_RUNS = 9
GOAL = 0.9
HEADS = {"heads": 8, "kv_heads": 8, "head_dim": 128}
PROMPTS = (64, 128, 256, 512, 1024, 2048, 4096)
CONTEXTS = (128, 512, 2048, 8192)


def scan_point(tokens: int) -> Point:
    shape = {"batch": 1, "tokens": tokens, "d_inner": CHANNELS, "d_state": STATES}
    return Point(kernel="ssm_scan", dtype="fp32", shape=shape)


def reference_s(program: Path, tokens: int, threads: int) -> float:
    words = [str(program), str(tokens), str(CHANNELS), str(C_RUNS)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    printed = subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout
    return float(printed.split()[1])


def against_c(bench: Bench, program: Path, rounds: int) -> None:
    for tokens in LENGTHS:
        ratios, ours_s = [], []
        for _ in range(rounds):
            c_s = reference_s(program, tokens, bench.threads)
            (one,) = bench.measure(scan_point(tokens), only=("numba",))
            ours_s.append(min(one.samples_s))
            ratios.append(c_s / ours_s[-1])
        below = "" if sorted(ratios)[rounds // 2] >= GOAL else f", below {GOAL}"
        print(f"scan of {tokens} tokens: {1e6 * min(ours_s) / tokens:.2f} us/token, "
              f"C kernel's time over ours {spread(ratios)}{below}")  # fmt: skip


def best_s(bench: Bench, point: Point) -> tuple[float, str]:
    return min((fastest_s(one), one.backend) for one in bench.measure(point))


def crossing(lengths: tuple[int, ...], recurrent_s: list[float], attention_s: list[float]) -> str:
    """Return where attention becomes the slower one, interpolated in logarithms."""
    gap = np.log(attention_s) - np.log(recurrent_s)
    if gap[0] > 0:
        return f"attention is slower from {lengths[0]} tokens on, the shortest measured"
    if gap[-1] < 0:
        return f"attention is still faster at {lengths[-1]} tokens"
    return f"they cross at {float(np.exp(np.interp(0, gap, np.log(lengths)))):.0f} tokens"


def against_attention(bench: Bench) -> None:
    scan_s, attention_s = [], []
    for tokens in PROMPTS:
        shape = {**HEADS, "batch": 1, "tokens": tokens}
        scan, scan_by = best_s(bench, scan_point(tokens))
        attention, by = best_s(bench, Point(kernel="attention_prefill", dtype="bf16", shape=shape))
        scan_s.append(scan)
        attention_s.append(attention)
        print(f"prompt of {tokens}: scan {1e6 * scan / tokens:.2f} us/token ({scan_by}), "
              f"attention {1e6 * attention / tokens:.2f} ({by})")  # fmt: skip
    print(f"prefill: {crossing(PROMPTS, scan_s, attention_s)}")
    state = Point(
        kernel="ssm_state_update", dtype="fp32", shape={"batch": 1, "d_inner": CHANNELS, "d_state": STATES}
    )
    update_s, _ = best_s(bench, state)
    decode_s = [
        best_s(bench, Point(
            kernel="attention_decode", dtype="bf16", shape={**HEADS, "batch": 1, "context": context}
        ))[0]
        for context in CONTEXTS
    ]  # fmt: skip
    shown = ", ".join(
        f"{1e6 * one:.1f} at {context}" for context, one in zip(CONTEXTS, decode_s, strict=True)
    )
    print(f"one token: state update {1e6 * update_s:.1f} us, attention {shown}")
    print(f"decode: {crossing(CONTEXTS, [update_s] * len(CONTEXTS), decode_s)}")


def main(rounds: int = 7, threads: int | None = None) -> None:
    bench = Bench(share_s=0.3, threads=threads)
    bench.title(f"selective scan, {CHANNELS} channels, {STATES} states, {rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        program = compile_c(Path(__file__).with_name("selective_scan.c"), folder)
        against_c(bench, program, rounds)
    against_attention(bench)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
