"""A model of given tensors in a temporary file, and one step of it."""

import tempfile
from pathlib import Path

from profiler.backends.backend import Prepared
from profiler.backends.ggml.random_model import Shape, write_tensors
from profiler.backends.ggml.whole_model import WholeModel
from profiler.kernels import ggml_step
from profiler.kernels.kernel import Arrays, Point


def prepare(point: Point, inputs: Arrays, copies: int, threads: int) -> Prepared:
    """Bind one decode step; the check runs the prompt instead."""
    shape = Shape(
        kind="llama", layers=point.shape["layers"], hidden=ggml_step.HIDDEN, inner=ggml_step.FFN,
        heads=ggml_step.HEADS, kv_heads=ggml_step.KV_HEADS, head_dim=ggml_step.HEAD_DIM,
        vocab=ggml_step.VOCAB,
    )  # fmt: skip
    tensors = {name: array for name, array in inputs.items() if name != "tokens"}
    with tempfile.TemporaryDirectory(prefix="tonnage-") as folder:
        path = Path(folder) / "tiny.gguf"
        write_tensors(path, shape, tensors, name="tiny")
        whole = WholeModel(path, threads=threads, mapped=False)
    session = whole.session(depth=0, new=ggml_step.PROMPT, batch=1)
    step = session.decode()
    tokens = inputs["tokens"].tolist()

    def run() -> None:
        step()
        session.rewind()

    def output() -> Arrays:
        last = len(tokens) - 1
        session.run(tokens, [(0, i, i == last) for i in range(len(tokens))])
        logits = session.logits(-1)
        session.rewind()
        return {"logits": logits}

    return Prepared(run=run, output=output)
