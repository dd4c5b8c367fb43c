"""Reading memory across NUMA nodes: the CPUs of one node read what lies on another."""

import numpy as np

from profiler.kernels.drawn import draw
from profiler.kernels.kernel import ESSENTIAL, Arrays, Kernel, Point, Work, relative_error
from profiler.numa import nodes

SIZE_BYTES = 256 * 2**20
MOST_NODES = 8


class NodeRead(Kernel):
    """sum(source) by all usable CPUs of `cpu_node`, source on `memory_node`."""

    name = "node_read"
    rotated = ()

    def points(self) -> tuple[Point, ...]:
        """Return each pair of nodes of this host, its own memory first; none where there is one node."""
        found = sorted(nodes())[:MOST_NODES]
        if len(found) < 2:
            return ()
        pairs = [(cpu, memory) for cpu in found for memory in found]
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=ESSENTIAL if cpu == found[0] else ESSENTIAL + 1,
                scout=cpu == memory == found[0],
                shape={"cpu_node": cpu, "memory_node": memory, "size_bytes": SIZE_BYTES},
            )
            for cpu, memory in sorted(pairs, key=lambda pair: pair[0] != pair[1])
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """One addition per number read."""
        size = point.shape["size_bytes"]
        return Work(flop=size / 4, bytes=float(size))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw numbers around one, so that their sum is not lost in cancellation."""
        return {"source": 1 + draw(rng, (point.shape["size_bytes"] // 4,), scale=0.1)}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the sum."""
        return relative_error(output["sum"].sum(dtype=np.float64), inputs["source"].sum(dtype=np.float64))

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding of a long sum."""
        return 1e-4
