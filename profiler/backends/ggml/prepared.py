"""Calls of one operation as the nodes of a graph, as they stand in a model's."""

from collections.abc import Callable, Sequence

from profiler.backends.backend import Prepared, rotating
from profiler.backends.ggml.graph import Arena, Tensor
from profiler.kernels.kernel import Arrays

LONG_FLOP = 2e8
"""Work from which a call outlasts what it costs to start a graph a hundred times over."""


def many_calls(
    arena: Arena, context: int, calls: Sequence[Sequence[Tensor]], *, flop: float
) -> Callable[[Callable[[], Arrays]], Prepared]:
    """Gather calls into one graph, or give each long one a graph of its own.

    Parameters
    ----------
    calls : sequence of sequences of Tensor
        The outputs of each call, in the order in which they are computed.
    flop : float
        Of one call.

    Returns
    -------
    callable
        Takes what reads the outputs of the last call, and returns the prepared point.
    """
    if flop >= LONG_FLOP:
        graphs = [arena.graph(context, outputs) for outputs in calls]
        each = 1
    else:
        graphs = [arena.graph(context, [tensor for outputs in calls for tensor in outputs])]
        each = len(calls)

    def finish(read: Callable[[], Arrays]) -> Prepared:
        def output() -> Arrays:
            arena.compute(graphs[-1])
            return read()

        run = rotating([lambda graph=graph: arena.compute(graph) for graph in graphs])  # type: ignore[misc]
        return Prepared(run=run, output=output, calls=each)

    return finish
