"""Measurements on disk while the bench runs: a line each, so that a kill loses only the one in flight."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, ClassVar

from pydantic import ValidationError

from hw_targets.machine import Machine
from profiler.profile import BenchConditions, Measurement, Profile
from profiler.sweep import trial_key
from tonnage.errors import FileProblem, FormatError, InvalidInput
from tonnage.files import FileRecord, Record, read_record, read_text, upgraded, write_text


class PartHeader(FileRecord):
    """First line of a part file: what must be the same when the bench goes on."""

    FORMAT: ClassVar[str] = "tonnage.profile.part"
    VERSION: ClassVar[int] = 1

    machine: Machine
    conditions: BenchConditions


class PartLine(Record):
    """Any other line: one finished measurement."""

    measurement: Measurement


class Store:
    """Finished measurements by trial key, in memory and in `<output>.part.jsonl`.

    Parameters
    ----------
    output : Path or None
        Where the profile will be written; None keeps everything in memory.
    """

    def __init__(self, output: Path | None) -> None:
        self.output = output
        self.part = output.with_name(output.name + ".part.jsonl") if output is not None else None
        self.measured: dict[str, Measurement] = {}
        self._file: IO[str] | None = None

    def resume(self) -> PartHeader | None:
        """Load what an earlier run left: its part file, else its profile; None if there is neither.

        Raises
        ------
        FormatError
            If the file there is something else.
        """
        if self.part is not None and self.part.exists():
            return self._load_part(self.part)
        if self.output is not None and self.output.exists():
            profile = read_record(self.output, Profile)
            self.measured = {trial_key(one): one for one in profile.measurements}
            return PartHeader(machine=profile.machine, conditions=profile.conditions)
        return None

    def _load_part(self, path: Path) -> PartHeader | None:
        lines = read_text(path).split("\n")
        if len(lines) < 2:
            return None  # killed before the first line was whole: nothing was measured
        try:
            header = PartHeader.parse(
                upgraded(json.loads(lines[0]), PartHeader, where=str(path)), where=str(path)
            )
            # The last piece has no newline after it: empty, or the line that a kill cut off.
            for line in lines[1:-1]:
                one = PartLine.model_validate_json(line).measurement
                self.measured[trial_key(one)] = one
        except (json.JSONDecodeError, ValidationError) as problem:
            raise FormatError(f"{path}: not a part of a profile; delete it to start over") from problem
        return header

    def start(self, header: PartHeader) -> None:
        """Begin the part file anew with everything measured so far."""
        if self.part is None:
            return
        lines = [header, *(PartLine(measurement=one) for one in self.measured.values())]
        # Replaced in one step: a kill at this moment leaves the old part or the new one.
        write_text(self.part, "".join(line.to_json(indent=None) + "\n" for line in lines))
        try:
            self._file = self.part.open("a", encoding="utf-8", newline="\n")
        except OSError as problem:
            raise FileProblem(f"{self.part}: cannot write ({problem.strerror or problem})") from None

    def add(self, measurement: Measurement) -> None:
        """Keep one finished measurement; a later one of the same trial replaces it."""
        self.measured[trial_key(measurement)] = measurement
        self._write(PartLine(measurement=measurement))

    def _write(self, record: Record) -> None:
        if self._file is None:
            return
        try:
            self._file.write(record.to_json(indent=None) + "\n")
            self._file.flush()
        except OSError as problem:
            raise FileProblem(f"{self.part}: cannot write ({problem.strerror or problem})") from None

    def finish(self) -> None:
        """Remove the part file: the profile holds it all now."""
        if self._file is not None and self.part is not None:
            self._file.close()
            with suppress(OSError):
                self.part.unlink()


def check_same(header: PartHeader, *, machine: Machine, threads: int, libraries: Mapping[str, str]) -> None:
    """Refuse to go on under other conditions than the bench began with.

    Raises
    ------
    InvalidInput
        Naming the first condition that differs, with both values.
    """
    then, conditions = header.machine, header.conditions
    pairs = [
        ("CPU", then.cpu.model, machine.cpu.model),
        ("threads", conditions.threads, threads),
        *((name, conditions.libraries[name], libraries.get(name)) for name in conditions.libraries),
    ]
    for what, before, now in pairs:
        if before != now:
            raise InvalidInput(
                f"cannot resume: {what} was {before} and is {now} now; start over without --resume"
            )
