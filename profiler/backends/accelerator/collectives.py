"""Collectives over the devices of one host in one process: NCCL on CUDA, RCCL under the same name on ROCm.

torch.cuda.nccl has all-reduce and all-gather for tensors on several devices of this process; all-to-all needs
one process per device and is left to programs that have them. Not yet run on a GPU.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from profiler.backends.accelerator.tensors import placing
from profiler.backends.torch_layers.binding import Bound
from profiler.kernels.kernel import Arrays, Point

Collective = Callable[[Sequence[Any], Sequence[Any]], object]
"""Takes one input and one output tensor per device."""


def collective(
    point: Point, inputs: Arrays, devices: Sequence[str], collectives: Mapping[str, Collective]
) -> Bound:
    """Bind one collective over the first devices; what rank 0 holds is the output.

    Parameters
    ----------
    devices : sequence of str
        One per rank.
    collectives : mapping
        By kernel name; `nccl()` on devices.
    """
    import torch

    base, ranks = inputs["x"], point.shape["ranks"]
    gathers = point.kernel == "all_gather"
    share = base[: base.size // ranks] if gathers else base
    parts = [placing(devices[rank])(share + np.float32(rank), "fp32") for rank in range(ranks)]
    size = share.size * ranks if gathers else share.size
    whole = [torch.empty(size, device=device) for device in devices[:ranks]]
    run = collectives[point.kernel]

    def call() -> Mapping[str, Any]:
        run(parts, whole)
        return {"y": whole[0].reshape(ranks, -1) if gathers else whole[0]}

    return call


def nccl() -> Mapping[str, Collective]:
    """Return the collectives of torch.cuda.nccl."""
    from torch.cuda import nccl as library

    return {
        "all_reduce": lambda parts, whole: library.all_reduce(parts, whole),
        "all_gather": lambda parts, whole: library.all_gather(parts, whole),
    }
