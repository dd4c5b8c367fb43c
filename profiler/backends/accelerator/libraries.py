"""Kernels of other libraries for accelerators, used and named where they are installed; not yet run on a GPU.

flash-attn    prefill, also within a window, and decode against a cache (its README)
mamba-ssm     the state update of Mamba-1. Its selective scan takes no first state, as a prompt after a
              cached prefix has one, so our own Triton kernel runs the scan
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from profiler.backends.torch_layers.binding import Binder, Bound, ToTensor
from profiler.kernels.attention import is_latent
from profiler.kernels.kernel import Arrays, Point

WIDEST_HEAD = 256
"""Of flash-attn 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One package.

    Attributes
    ----------
    name : str
        Of the package, as pip knows it.
    module : str
        As Python imports it.
    dtypes : tuple of str
        Number formats that it takes.
    binders : mapping
        By kernel name.
    takes : callable
        Tells whether a point of these kernels is one it can run.
    """

    name: str
    module: str
    dtypes: tuple[str, ...]
    binders: Mapping[str, Binder]
    takes: Callable[[Point], bool] = lambda point: True


def flash_prefill(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind causal attention; the library wants (batch, tokens, heads, head_dim)."""
    from flash_attn import flash_attn_func

    q, k, v = (tensor(inputs[name].transpose(0, 2, 1, 3), point.dtype) for name in "qkv")
    # The library counts the tokens before the present one, the point counts that one too.
    window = (point.shape["window"] - 1, 0) if "window" in point.shape else (-1, -1)
    return lambda: {"y": flash_attn_func(q, k, v, causal=True, window_size=window).transpose(1, 2)}


def flash_decode(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one token per sequence against its whole cache."""
    from flash_attn import flash_attn_with_kvcache

    q = tensor(inputs["q"][:, None], point.dtype)
    k, v = (tensor(inputs[name].transpose(0, 2, 1, 3), point.dtype) for name in "kv")
    return lambda: {"y": flash_attn_with_kvcache(q, k, v)[:, 0]}


def mamba_state_update(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one step of every sequence, the state changed in place."""
    from mamba_ssm.ops.triton.selective_state_update import selective_state_update

    of = {name: tensor(array, "fp32") for name, array in inputs.items()}
    x, delta, b, c = (of[name][:, 0].contiguous() for name in ("x", "delta", "b", "c"))

    def call() -> Mapping[str, Any]:
        y = selective_state_update(of["state"], x, delta, of["a"], b, c, of["d"])
        return {"y": y.unsqueeze(1), "state": of["state"]}

    return call


def _flash_takes(point: Point) -> bool:
    return not is_latent(point) and "value_dim" not in point.shape and point.shape["head_dim"] <= WIDEST_HEAD


LIBRARIES = (
    Library(
        name="flash-attn",
        module="flash_attn",
        dtypes=("bf16", "fp16"),
        binders={"attention_prefill": flash_prefill, "attention_decode": flash_decode},
        takes=_flash_takes,
    ),
    Library(
        name="mamba-ssm",
        module="mamba_ssm",
        dtypes=("fp32",),
        binders={"ssm_state_update": mamba_state_update},
    ),
)
