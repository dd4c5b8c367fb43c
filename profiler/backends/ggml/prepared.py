"""Calls of one operation as the nodes of a graph, as they stand in a model's."""

from collections.abc import Callable, Sequence

from profiler.backends.backend import Prepared, rotating
from profiler.backends.ggml.graph import Arena, Tensor
from profiler.kernels.kernel import Arrays

GRAPH_S = 5e-4
"""About how long one graph is to take: starting its workers then costs less than a hundredth, and another
program seldom comes in between."""


def many_calls(
    arena: Arena, context: int, calls: Sequence[Sequence[Tensor]], *, guess_s: float
) -> Callable[[Callable[[], Arrays]], Prepared]:
    """Gather short calls into graphs of equal length, and give each long one a graph of its own.

    Parameters
    ----------
    calls : sequence of sequences of Tensor
        The outputs of each call, in the order in which they are computed.
    guess_s : float
        About how long one call takes.

    Returns
    -------
    callable
        Takes what reads the outputs of the last call, and returns the prepared point.
    """
    each = min(max(round(GRAPH_S / guess_s), 1), len(calls))
    starts = range(len(calls) % each, len(calls), each)
    graphs = [
        arena.graph(context, [tensor for outputs in calls[start : start + each] for tensor in outputs])
        for start in starts
    ]

    def finish(read: Callable[[], Arrays]) -> Prepared:
        def output() -> Arrays:
            arena.compute(graphs[-1])
            return read()

        run = rotating([lambda graph=graph: arena.compute(graph) for graph in graphs])  # type: ignore[misc]
        return Prepared(run=run, output=output, calls=each)

    return finish
