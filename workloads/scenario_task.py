"""The task of a scenario file: what counts as done, who checks it, and what a person would ask."""

from tonnage import units
from tonnage.errors import InvalidInput, UnknownName
from tonnage.files import positive
from workloads import scenario_values as read
from workloads import tasks
from workloads.scenario import Task

MOST_TRIES = 100
KEYS = tuple(Task.model_fields)


def task(value: object) -> Task:
    """Read [task].

    Raises
    ------
    InvalidInput, UnknownName
        If the benchmark or split is not known, if a retry or a person is asked
        for with nobody to tell that a try failed, or if the verifier is no
        better than chance.
    """
    given = read.table(value, KEYS, where="[task]")
    if "benchmark" not in given:
        raise InvalidInput(f"[task] has no benchmark; known are {', '.join(tasks.benchmarks())}")
    benchmark = read.text(given["benchmark"], where="task.benchmark")
    found = Task(
        benchmark=benchmark,
        split=_split(benchmark, given.get("split")),
        tries=read.whole(given.get("tries", 1), where="task.tries", at_least=1),
        verifier_usd=_usd(given.get("verifier_usd", 0.0), where="task.verifier_usd"),
        false_accept_frac=_chance(given.get("false_accept_frac", 1.0), where="task.false_accept_frac"),
        false_reject_frac=_chance(given.get("false_reject_frac", 0.0), where="task.false_reject_frac"),
        person_usd=_usd(given["person_usd"], where="task.person_usd") if "person_usd" in given else None,
        requests_per_task=positive(
            read.share(given.get("requests_per_task", 1.0), where="task.requests_per_task"),
            name="task.requests_per_task",
            unit="requests",
        ),
    )
    _check(found, has_verifier="false_accept_frac" in given)
    return found


def _split(benchmark: str, value: object) -> str:
    known = tasks.splits(benchmark)
    if value is None:
        if len(known) > 1:
            raise InvalidInput(f"task.split is missing: {benchmark} has {', '.join(known)}")
        return known[0]
    name = read.text(value, where="task.split")
    if name not in known:
        raise UnknownName(f"task.split of {benchmark}", name, known)
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


def _check(found: Task, *, has_verifier: bool) -> None:
    if found.tries > MOST_TRIES:
        raise InvalidInput(f"task.tries must be at most {MOST_TRIES}, not {found.tries}")
    if not has_verifier:
        for key, asked in (
            ("tries", found.tries > 1),
            ("person_usd", found.person_usd is not None),
            ("verifier_usd", found.verifier_usd > 0),
            ("false_reject_frac", found.false_reject_frac > 0),
        ):
            if asked:
                raise InvalidInput(
                    f"task.{key} is of use only if a check tells wrong results: "
                    "give task.false_accept_frac, the share of wrong results that it takes, e.g. 0.05"
                )
    elif found.false_accept_frac + found.false_reject_frac >= 1:
        raise InvalidInput(
            f"task: a verifier with false_accept_frac = {found.false_accept_frac:g} and false_reject_frac = "
            f"{found.false_reject_frac:g} is no better than chance; their sum must be below 1"
        )
