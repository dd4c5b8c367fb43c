"""Small kernels as a captured graph: one launch for many, so that the kernel is timed and not its launch."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

REPLAY_BELOW_S = 100e-6
"""A call shorter than this may wait for its own launch, which takes 2 to 10 us from Python (ASSUMED)."""
CALLS_IN_GRAPH = 32
"""At least so many calls are captured, that the launch of the graph is spread over them."""


def worth_replaying(call_s: float) -> bool:
    """Tell whether a call is so short that its launch may hide it."""
    return call_s < REPLAY_BELOW_S


def captured(
    calls: Sequence[Callable[[], object]], *, record: Callable[[Callable[[], object]], Callable[[], object]]
) -> tuple[Callable[[], object], int] | None:
    """Return a replay of all calls in turn, and how many it holds; None if they cannot be captured.

    Parameters
    ----------
    calls : sequence of callable
        One call for each copy of the inputs.
    record : callable
        Captures what a function queues and returns its replay, e.g. `cuda_graph`.
    """
    rounds = max(1, -(-CALLS_IN_GRAPH // len(calls)))

    def all_in_turn() -> None:
        for _ in range(rounds):
            for call in calls:
                call()

    with suppress(RuntimeError):  # an operation that waits for the device cannot be captured
        return record(all_in_turn), rounds * len(calls)
    return None


def cuda_graph(run: Callable[[], object]) -> Callable[[], object]:
    """Capture what `run` queues on the device (CUDA, and HIP under the same name).

    Raises
    ------
    RuntimeError
        If it does something that cannot be captured.
    """
    import torch

    side: Any = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # libraries set themselves up in a call that is not captured
        run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    replay: Callable[[], object] = graph.replay
    return replay
