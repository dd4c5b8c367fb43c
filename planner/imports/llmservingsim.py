"""LLMServingSim's profiles: `dense.csv`, `per_sequence.csv`, `attention.csv` below `profiler/perf`.

Format: casys-kaist/LLMServingSim, its profile reference: `layer,tokens,time_us`,
`layer,sequences,time_us` and `prefill_chunk,kv_prefill,n_decode,kv_decode,time_us`, microseconds of one
layer on one GPU of `tpN` (vLLM, 16 bit). Dimensions are the model's, whose name stands in the path
`HARDWARE/MAKER/MODEL/VARIANT/tpN`; 0 tokens mean none of that kind; rows of both kinds are mixed
batches, which no single law times.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from planner.imports import kernels
from planner.imports.kernels import Timed
from planner.imports.operator_table import Layer, Table
from planner.imports.untrusted import number, whole
from tonnage.errors import FormatError, InvalidInput
from workloads import models
from workloads.feed_forward import Dense
from workloads.mixers import Attention

MATRICES = {
    "qkv_proj": "qkv",
    "o_proj": "out",
    "gate_up_proj": "up",
    "up_proj": "up",
    "down_proj": "down",
    "lm_head": "head",
}
_ATTENTION = ("prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us")


def is_layers(header: Iterable[str]) -> bool:
    """Say if a header is that of `dense.csv` or `per_sequence.csv`."""
    return tuple(header) in (("layer", "tokens", "time_us"), ("layer", "sequences", "time_us"))


def is_attention(header: Iterable[str]) -> bool:
    """Say if a header is that of `attention.csv`."""
    return tuple(header) == _ATTENTION


def in_path(path: Path) -> dict[str, str]:
    """Return what the path says: device, model and tp, as far as it has that shape."""
    parts = path.parts
    cut = re.fullmatch(r"tp(\d{1,4})", parts[-2]) if len(parts) >= 2 else None
    if cut is None:
        return {}
    found = {"tp": cut[1]}
    if len(parts) >= 6:
        found |= {"device": parts[-6], "model": parts[-4]}
    return found


def layer_of(model: str, tp: int) -> Layer:
    """Return the layer of a catalog model: its first plain attention and dense feed-forward.

    Raises
    ------
    InvalidInput
        If it has no softmax attention to speak of.
    """
    architecture = models.get(model)
    mixers = [m for b in architecture.blocks for m in b.mixers if isinstance(m, Attention)]
    widths = [f for b in architecture.blocks for f in b.feed_forwards if isinstance(f, Dense)]
    if not mixers:
        raise InvalidInput(f"model '{model}' has no plain attention, so these tables cannot be read for it")
    return Layer(
        hidden=architecture.hidden,
        heads=mixers[0].heads,
        kv_heads=mixers[0].kv_heads,
        head_dim=mixers[0].head_dim,
        width=widths[0].width if widths else 0,
        gated=widths[0].gated if widths else True,
        tp=tp,
        vocab=architecture.vocab,
    )


def read(rows: Iterable[Mapping[str, str]], *, file: str, device: str, layer: Layer) -> Table:
    """Read any of the three tables."""
    out = Table()
    for count, row in enumerate(rows, start=2):
        where = f"{file}: line {count}"
        found = number(row["time_us"], name="time_us", where=where)
        if found is None:
            out.skip("no time")
            continue
        timed = Timed(backend="vllm", device=device, dtype="bf16", time_s=found / 1e6)
        if "layer" in row:
            name = row["layer"]
            tokens = whole(row.get("tokens", row.get("sequences")), name="tokens", where=where)
            if tokens is None:
                raise FormatError(f"{where}: tokens are missing")
            out.add_layer(timed, layer, name, tokens, MATRICES.get(name))
        else:
            add_attention(out, timed, layer, row, where)
    return out


def add_attention(out: Table, timed: Timed, layer: Layer, row: Mapping[str, str], where: str) -> None:
    """Add a row of pure prefill or pure decode."""
    chunk, before, decoding, cached = (
        whole(row[name], name=name, where=where) or 0 for name in _ATTENTION[:4]
    )
    if chunk and not decoding:
        out.found.append(kernels.prefill(timed, layer.local, batch=1, tokens=chunk, cached=before))
    elif decoding and cached and not chunk:
        out.found.append(kernels.decode(timed, layer.local, batch=decoding, cached=cached))
    else:
        out.skip("prefill and decode mixed in one call")
