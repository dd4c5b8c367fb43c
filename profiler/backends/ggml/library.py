"""The ggml shared library that llama-cpp-python ships, and the signatures that are used of it.

Taken from ggml.h, ggml-alloc.h, ggml-backend.h and ggml-cpu.h of llama.cpp; only functions that its
own public headers declare.
"""

import ctypes
from ctypes import (
    CDLL,
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_float,
    c_int,
    c_int64,
    c_size_t,
    c_void_p,
)  # fmt: skip
from functools import cache

TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "Q4_K": 12, "Q6_K": 14, "I32": 26, "I64": 27}
"""Numbers of `enum ggml_type`."""

_EXTRA_BUFFERS = CFUNCTYPE(POINTER(c_void_p), c_void_p)
_QUIET = CFUNCTYPE(None, c_int, c_char_p, c_void_p)


class InitParams(Structure):
    """`struct ggml_init_params`."""

    _fields_ = (("mem_size", c_size_t), ("mem_buffer", c_void_p), ("no_alloc", c_bool))


_T = c_void_p
_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "ggml_init": (c_void_p, (InitParams,)),
    "ggml_free": (None, (c_void_p,)),
    "ggml_tensor_overhead": (c_size_t, ()),
    "ggml_graph_overhead_custom": (c_size_t, (c_size_t, c_bool)),
    "ggml_new_graph_custom": (c_void_p, (c_void_p, c_size_t, c_bool)),
    "ggml_build_forward_expand": (None, (c_void_p, _T)),
    "ggml_new_tensor_4d": (_T, (c_void_p, c_int, c_int64, c_int64, c_int64, c_int64)),
    "ggml_nbytes": (c_size_t, (_T,)),
    "ggml_row_size": (c_size_t, (c_int, c_int64)),
    "ggml_mul_mat": (_T, (c_void_p, _T, _T)),
    "ggml_add": (_T, (c_void_p, _T, _T)),
    "ggml_mul": (_T, (c_void_p, _T, _T)),
    "ggml_silu": (_T, (c_void_p, _T)),
    "ggml_cont": (_T, (c_void_p, _T)),
    "ggml_cpy": (_T, (c_void_p, _T, _T)),
    "ggml_concat": (_T, (c_void_p, _T, _T, c_int)),
    "ggml_transpose": (_T, (c_void_p, _T)),
    "ggml_permute": (_T, (c_void_p, _T, c_int, c_int, c_int, c_int)),
    "ggml_rms_norm": (_T, (c_void_p, _T, c_float)),
    "ggml_swiglu_split": (_T, (c_void_p, _T, _T)),
    "ggml_set_rows": (_T, (c_void_p, _T, _T, _T)),
    "ggml_get_rows": (_T, (c_void_p, _T, _T)),
    "ggml_ssm_conv": (_T, (c_void_p, _T, _T)),
    "ggml_ssm_scan": (_T, (c_void_p, _T, _T, _T, _T, _T, _T, _T, c_int64)),
    "ggml_flash_attn_ext": (_T, (c_void_p, _T, _T, _T, _T, c_float, c_float, c_float)),
    "ggml_rope_ext": (
        _T,
        (c_void_p, _T, _T, _T, c_int, c_int, c_int, *(6 * (c_float,))),
    ),
    "ggml_reshape_4d": (_T, (c_void_p, _T, c_int64, c_int64, c_int64, c_int64)),
    "ggml_view_4d": (_T, (c_void_p, _T, *(4 * (c_int64,)), *(4 * (c_size_t,)))),
    "ggml_backend_cpu_init": (c_void_p, ()),
    "ggml_backend_cpu_set_n_threads": (None, (c_void_p, c_int)),
    "ggml_backend_cpu_buffer_type": (c_void_p, ()),
    "ggml_backend_cpu_reg": (c_void_p, ()),
    "ggml_backend_reg_dev_get": (c_void_p, (c_void_p, c_size_t)),
    "ggml_backend_reg_get_proc_address": (c_void_p, (c_void_p, c_char_p)),
    "ggml_backend_dev_supports_op": (c_bool, (c_void_p, _T)),
    "ggml_backend_buft_name": (c_char_p, (c_void_p,)),
    "ggml_backend_alloc_ctx_tensors_from_buft": (c_void_p, (c_void_p, c_void_p)),
    "ggml_backend_buffer_free": (None, (c_void_p,)),
    "ggml_backend_tensor_set": (None, (_T, c_void_p, c_size_t, c_size_t)),
    "ggml_backend_tensor_get": (None, (_T, c_void_p, c_size_t, c_size_t)),
    "ggml_backend_graph_compute": (c_int, (c_void_p, c_void_p)),
    "ggml_log_set": (None, (c_void_p, c_void_p)),
}  # fmt: skip


@cache
def library() -> CDLL:
    """Load the library and declare the signatures.

    Raises
    ------
    OSError, AttributeError
        If it cannot be loaded, or is of a version without one of the functions.
    """
    from llama_cpp import _ggml

    found: CDLL = _ggml.libggml
    for name, (result, arguments) in _SIGNATURES.items():
        try:
            function = getattr(found, name)
        except AttributeError:
            raise OSError(f"this llama-cpp-python has no {name}") from None
        function.restype, function.argtypes = result, list(arguments)
    return found


@cache
def _hush() -> object:
    return _QUIET(lambda level, text, data: None)


def silence() -> None:
    """Keep llama.cpp and ggml from writing to stderr."""
    import llama_cpp

    library().ggml_log_set(ctypes.cast(_hush(), c_void_p), None)  # type: ignore[arg-type]
    llama_cpp.llama_log_set(_hush(), c_void_p(0))


@cache
def packing_buffers() -> tuple[tuple[str, int], ...]:
    """Return name and handle of the buffer types that lay weights out anew, the preferred one first."""
    lib = library()
    registry = lib.ggml_backend_cpu_reg()
    address = lib.ggml_backend_reg_get_proc_address(registry, b"ggml_backend_dev_get_extra_bufts")
    if not address:
        return ()
    handles = _EXTRA_BUFFERS(address)(lib.ggml_backend_reg_dev_get(registry, 0))
    found = []
    for handle in handles:
        if not handle:
            break
        found.append((lib.ggml_backend_buft_name(handle).decode(), handle))
    return tuple(found)


def supports(tensor: int) -> bool:
    """Tell whether the CPU computes this node with its sources in the buffers where they lie."""
    lib = library()
    return bool(
        lib.ggml_backend_dev_supports_op(lib.ggml_backend_reg_dev_get(lib.ggml_backend_cpu_reg(), 0), tensor)
    )
