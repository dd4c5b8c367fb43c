"""Many simulations: on local processes by default, on a Ray cluster with the same function.

One line in, one line out. A journal keeps finished lines on disk, so that a
sweep that was interrupted goes on where it stopped; every line is keyed by its
place and content, so nothing is lost when a worker dies and nothing counts twice.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from planner.prediction import Refusal
from planner.simulate.cases import Effort, case_of, experiment_of
from planner.simulate.replicate import simulate
from tonnage.errors import BackendUnavailable, FileProblem, FormatError, TonnageError
from tonnage.files import has_half_a_character

Answer = Callable[[str, Effort], str]
Items = Iterator[tuple[int, str]]
_SHOWN = 60
"""Characters of a line that are repeated where it cannot be read."""
RETRIES = 8
"""A line is tried again so often when the worker that has it dies."""


def answer_line(line: str, effort: Effort) -> str:
    """Simulate one case given as JSON; what has no answer gets its reason."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):  # also a number with thousands of digits
        data = None
    if not isinstance(data, dict):
        shown = line if len(line) <= _SHOWN else line[:_SHOWN] + "..."
        return Refusal(id="", error=f"not a JSON object: {shown}").to_json(indent=None)
    name = str(data.get("id", ""))
    if has_half_a_character(line, data):
        return Refusal(id="", error="holds half of a surrogate pair").to_json(indent=None)
    try:
        return simulate(experiment_of(case_of(data), effort)).to_json(indent=None)
    except TonnageError as problem:
        return Refusal(id=name, error=str(problem)).to_json(indent=None)


def is_answer(line: str) -> bool:
    """Say if a line is an answer, and not the reason why there is none."""
    return "error" not in json.loads(line)


def answer_lines(
    lines: Sequence[str],
    effort: Effort,
    *,
    processes: int | None = None,
    ray: str | None = None,
    journal: Path | None = None,
    answer: Answer = answer_line,
) -> Iterator[str]:
    """Answer every line that is not blank, in their order.

    Parameters
    ----------
    processes : int, optional
        Local processes; the usable CPUs by default. 1 stays in this one.
    ray : str, optional
        Address of a Ray cluster; "auto" is the one of this host.
    journal : Path, optional
        File of finished lines; those in it are not simulated again.
    """
    lines = [line for line in lines if line.strip()]
    keys = [_key(number, line, effort) for number, line in enumerate(lines)]
    done = _journal(journal)
    todo = [number for number, key in enumerate(keys) if key not in done]
    finished: dict[int, str] = {n: done[key] for n, key in enumerate(keys) if key in done}
    following = 0
    work = [lines[number] for number in todo]
    for place, text in _run(answer, work, effort, processes=processes, ray=ray):
        number = todo[place]
        if journal is not None:
            _note(journal, keys[number], text)
        finished[number] = text
        while following in finished:
            yield finished.pop(following)
            following += 1
    while following in finished:
        yield finished.pop(following)
        following += 1


def _run(
    answer: Answer, lines: list[str], effort: Effort, *, processes: int | None, ray: str | None
) -> Iterator[tuple[int, str]]:
    if ray is not None:
        return _on_ray(answer, lines, effort, address=ray)
    workers = min(processes or _usable_cpus(), len(lines))
    if workers <= 1:
        return ((place, answer(line, effort)) for place, line in enumerate(lines))
    return _on_processes(answer, lines, effort, workers=workers)


def _usable_cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _on_processes(answer: Answer, lines: list[str], effort: Effort, *, workers: int) -> Items:
    """Run on this host; when a worker dies, what has no answer is run again by new ones."""
    todo = dict(enumerate(lines))
    for _ in range(RETRIES):
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                place_of = {pool.submit(answer, line, effort): place for place, line in todo.items()}
                for finished in as_completed(place_of):
                    text = finished.result()
                    del todo[place_of[finished]]
                    yield place_of[finished], text
            except BrokenProcessPool:
                continue
        return
    raise FileProblem(
        f"worker processes died {RETRIES} times, perhaps for lack of memory; use fewer --processes"
    )


def _on_ray(answer: Answer, lines: list[str], effort: Effort, *, address: str) -> Items:
    """Run on a cluster; a line whose worker or node dies is run again elsewhere."""
    try:
        import ray  # type: ignore[import-not-found]
    except ImportError:
        raise BackendUnavailable(
            "--ray needs the package ray; install Tonnage with its extra 'cluster', or leave --ray out"
        ) from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as problem:
            raise BackendUnavailable(f"no Ray cluster at '{address}': {problem}") from None
    task = ray.remote(max_retries=RETRIES)(answer)
    place_of = {task.remote(line, effort): place for place, line in enumerate(lines)}
    waiting = list(place_of)
    while waiting:
        ready, waiting = ray.wait(waiting, num_returns=1)
        for reference in ready:
            yield place_of[reference], ray.get(reference)


def _key(number: int, line: str, effort: Effort) -> str:
    digest = hashlib.sha256(f"{line} {effort}".encode()).hexdigest()
    return f"{number}-{digest[:24]}"


def _journal(path: Path | None) -> dict[str, str]:
    """Read finished lines; those that an interruption cut off are left out."""
    if path is None or not path.exists():
        return {}
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, UnicodeDecodeError) as problem:
        raise FileProblem(f"{path}: {problem}") from None
    done: dict[str, str] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            done[entry["key"]] = entry["answer"]
        except (json.JSONDecodeError, KeyError, TypeError):
            continue
    if lines and not done:
        raise FormatError(f"{path}: is no journal of simulations; name another file")
    return done


def _note(path: Path, key: str, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as out:
            # Begins a line of its own, whatever an interruption left at the end.
            out.write("\n" + json.dumps({"key": key, "answer": text}) + "\n")
    except OSError as problem:
        raise FileProblem(f"{path}: cannot write ({problem.strerror or problem})") from None
