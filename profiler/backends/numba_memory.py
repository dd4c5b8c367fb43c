"""How compiled reads are bound to caches, to NUMA nodes, and to nothing at all."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from profiler.backends.backend import Prepared
from profiler.kernels.kernel import Arrays, Point
from profiler.numa import nodes


def prepare_memory(point: Point, inputs: Arrays, *, threads: int) -> Prepared:
    """Bind `cache_read`, `node_read` or `launch`: nothing of theirs is rotated."""
    if point.kernel == "node_read":
        return prepare_node_read(point, inputs)
    if point.kernel == "cache_read":
        return prepare_cache_read(point, inputs, threads=threads)
    return prepare_launch(inputs, threads=threads)


def prepare_cache_read(point: Point, inputs: Arrays, *, threads: int) -> Prepared:
    """Bind one array that all threads read part by part, as often as the point says."""
    from profiler.backends.compiled import stream
    from profiler.backends.compiled.jit import aligned_copy
    from profiler.backends.compiled.lanes import LANES

    source, sums = aligned_copy(inputs["source"]), np.zeros((threads, LANES), np.float32)
    passes = point.shape["passes"]

    def run() -> None:
        stream.read_again(source, sums, threads, passes)

    def output() -> Arrays:
        run()
        return {"sum": sums}

    return Prepared(run=run, output=output)


def prepare_launch(inputs: Arrays, *, threads: int) -> Prepared:
    """Bind a parallel loop that has almost nothing to do."""
    from profiler.backends.compiled import stream

    x, y = np.ascontiguousarray(inputs["x"]), np.zeros_like(inputs["x"])

    def run() -> None:
        stream.add_one(y, x, threads)

    def output() -> Arrays:
        run()
        return {"y": y}

    return Prepared(run=run, output=output)


def prepare_node_read(point: Point, inputs: Arrays) -> Prepared:
    """Bind a pinned thread per CPU of a node to its part of an array that another node's CPUs touched.

    Raises
    ------
    ValueError
        If this process may not run on one of the nodes.
    """
    from profiler.backends.compiled import stream
    from profiler.backends.compiled.jit import aligned_empty
    from profiler.backends.compiled.lanes import LANES

    found = nodes()
    near, far = point.shape["cpu_node"], point.shape["memory_node"]
    if near not in found or far not in found:
        raise ValueError(f"no CPU of NUMA node {near if near not in found else far} is usable")
    source = aligned_empty(inputs["source"].shape, np.float32)
    _on(found[far], [lambda: np.copyto(source, inputs["source"])])
    cpus = found[near]
    sums = np.zeros((len(cpus), LANES), np.float32)
    steps, parts = source.size // stream.STEP, len(cpus)

    def part(index: int) -> Callable[[], object]:
        first, last = (steps * (index + i) // parts * stream.STEP for i in (0, 1))
        return lambda: stream.sum_part(source, first, last, sums[index])

    work = [part(index) for index in range(parts)]
    pools = [ThreadPoolExecutor(1, initializer=_pin, initargs=([cpu],)) for cpu in cpus]

    def run() -> None:
        for done in wait([pool.submit(job) for pool, job in zip(pools, work, strict=True)]).done:
            done.result()

    def output() -> Arrays:
        run()
        return {"sum": sums}

    return Prepared(run=run, output=output)


def _on(cpus: Sequence[int], jobs: Sequence[Callable[[], Any]]) -> None:
    """Run jobs in a thread that stays on these CPUs: memory it touches first lies on their node."""
    with ThreadPoolExecutor(1, initializer=_pin, initargs=(cpus,)) as pool:
        for job in jobs:
            pool.submit(job).result()


def _pin(cpus: Sequence[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)
