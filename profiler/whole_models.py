"""Whole models in llama.cpp: files of random weights in the user's cache, and the times of their steps."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from profiler.clock import Stopwatch
from profiler.graph_nodes import clock_for
from profiler.profile import Measurement
from profiler.statistics import quantiles, verdict
from tonnage.errors import BackendUnavailable

if TYPE_CHECKING:
    from profiler.backends.ggml.random_model import Shape
    from profiler.backends.ggml.whole_model import Session, WholeModel

MODELS: Final = MappingProxyType(
    {
        "transformer-0.3b": {
            "kind": "llama", "layers": 20, "hidden": 1024, "inner": 3072, "heads": 16, "kv_heads": 4,
        },
        "transformer-1b": {
            "kind": "llama", "layers": 16, "hidden": 2048, "inner": 8192, "heads": 32, "kv_heads": 8,
        },
        "mamba-0.2b": {"kind": "mamba", "layers": 24, "hidden": 1024, "inner": 2048},
    }
)  # fmt: skip
FORMATS: Final = ("F16", "Q8_0", "Q4_K_M", "Q4_0")
CACHE_LIMIT_BYTES: Final = 8 * 2**30
"""The files of all models take 7 GB; the least recently used ones go when they take more."""
LONGEST_S, MOST_RUNS, FEWEST_RUNS = 3.0, 40, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One step to time: prefill of `tokens` or, where that is 1, decode of `batch` sequences at `depth`."""

    tokens: int
    depth: int
    batch: int = 1

    @property
    def kernel(self) -> str:
        """Return the kernel's name in a measurement."""
        return "whole_model_prefill" if self.tokens > 1 else "whole_model_decode"


def cache_folder() -> Path:
    """Return where model files are kept: `tonnage/models` below XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tonnage" / "models"


def model_file(model: str, file_type: str, *, threads: int, folder: Path | None = None) -> Path:
    """Return the file of a model, written if it is not there.

    Parameters
    ----------
    model, file_type : str
        Of `MODELS` and `FORMATS`.
    """
    from profiler.backends.ggml import random_model

    folder = folder or cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{model}-{file_type}.gguf"
    if path.exists():
        os.utime(path)
        return path
    partial = path.with_suffix(".partial")
    if file_type == "F16":
        random_model.write_f16(partial, shape_of(model), name=model)
    else:
        source = model_file(model, "F16", threads=threads, folder=folder)
        random_model.quantize(source, partial, file_type, threads=threads)
    partial.replace(path)
    trim(folder, keep=path)
    return path


def shape_of(model: str) -> "Shape":
    """Return the shape of one of `MODELS`."""
    from profiler.backends.ggml.random_model import Shape

    return Shape(**MODELS[model])  # type: ignore[arg-type]


def trim(folder: Path, *, keep: Path, limit_bytes: int = CACHE_LIMIT_BYTES) -> None:
    """Delete the files that were not used for longest until the rest fits; `keep` stays."""
    files = sorted(folder.glob("*.gguf"), key=lambda file: file.stat().st_mtime)
    size = sum(file.stat().st_size for file in files)
    for file in files:
        if size <= limit_bytes:
            return
        if file != keep:
            size -= file.stat().st_size
            file.unlink()


class Runner:
    """Loads files and times their steps.

    Parameters
    ----------
    threads : int
    on_progress : callable, optional
        Told in words what runs next.
    """

    def __init__(self, *, threads: int, on_progress: Callable[[str], None] | None = None) -> None:
        from profiler.backends import BACKENDS

        why = BACKENDS.why_not("llama.cpp")
        if why is not None:
            raise BackendUnavailable(f"llama.cpp: {why}")
        self.threads, self._tell = threads, on_progress or (lambda words: None)
        self.stopwatch = Stopwatch.calibrated(clock_for(threads))
        self._states: dict[tuple[str, int, int], bytes] = {}

    def file(self, model: str, file_type: str) -> Path:
        """Return the file of a model, written if need be."""
        self._tell(f"writing {model} {file_type}")
        return model_file(model, file_type, threads=self.threads)

    def measure(self, model: str, file_type: str, runs: Iterable[Run]) -> Iterator[Measurement]:
        """Yield a measurement per run."""
        from profiler.backends.ggml.whole_model import WholeModel

        path = self.file(model, file_type)
        self._tell(f"loading {path.name}")
        whole = WholeModel(path, threads=self.threads)
        for run in runs:
            self._tell(f"{model} {file_type}: {words(run)}")
            yield self._measure(whole, model, file_type, run)

    def _measure(self, whole: "WholeModel", model: str, file_type: str, run: Run) -> Measurement:
        session = whole.session(depth=run.depth, new=run.tokens, batch=run.batch)
        key = (model, run.depth, run.batch)
        state = session.fill(self._states.get(key))
        self._states = {key: state}
        samples_s = self._sample(session, run)
        why = verdict(samples_s)
        parameters = shape_of(model).parameters
        return Measurement(
            kernel=run.kernel, backend="llama.cpp", device="cpu", dtype=model, format=file_type,
            shape={"tokens": run.tokens, "depth": run.depth, "batch": run.batch},
            flop=2.0 * parameters * run.tokens * run.batch, bytes=float(parameters), samples_s=samples_s,
            time_s=quantiles(samples_s), stable=why is None, why_unstable=why,
        )  # fmt: skip

    def _sample(self, session: "Session", run: Run) -> tuple[float, ...]:
        step = session.prefill(run.tokens) if run.tokens > 1 else session.decode()
        step()
        session.rewind()
        samples_s: list[float] = []
        start_s = time.monotonic()
        while len(samples_s) < FEWEST_RUNS or (
            time.monotonic() - start_s < LONGEST_S and len(samples_s) < MOST_RUNS
        ):
            samples_s.append(self.stopwatch.time_s(step, 1))
            session.rewind()
        return tuple(samples_s)


def words(run: Run) -> str:
    """Say what a run does."""
    what = f"prefill of {run.tokens}" if run.tokens > 1 else f"decode of {run.batch}"
    return f"{what} at depth {run.depth}"


def runs(kind: str, *, quick: bool) -> Sequence[Run]:
    """Return what is worth running for one kind of model.

    A recurrent model costs the same at any depth: one depth is enough to show it.
    """
    if kind == "mamba":
        found = [Run(tokens=512, depth=0), Run(tokens=128, depth=0), Run(tokens=1, depth=0)]
        found += [Run(tokens=1, depth=0, batch=batch) for batch in ((8,) if quick else (2, 8, 32))]
        return found if quick else [*found, Run(tokens=1, depth=2048)]
    found = [Run(tokens=512, depth=0), Run(tokens=128, depth=0), Run(tokens=1, depth=0)]
    found += [Run(tokens=1, depth=2048), Run(tokens=1, depth=0, batch=8)]
    if quick:
        return found
    return [
        *found, Run(tokens=2048, depth=0), Run(tokens=512, depth=2048), Run(tokens=1, depth=512),
        Run(tokens=1, depth=8192), Run(tokens=1, depth=0, batch=2), Run(tokens=1, depth=0, batch=32),
        Run(tokens=1, depth=512, batch=8),
    ]  # fmt: skip
