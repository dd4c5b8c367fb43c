"""All probes run on one host, and what they saw becomes a machine: the only door to the probes."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hw_targets import assemble
from hw_targets.facts import Facts
from hw_targets.host import Host
from hw_targets.machine import Machine
from hw_targets.probes import PROBES, Probe
from tonnage.errors import FileProblem, ProbeUnavailable

CAPTURED = ("proc", "sys", "dev", "tools")
"""Folders of a captured host, one of which at least must be there."""
PROBE_S = 5.0
"""A probe that has not answered by then is left behind: a driver may hang in a read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one probe said, and how long it took."""

    name: str
    facts: Facts
    time_s: float


def probe_machine(root: Path | None = None) -> Machine:
    """Observe the live host, or a captured one below `root`.

    Parameters
    ----------
    root : Path, optional
        Folder that holds `proc`, `sys`, `dev`, `etc` of the captured host. No
        vendor's library is called then.

    Returns
    -------
    Machine
        Always, whatever single probes do: one that fails leaves a note.

    Raises
    ------
    FileProblem
        If `root` is no folder.
    """
    if root is not None and not _is_folder(root):
        raise FileProblem(
            f"{root}: no such folder; --root names a folder with proc, sys, dev and etc of a host"
        )
    told = [*answers(Host(root))]
    if root is not None and not any(_is_folder(root / name) for name in CAPTURED):
        empty = f"{root} holds none of {', '.join(CAPTURED)}: there is no captured host in it"
        told.append(Answer(name="root", facts=Facts(notes=(empty,)), time_s=0.0))
    return assemble.machine(told, live=root is None, environment=os.environ)


def _is_folder(path: Path) -> bool:
    """Tell whether a folder is there that this user may see."""
    try:
        return path.is_dir()
    except OSError:
        return False


def answers(host: Host) -> Iterator[Answer]:
    """Run every probe, one after the other."""
    for name, probe in PROBES.items():
        started = time.perf_counter()
        facts = _bounded(name, probe, host)
        yield Answer(name=name, facts=facts, time_s=time.perf_counter() - started)


def _bounded(name: str, probe: Probe, host: Host) -> Facts:
    """Run one probe for at most `PROBE_S`; a failure becomes a note."""
    result = [Facts(notes=(f"probe {name}: no answer within {PROBE_S:g} s",))]

    def run() -> None:
        try:
            result[0] = probe(host)
        except ProbeUnavailable as problem:
            result[0] = Facts(notes=(f"probe {name}: {problem}",))
        except Exception as problem:  # noqa: BLE001 - one broken source must not hide the others
            result[0] = Facts(notes=(f"probe {name} failed: {type(problem).__name__}: {problem}",))

    worker = threading.Thread(target=run, name=f"probe {name}", daemon=True)
    worker.start()
    worker.join(PROBE_S)
    return result[0]
