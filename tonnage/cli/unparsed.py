"""Commands without a value to parse: they run without the parser, whose imports take longer than they do."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

JSON = "--json"


def command(words: Sequence[str]) -> Callable[[], None] | None:
    """Return what runs a bare `probe` or `doctor`, with `--json` at most; None for all other words."""
    if not words or words[0] not in _PLAIN or set(words[1:]) - {JSON}:
        return None
    return partial(_PLAIN[words[0]], as_json=JSON in words)


def probe(*, as_json: bool, root: Path | None = None, output: Path | None = None) -> None:
    """Show CPU, memory and every accelerator; see `tonnage probe --help`."""
    from tonnage import api

    machine = api.probe(root=root)
    if output is not None:
        from tonnage.files import write_record

        write_record(output, machine)
    if as_json:
        print(machine.to_json())
        return
    from reports.terminal import show_machine

    show_machine(machine)


def doctor(*, as_json: bool, root: Path | None = None, report: Path | None = None) -> None:
    """Read the conditions of the machine; see `tonnage doctor --help`."""
    from hw_targets.checks import check_up
    from hw_targets.host import Host
    from tonnage import api

    machine = api.probe(root=root)
    checkup = check_up(Host(root), machine)
    if report is not None:
        import sys

        from tonnage.files import write_record

        anonymous = machine.model_copy(update={"hostname": None})
        write_record(report, checkup.model_copy(update={"machine": anonymous}))
        print(f"wrote {report}", file=sys.stderr)
    if as_json:
        print(checkup.to_json())
        return
    from reports.terminal.checkup import show_checkup

    show_checkup(checkup)


_PLAIN: Mapping[str, Callable[..., None]] = {"probe": probe, "doctor": doctor}
