"""The command `tonnage`: one file per verb, errors as one line, data on stdout and talk on stderr.

Exit codes: 0 done, 1 a bug, 2 bad input, 3 infeasible, 130 interrupted.
"""

import errno
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # a search through all installed packages

from tonnage.cli import plain, unparsed
from tonnage.errors import TonnageError

VERBS = (
    "probe",
    "doctor",
    "bench",
    "fit",
    "import",
    "predict",
    "compare",
    "plan",
    "cascade",
    "simulate",
    "traffic",
    "deploy",
    "report",
    "catalog",
    "calibrate",
    "verify",
    "quickstart",
)
"""Modules of this folder, in the order of the help; each has `register(app)`."""
GARBAGE_EVERY = 50_000
"""Objects between two searches for garbage: imports make a hundred thousand objects and no garbage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after `tonnage`; those of the process by default.

    Returns
    -------
    int
        The exit code; see the module's first words.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = _answer(words)
        sys.stdout.flush()
    except TonnageError as problem:
        return _refuse(str(problem), problem.exit_code)
    except KeyboardInterrupt as stop:
        return _refuse(str(stop) or "interrupted", 130)
    except (BrokenPipeError, SystemExit):  # the reader has seen enough; the latter is how typer says so
        _drop_output()
        return 0
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EIO):
            raise
        _drop_output()
        return _refuse(f"cannot write the output: {problem.strerror}", 2)
    return result if isinstance(result, int) else 0


def _answer(words: Sequence[str]) -> object:
    """Run a command with the parser of its words, if there is anything to parse."""
    plain = unparsed.command(words)
    if plain is not None:
        return plain()
    from tonnage.cli.parser import parse_and_run

    verbs = (words[0],) if words and words[0] in VERBS else VERBS  # one verb starts faster than all
    return parse_and_run(words, verbs)


def _refuse(message: str, code: int) -> int:
    print(f"tonnage: {' '.join(message.split())}", file=sys.stderr)
    return code


def _drop_output() -> None:
    """Let nothing more be written where nobody reads, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_output() -> None:
    """Make sure that output can be written, whatever the caller and its locale give."""
    if sys.stdout is None:  # closed by the caller, as `>&-` does
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the exit
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=plain.HANDLER)  # a name in a script that the terminal lacks is no crash


def run() -> None:
    """Entry point of the console script."""
    _open_output()
    gc.set_threshold(GARBAGE_EVERY)
    code = main()
    gc.freeze()  # nothing is left to free but the process itself
    sys.exit(code)
