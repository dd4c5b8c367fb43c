"""One rank of a gloo group, in a process of its own: it joins whatever collective rank 0 calls.

Rank 0 sends one line of JSON per message: a collective to loop over, later the number of the
last call of that loop. A line is read between calls, so rank 0 announces the end two calls
ahead. The process ends with its input, or when the connection to rank 0 breaks.
"""

import json
import os
import select
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from numpy.typing import NDArray

from profiler.kernels.collective import contribution

INTERFACE = "lo"
"""Ranks stand on one host; without this gloo looks its name up, which containers often lack."""
LONGEST_WAIT = timedelta(hours=12)


def bind(kernel: str, base: NDArray[Any], *, rank: int, ranks: int) -> tuple[Callable[[], None], Any]:
    """Spread rank 0's base, and return one call of the collective and the tensor that it writes to."""
    import torch
    import torch.distributed as dist

    spread = torch.from_numpy(base.copy())
    dist.broadcast(spread, 0)
    buffer = torch.from_numpy(contribution(spread.numpy(), rank))
    if kernel == "all_reduce":
        return lambda: _done(dist.all_reduce(buffer)), buffer
    whole = torch.empty_like(buffer)
    if kernel == "all_gather":
        part = buffer[: len(buffer) // ranks].clone()
        # Renamed in PyTorch 2.13.
        gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
        return lambda: _done(gather(whole, part)), whole
    return lambda: _done(dist.all_to_all_single(whole, buffer)), whole


def _done(_work: object) -> None:
    """Drop what a blocking collective returns."""


def join(rank: int, ranks: int, port: int) -> None:
    """Join the group and follow rank 0 until it is gone."""
    import numpy as np
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    store = dist.TCPStore("127.0.0.1", port, ranks, is_master=False)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=ranks, timeout=LONGEST_WAIT)
    for line in iter(sys.stdin.readline, ""):
        told = json.loads(line)
        base = np.zeros(told["elements"], np.float32)
        run, _ = bind(told["kernel"], base, rank=rank, ranks=ranks)
        _loop(run)


def _loop(run: Callable[[], None]) -> None:
    """Call until the call whose number rank 0 announces."""
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    calls, last = 0, None
    while last is None or calls < last:
        run()
        calls += 1
        if last is None and poll.poll(0):
            line = sys.stdin.readline()
            if not line:
                return
            last = json.loads(line)["last"]


def main(rank: int, ranks: int, port: int) -> None:
    """Be a rank until rank 0 is gone, and then leave without a word."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", INTERFACE)
    try:
        join(rank, ranks, port)
    except (RuntimeError, KeyboardInterrupt):
        os._exit(1)
