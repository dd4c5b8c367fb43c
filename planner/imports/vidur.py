"""Vidur's profiles: `mlp.csv` and `attention.csv` below `data/profiling/compute/DEVICE/MODEL`.

Format: microsoft/vidur `data/profiling` and `vidur/profiling`: wide tables, `time_stats.OP.median` in
milliseconds (CUDA events, FP16) of one layer on one GPU that holds 1/tp of it; `num_tokens` of the
batch; `kv_cache_size` tokens per sequence. An empty cell or 0 is an op that was not timed.
"""

from collections.abc import Iterable, Mapping

from planner.imports import kernels
from planner.imports.kernels import Timed
from planner.imports.operator_table import Layer, Table
from planner.imports.untrusted import number, whole
from tonnage.errors import FormatError

MATRICES = {
    "attn_pre_proj": "qkv",
    "attn_post_proj": "out",
    "mlp_up_proj": "up",
    "mlp_down_proj": "down",
}
_ELEMENTWISE = ("input_layernorm", "post_attention_layernorm", "mlp_act", "add")
_MLP = frozenset({"num_tokens", "n_head", "n_kv_head", "n_embd", "n_expanded_embd", "use_gated_mlp"})
_ATTENTION = frozenset({"batch_size", "prefill_chunk_size", "kv_cache_size", "is_prefill", "n_embd"})


def is_mlp(header: Iterable[str]) -> bool:
    """Say if a header is that of `mlp.csv`."""
    return set(header) >= _MLP


def is_attention(header: Iterable[str]) -> bool:
    """Say if a header is that of `attention.csv`."""
    return set(header) >= _ATTENTION


def read(rows: Iterable[Mapping[str, str]], *, file: str, device: str) -> Table:
    """Read either table; every row says its own dimensions."""
    out = Table()
    for count, row in enumerate(rows, start=2):
        where = f"{file}: line {count}"
        if "num_tokens" in row and "n_expanded_embd" in row:
            _add_layer_ops(out, row, where, device)
        else:
            _add_attention(out, row, where, device)
    return out


def _need(row: Mapping[str, str], name: str, where: str) -> int:
    found = whole(row.get(name), name=name, where=where)
    if found is None:
        raise FormatError(f"{where}: {name} is missing")
    return found


def _layer(row: Mapping[str, str], where: str) -> Layer:
    heads = _need(row, "n_head" if "n_head" in row else "n_q_head", where)
    hidden = _need(row, "n_embd", where)
    return Layer(
        hidden=hidden,
        heads=heads,
        kv_heads=_need(row, "n_kv_head", where),
        head_dim=hidden // heads,
        width=whole(row.get("n_expanded_embd"), name="n_expanded_embd", where=where) or hidden,
        gated=row.get("use_gated_mlp", "True").strip().lower() == "true",
        tp=whole(row.get("num_tensor_parallel_workers"), name="num_tensor_parallel_workers", where=where)
        or 1,
    )


def _timed(row: Mapping[str, str], op: str, where: str, device: str) -> Timed | None:
    name = f"time_stats.{op}.median"
    found = number(row.get(name), name=name, where=where)
    return None if found is None else Timed(backend="vidur", device=device, dtype="fp16", time_s=found / 1e3)


def _add_layer_ops(out: Table, row: Mapping[str, str], where: str, device: str) -> None:
    layer, tokens = _layer(row, where), _need(row, "num_tokens", where)
    for op in (*MATRICES, *_ELEMENTWISE):
        timed = _timed(row, op, where, device)
        if timed is not None:
            out.add_layer(timed, layer, op, tokens, MATRICES.get(op))


def _add_attention(out: Table, row: Mapping[str, str], where: str, device: str) -> None:
    layer, batch = _layer(row, where), _need(row, "batch_size", where)
    cached = whole(row.get("kv_cache_size"), name="kv_cache_size", where=where) or 0
    if row["is_prefill"].strip().lower() == "true":
        tokens = _need(row, "prefill_chunk_size", where)
        if timed := _timed(row, "attn_prefill", where, device):
            out.found.append(kernels.prefill(timed, layer.local, batch=batch, tokens=tokens, cached=cached))
    elif cached and (timed := _timed(row, "attn_decode", where, device)):
        out.found.append(kernels.decode(timed, layer.local, batch=batch, cached=cached))
    else:
        out.skip("attention over an empty cache")
