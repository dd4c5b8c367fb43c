"""Whole models in llama.cpp: files of random weights in the user's cache, and the times of their steps."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hw_targets.probe import probe_machine
from profiler.clock import Stopwatch
from profiler.graph_nodes import clock_for, memory_gauge
from profiler.profile import Measurement, Pass
from profiler.resting import settle
from profiler.statistics import quantiles, verdict
from tonnage.errors import BackendUnavailable, UnknownName

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
FORMATS: Final = ("Q4_0", "Q4_K_M", "Q8_0", "F16")
"""The fastest first: it fills the caches that the others take over."""
CACHE_LIMIT_BYTES: Final = 8 * 2**30
"""The files of all models take 7 GB; the least recently used ones go when they take more."""
LONGEST_S, MOST_RUNS, FEWEST_RUNS = 1.0, 40, 3


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


def chosen(
    models: Iterable[str] | None, formats: Iterable[str] | None, *, quick: bool
) -> tuple[tuple[str, str], ...]:
    """Return the models and formats to run, the formats of one model together.

    Raises
    ------
    UnknownName
        Naming those that there are.
    """
    small = tuple(name for name in MODELS if name != "transformer-1b")
    names = tuple(models) if models is not None else small if quick else tuple(MODELS)
    kinds = tuple(formats) if formats is not None else ("Q4_K_M", "Q8_0") if quick else FORMATS
    for name in names:
        if name not in MODELS:
            raise UnknownName("model to verify", name, MODELS, hint=f"there are {', '.join(MODELS)}")
    for kind in kinds:
        if kind not in FORMATS:
            raise UnknownName("format to verify", kind, FORMATS, hint=f"there are {', '.join(FORMATS)}")
    return tuple((name, kind) for name in names for kind in FORMATS if kind in kinds)


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
        self.gauge = memory_gauge(probe_machine(), threads)
        self._states: dict[tuple[str, int, int], bytes] = {}

    def file(self, model: str, file_type: str) -> Path:
        """Return the file of a model, written if need be."""
        self._tell(f"writing {model} {file_type}")
        return model_file(model, file_type, threads=self.threads)

    def steps(self, files: Iterable[tuple[str, str]], *, quick: bool) -> Iterator[tuple[Path, Measurement]]:
        """Yield each file and a measurement of it, for all steps worth running."""
        for model, file_type in files:
            path = self.file(model, file_type)
            for found in self.measure(model, file_type, runs(model, quick=quick)):
                yield path, found

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
        self._states = {known: kept for known, kept in self._states.items() if known[0] == model}
        self._states[key] = state
        at_s, read_bytes_per_s = time.time(), self.gauge.read() if self.gauge is not None else None
        settle()
        samples_s = self._sample(session, run)
        why = verdict(samples_s)
        parameters = shape_of(model).parameters
        return Measurement(
            kernel=run.kernel, backend="llama.cpp", device="cpu", dtype=model, format=file_type,
            shape={"tokens": run.tokens, "depth": run.depth, "batch": run.batch},
            flop=2.0 * parameters * run.tokens * run.batch, bytes=float(parameters), samples_s=samples_s,
            time_s=quantiles(samples_s), stable=why is None, why_unstable=why,
            passes=(Pass(
                at_s=at_s, samples=len(samples_s), read_bytes_per_s=read_bytes_per_s, why_unsteady=why,
            ),),
        )  # fmt: skip

    def _sample(self, session: "Session", run: Run) -> tuple[float, ...]:
        step = session.prefill(run.tokens) if run.tokens > 1 else session.decode()
        first_s = self._once(step, session)
        # A step of seconds needs no warming up, and is not repeated often.
        samples_s = [first_s] if first_s > LONGEST_S else []
        fewest = 2 if first_s > LONGEST_S / 2 else FEWEST_RUNS
        start_s = time.monotonic()
        while len(samples_s) < fewest or (
            time.monotonic() - start_s < LONGEST_S and len(samples_s) < MOST_RUNS
        ):
            samples_s.append(self._once(step, session))
        return tuple(samples_s)

    def _once(self, step: Callable[[], object], session: "Session") -> float:
        taken_s = self.stopwatch.time_s(step, 1)
        session.rewind()
        return taken_s


def words(run: Run) -> str:
    """Say what a run does."""
    what = f"prefill of {run.tokens}" if run.tokens > 1 else f"decode of {run.batch}"
    return f"{what} at depth {run.depth}"


def runs(model: str, *, quick: bool) -> Sequence[Run]:
    """Return what is worth running of a model.

    A recurrent model costs the same at any depth: one depth is enough to show it. The deepest cache and the
    longest prompt are left to the smaller transformer, where they take a minute less to fill.
    """
    kind = MODELS[model]["kind"]
    found = [Run(tokens=512, depth=0), Run(tokens=128, depth=0), Run(tokens=1, depth=0)]
    batches = (8,) if quick else (2, 8, 32)
    found += [Run(tokens=1, depth=0, batch=batch) for batch in batches]
    found += [Run(tokens=1, depth=2048)] if kind == "llama" or not quick else []
    if quick or kind == "mamba":
        return found
    found += [Run(tokens=512, depth=2048), Run(tokens=1, depth=512), Run(tokens=1, depth=512, batch=8)]
    if model == "transformer-0.3b":
        found += [Run(tokens=2048, depth=0), Run(tokens=1, depth=8192)]
    return found
