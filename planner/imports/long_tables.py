"""Operator tables in long form, one op a row with its device and model: Vidur's and LLMServingSim's, joined.

Three headers are known: ops of layers with their dimensions (`device,model,tp,num_tokens,op,median_ms,
..., n_head,n_kv_head,n_embd,n_ff,vocab,gated_mlp`), attention with its heads (`device,model,tp,op,
batch_size,prefill_chunk,kv_cache,median_ms, ..., n_q_head,n_kv_head`), and layer or attention times with
the model's name alone (`time_ms`). Rows that carry a flag are left out: they are known to be wrong.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from planner.imports import kernels, llmservingsim, vidur
from planner.imports.kernels import Timed
from planner.imports.named import model_id
from planner.imports.operator_table import Layer, Table
from planner.imports.untrusted import number, whole
from tonnage.errors import FormatError, InvalidInput

_START = ("device", "model", "tp")


def is_long_table(header: Iterable[str]) -> bool:
    """Say if a header is one of the three."""
    names = list(header)
    return tuple(names[:3]) == _START and ("median_ms" in names or "time_ms" in names)


def read(rows: Iterable[Mapping[str, str]], *, file: str, device: str, name: str) -> Table:
    """Read the rows of one device.

    Parameters
    ----------
    device, name : str
        Its catalog id, and its name in the table.
    """
    out = Table()
    for count, row in enumerate(rows, start=2):
        if row["device"] != name:
            continue
        if row.get("flag"):
            out.skip("flagged as wrong by their publisher")
            continue
        where = f"{file}: line {count}"
        found = number(row.get("median_ms", row.get("time_ms")), name="time", where=where)
        if found is None:
            out.skip("no time")
        elif "num_tokens" in row:
            _add_op(out, row, where, _timed(found, device, "vidur", "fp16"))
        elif "batch_size" in row:
            _add_attention(out, row, where, _timed(found, device, row.get("backend") or "vllm", "fp16"))
        else:
            _add_named(out, row, where, _timed(found, device, "vllm", "bf16"))
    return out


def _timed(milliseconds: float, device: str, backend: str, dtype: str) -> Timed:
    return Timed(backend=backend.lower(), device=device, dtype=dtype, time_s=milliseconds / 1e3)


def _need(row: Mapping[str, str], name: str, where: str) -> int:
    found = whole(row.get(name), name=name, where=where)
    if found is None:
        raise FormatError(f"{where}: {name} is missing")
    return found


def _add_op(out: Table, row: Mapping[str, str], where: str, timed: Timed) -> None:
    hidden, heads = _need(row, "n_embd", where), _need(row, "n_head", where)
    layer = Layer(
        hidden=hidden,
        heads=heads,
        kv_heads=_need(row, "n_kv_head", where),
        head_dim=hidden // heads,
        width=_need(row, "n_ff", where),
        gated=row.get("gated_mlp", "").strip().lower() == "true",
        tp=_need(row, "tp", where),
    )
    out.add_layer(timed, layer, row["op"], _need(row, "num_tokens", where), vidur.MATRICES.get(row["op"]))


def _add_attention(out: Table, row: Mapping[str, str], where: str, timed: Timed) -> None:
    layer = _heads(row, where)
    batch = _need(row, "batch_size", where)
    cached = whole(row.get("kv_cache"), name="kv_cache", where=where) or 0
    if row["op"] == "attn_prefill":
        tokens = _need(row, "prefill_chunk", where)
        out.found.append(kernels.prefill(timed, layer.local, batch=batch, tokens=tokens, cached=cached))
    elif row["op"] == "attn_decode" and cached:
        out.found.append(kernels.decode(timed, layer.local, batch=batch, cached=cached))
    else:
        out.skip(f"op '{row['op']}' has no law of its own")


def _heads(row: Mapping[str, str], where: str) -> Layer:
    """Heads as the row tells them, else as the model has them."""
    tp = _need(row, "tp", where)
    heads = whole(row.get("n_q_head"), name="n_q_head", where=where)
    if heads is None:
        return _known(row["model"], tp, where.split(": line")[0])
    hidden = _need(row, "n_embd", where)
    kv_heads = _need(row, "n_kv_head", where)
    return Layer(
        hidden=hidden, heads=heads, kv_heads=kv_heads, head_dim=hidden // heads, width=0, gated=True, tp=tp
    )


def _add_named(out: Table, row: Mapping[str, str], where: str, timed: Timed) -> None:
    try:
        layer = _known(row["model"], _need(row, "tp", where), where.split(": line")[0])
    except InvalidInput:
        out.skip(f"model '{row['model']}' has no plain attention")
        return
    if "layer" not in row:
        llmservingsim.add_attention(out, timed, layer, row, where)
        return
    tokens = _need(row, "tokens_or_sequences" if "tokens_or_sequences" in row else "tokens", where)
    out.add_layer(timed, layer, row["layer"], tokens, llmservingsim.MATRICES.get(row["layer"]))


@lru_cache(maxsize=64)
def _known(model: str, tp: int, file: str) -> Layer:
    return llmservingsim.layer_of(model_id(model, where=file), tp)
