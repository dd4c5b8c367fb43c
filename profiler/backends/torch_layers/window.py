"""Attention within a sliding window: blocks of queries against the two blocks of keys they reach."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point


def attention_in_window(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind attention of blocks as wide as the window, so that nothing farther is computed.

    A mask over the whole prompt would cost as much as full attention.
    tokens must be a multiple of the window.
    """
    import torch

    s, window = point.shape, point.shape["window"]
    q, k, v = (tensor(inputs[name], point.dtype) for name in "qkv")
    blocks = s["tokens"] // window
    row, column = np.arange(window)[:, None], np.arange(2 * window)[None, :]
    seen = np.broadcast_to((column > row) & (column <= row + window), (blocks, 1, window, 2 * window)).copy()
    seen[0, :, :, :window] = False  # nothing stands before the prompt
    mask = torch.from_numpy(seen).to(q.device)
    attend, grouped = torch.nn.functional.scaled_dot_product_attention, s["heads"] != s["kv_heads"]

    def reached(cached: Any) -> Any:
        before = torch.nn.functional.pad(cached[0], (0, 0, window, 0))
        return before.unfold(1, 2 * window, window).permute(1, 0, 3, 2)

    def call() -> Mapping[str, Any]:
        cut = q[0].reshape(s["heads"], blocks, window, -1).transpose(0, 1)
        y = attend(cut, reached(k), reached(v), attn_mask=mask, enable_gqa=grouped)
        return {"y": y.transpose(0, 1).reshape(1, s["heads"], s["tokens"], -1)}

    return call
