"""The task of a scenario file: what counts as done, who checks it, and what a person would ask."""

from collections.abc import Mapping
from pathlib import Path

from tonnage import units
from tonnage.errors import InvalidInput, UnknownName
from tonnage.files import positive
from workloads import tasks
from workloads.readers.evals import read_evals
from workloads.scenario_toml import values as read
from workloads.task import ChainStep, Task
from workloads.tasks import Success

MOST_TRIES = 100
KEYS = tuple("evals" if name == "rates" else name for name in Task.model_fields)
PRICES, CHANCES, TIMES = (
    ("verifier_usd", "person_usd"),
    ("false_accept_frac", "false_reject_frac", "reliable_min"),
    ("verifier_s", "deadline_s"),
)


def task(value: object, *, folder: Path, where: str = "task") -> Task:
    """Read [task], or the task of a class.

    Parameters
    ----------
    folder : Path
        Where the path of a file of results starts.
    where : str
        The table's name in messages.

    Raises
    ------
    InvalidInput, UnknownName
        If the benchmark or split is not known, if a retry or a person is asked
        for with nobody to tell that a try failed, or if the verifier is no
        better than chance.
    """
    given = read.table(value, KEYS, where=f"[{where}]")
    benchmark, split, rates = _tasks_like(given, folder, where)
    tries = read.whole(given.get("tries", 1), where=f"{where}.tries", at_least=1)
    found = Task(
        benchmark=benchmark,
        split=split,
        tries=tries,
        **{key: _usd(given[key], where=f"{where}.{key}") for key in PRICES if key in given},
        **{key: _chance(given[key], where=f"{where}.{key}") for key in CHANCES if key in given},
        **{key: _seconds(given[key], where=f"{where}.{key}") for key in TIMES if key in given},
        requests_per_task=positive(
            read.share(given.get("requests_per_task", 1.0), where=f"{where}.requests_per_task"),
            name=f"{where}.requests_per_task",
            unit="requests",
        ),
        max_steps=_steps(given.get("max_steps", 3), where=f"{where}.max_steps"),
        chains=_chains(given["chains"], tries, where=f"{where}.chains") if "chains" in given else None,
        rates=rates,
    )
    _check(found, where, has_verifier="false_accept_frac" in given)
    return found


def _tasks_like(
    given: Mapping[str, object], folder: Path, where: str
) -> tuple[str, str, tuple[Success, ...]]:
    """Return the benchmark and split that the tasks are like, and the user's own results."""
    if "evals" not in given:
        if "benchmark" not in given:
            raise InvalidInput(
                f"[{where}] has no benchmark; known are {', '.join(tasks.benchmarks())}. "
                'Results of your own may stand in its place: evals = "results.csv"'
            )
        benchmark = read.text(given["benchmark"], where=f"{where}.benchmark")
        return benchmark, _split(benchmark, given.get("split"), where), ()
    path = folder / read.text(given["evals"], where=f"{where}.evals")
    benchmark = read.text(given.get("benchmark", path.stem), where=f"{where}.benchmark")
    known = benchmark in tasks.benchmarks()
    split = _split(benchmark, given.get("split"), where) if known else str(given.get("split", ""))
    return benchmark, split, read_evals(path, benchmark=benchmark, split=split)


def _seconds(value: object, *, where: str) -> float:
    parsed = units.seconds(read.number(value, where=where), name=where)
    if where.endswith("deadline_s"):
        return positive(parsed, name=where, unit="seconds")
    if parsed < 0:
        raise InvalidInput(f"{where} must not be negative, not {parsed:g} s")
    return parsed


def _steps(value: object, *, where: str) -> int:
    parsed = read.whole(value, where=where, at_least=1)
    if parsed > 4:
        raise InvalidInput(f"{where} must be at most 4, not {parsed}")
    return parsed


def _chains(value: object, tries: int, *, where: str) -> tuple[tuple[ChainStep, ...], ...]:
    """Read lists of models, each `name` or `name*2` for two tries."""
    example = 'chains = [["small-model*2", "large-model"], ["large-model"]]'
    if not isinstance(value, list) or not value or not all(isinstance(one, list) and one for one in value):
        raise InvalidInput(f"{where} must be a list of lists of models, e.g. {example}")
    found = []
    for number, one in enumerate(value):
        steps = tuple(_step(text, tries, where=f"{where}[{number}]") for text in one)
        names = [step.model for step in steps]
        for name in names:
            if names.count(name) > 1:
                raise InvalidInput(
                    f"{where}[{number}] asks {name} twice; write {name}*{names.count(name)} for further tries"
                )
        if len(steps) > 4:
            raise InvalidInput(f"{where}[{number}] has {len(steps)} steps; 4 are the most")
        if steps in found:
            raise InvalidInput(f"{where}[{number}] is the same chain as one before it")
        found.append(steps)
    return tuple(found)


def _step(value: object, tries: int, *, where: str) -> ChainStep:
    text = read.text(value, where=where)
    name, star, count = text.partition("*")
    if not star:
        return ChainStep(model=name.strip(), tries=tries)
    made = read.whole(count.strip(), where=f"{where}: tries of {name.strip()}", at_least=1)
    if made > MOST_TRIES:
        raise InvalidInput(f"{where}: {name.strip()} may try at most {MOST_TRIES} times, not {made}")
    return ChainStep(model=name.strip(), tries=made)


def _split(benchmark: str, value: object, where: str) -> str:
    known = tasks.splits(benchmark)
    if value is None:
        if len(known) > 1:
            raise InvalidInput(f"{where}.split is missing: {benchmark} has {', '.join(known)}")
        return known[0]
    name = read.text(value, where=f"{where}.split")
    if name not in known:
        raise UnknownName(f"{where}.split of {benchmark}", name, known)
    return name


def _usd(value: object, *, where: str) -> float:
    parsed = units.parse(
        read.number(value, where=where), {"": 1.0, "usd": 1.0}, name=where, unit="USD", example="0.05"
    )
    if parsed < 0:
        raise InvalidInput(f"{where} must not be negative, not {parsed:g} USD")
    return parsed


def _chance(value: object, *, where: str) -> float:
    parsed = read.share(value, where=where)
    if not 0 <= parsed <= 1:
        raise InvalidInput(f"{where} must be between 0 and 1, not {parsed:g}")
    return parsed


def _check(found: Task, where: str, *, has_verifier: bool) -> None:
    if found.tries > MOST_TRIES:
        raise InvalidInput(f"{where}.tries must be at most {MOST_TRIES}, not {found.tries}")
    if not has_verifier:
        for key, asked in (
            ("tries", found.tries > 1),
            ("chains", any(len(one) > 1 or one[0].tries > 1 for one in found.chains or ())),
            ("person_usd", found.person_usd is not None),
            ("verifier_usd", found.verifier_usd > 0),
            ("false_reject_frac", found.false_reject_frac > 0),
        ):
            if asked:
                raise InvalidInput(
                    f"{where}.{key} is of use only if a check tells wrong results: "
                    f"give {where}.false_accept_frac, the share of wrong results that it takes, e.g. 0.05"
                )
    elif found.false_accept_frac + found.false_reject_frac >= 1:
        raise InvalidInput(
            f"{where}: a verifier with false_accept_frac = {found.false_accept_frac:g} and "
            f"false_reject_frac = {found.false_reject_frac:g} is no better than chance; their sum must be "
            "below 1"
        )
