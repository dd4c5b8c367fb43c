"""Other libraries' kernels: layouts and arguments, against stand-ins that do as documented."""

import sys
from types import ModuleType

import numpy as np
import pytest

from profiler.backends.accelerator.libraries import LIBRARIES
from profiler.backends.accelerator.platform import Platform
from profiler.backends.library_accelerator import LibraryAccelerator
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point

torch = pytest.importorskip("torch")
CPU = Platform(name="cpu", builds=(), label="CPU")
HEADS = {"batch": 2, "heads": 8, "kv_heads": 2, "head_dim": 64}


def flash_attn_func(q, k, v, causal=False, window_size=(-1, -1)):
    """(batch, tokens, heads, head_dim); window_size counts tokens before and after, -1 is all."""
    queries, keys = torch.arange(q.shape[1])[:, None], torch.arange(k.shape[1])[None, :]
    seen = keys <= queries if causal else torch.ones(q.shape[1], k.shape[1], dtype=torch.bool)
    if window_size[0] >= 0:
        seen = seen & (queries - keys <= window_size[0])
    cut = [one.transpose(1, 2).float() for one in (q, k, v)]
    y = torch.nn.functional.scaled_dot_product_attention(*cut, attn_mask=seen, enable_gqa=True)
    return y.transpose(1, 2).to(q.dtype)


def flash_attn_with_kvcache(q, k_cache, v_cache):
    """One query per sequence, which sees the whole cache."""
    return flash_attn_func(q, k_cache, v_cache)


def selective_state_update(state, x, dt, A, B, C, D):
    """One step in place: state (batch, dim, dstate), x and dt (batch, dim), B and C (batch, dstate)."""
    state.mul_(torch.exp(dt.unsqueeze(-1) * A)).add_((dt * x).unsqueeze(-1) * B.unsqueeze(1))
    return torch.einsum("bdn,bn->bd", state, C) + D * x


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch):
    """The libraries as if they were installed, on CPU tensors."""
    flash = ModuleType("flash_attn")
    flash.flash_attn_func, flash.flash_attn_with_kvcache = flash_attn_func, flash_attn_with_kvcache
    mamba = ModuleType("mamba_ssm.ops.triton.selective_state_update")
    mamba.selective_state_update = selective_state_update
    monkeypatch.setitem(sys.modules, "flash_attn", flash)
    for name in ("mamba_ssm", "mamba_ssm.ops", "mamba_ssm.ops.triton"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, mamba.__name__, mamba)
    found = {library.name: LibraryAccelerator(library, CPU) for library in LIBRARIES}
    for backend in found.values():
        backend.start(2)
    return found


@pytest.mark.parametrize(
    ("name", "kernel", "dtype", "shape"),
    [
        ("flash-attn", "attention_prefill", "bf16", {**HEADS, "tokens": 65}),
        ("flash-attn", "attention_prefill", "bf16", {**HEADS, "batch": 1, "tokens": 64, "window": 16}),
        ("flash-attn", "attention_decode", "bf16", {**HEADS, "context": 100}),
        ("mamba-ssm", "ssm_state_update", "fp32", {"batch": 3, "d_inner": 64, "d_state": 16}),
    ],
)
def test_a_kernel_is_called_as_its_documentation_says(backends, name, kernel, dtype, shape):
    defined = KERNELS.get(kernel)
    point = Point(kernel=kernel, dtype=dtype, shape=shape)
    inputs = defined.inputs(point, np.random.default_rng(1))
    assert backends[name].runs(point)
    prepared = backends[name].prepare(point, inputs, 2)
    prepared.run()
    assert defined.error(point, inputs, prepared.output()) <= defined.tolerance(point)


def test_what_a_library_has_no_kernel_for_is_not_run(backends):
    wide = Point(kernel="attention_decode", dtype="bf16", shape={**HEADS, "context": 64, "head_dim": 512})
    latent = Point(kernel="attention_decode", dtype="bf16", shape={**HEADS, "context": 64, "value_dim": 32})
    scan = Point(
        kernel="ssm_scan", dtype="fp32", shape={"batch": 1, "tokens": 8, "d_inner": 64, "d_state": 16}
    )
    assert not any(backends["flash-attn"].runs(point) for point in (wide, latent))
    assert not backends["mamba-ssm"].runs(scan)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_a_library_that_is_missing_says_what_to_install(library, monkeypatch):
    monkeypatch.setattr("profiler.backends.library_accelerator.find_spec", lambda name: None)
    told = LibraryAccelerator(library).why_not()
    assert told is not None and f"pip install {library.name}" in told
