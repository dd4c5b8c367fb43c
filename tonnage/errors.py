"""What can go wrong, as one tree.

    TonnageError                       exit
    +-- InvalidInput (ValueError)        2   a value the user gave cannot be used
    |   +-- FormatError                  2   a file is not what it should be
    +-- UnknownName (LookupError)        2   a name is in no catalog or registry
    +-- FileProblem (OSError)            2   a file cannot be read or written
    +-- ProbeUnavailable (RuntimeError)  2   a source of facts is not there
    +-- BackendUnavailable (RuntimeError) 2  no installed backend can run this
    +-- FitRejected (RuntimeError)       2   samples cannot support a law
    +-- OutsideRange (ValueError)        2   nothing is known about this region
    +-- Infeasible (RuntimeError)        3   no plan satisfies the scenario

Every message says what was asked, the offending value with its unit, and what
to do. The command line prints it as one line; anything outside this tree is a
bug and keeps its traceback.
"""

from collections.abc import Iterable

__all__ = [
    "BackendUnavailable",
    "FileProblem",
    "FitRejected",
    "FormatError",
    "Infeasible",
    "InvalidInput",
    "OutsideRange",
    "ProbeUnavailable",
    "TonnageError",
    "UnknownName",
]


LONGEST_MESSAGE = 1000
"""Characters of a message that are shown; names and paths that others chose may be far longer."""


class TonnageError(Exception):
    """Base of every expected error.

    Its text is one printable line: control characters that a hostile file or
    name carries into the message are shown escaped, never sent to a terminal,
    and the middle of what no screen holds is left out.
    """

    exit_code = 2

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) > LONGEST_MESSAGE:
            text = f"{text[: LONGEST_MESSAGE // 2]} ... {text[-LONGEST_MESSAGE // 4 :]}"
        return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


class InvalidInput(TonnageError, ValueError):
    """A value that the user gave cannot be used."""


class FormatError(InvalidInput):
    """A file is not in the format it should be in."""


class FileProblem(TonnageError, OSError):
    """A file cannot be read or written."""


class ProbeUnavailable(TonnageError, RuntimeError):
    """A source of facts about the host is not there."""


class BackendUnavailable(TonnageError, RuntimeError):
    """No installed backend can run what was asked."""


class FitRejected(TonnageError, RuntimeError):
    """The samples cannot support a law."""


class OutsideRange(TonnageError, ValueError):
    """Nothing is known about the region that was asked for."""


class Infeasible(TonnageError, RuntimeError):
    """No plan satisfies the scenario."""

    exit_code = 3


class UnknownName(TonnageError, LookupError):
    """A name is in no catalog or registry.

    Parameters
    ----------
    kind : str
        What the name should have been: "device", "model", "format" ...
    name : str
        The name that was asked for.
    known : iterable of str
        The names there are; the nearest are listed in the message.
    hint : str, optional
        Said where no name is near.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, hint: str = "") -> None:
        self.kind, self.name = kind, name
        self.near = near_names(name, known)
        more = f"near names: {', '.join(self.near)}" if self.near else hint
        asked = name if len(name) <= SHOWN_NAME else name[: SHOWN_NAME - 3] + "..."
        super().__init__(f"unknown {kind} '{asked}'" + (f"; {more}" if more else ""))


SHOWN_NAME = 80
"""Characters of a name that a message repeats."""


NEAR_NAMES = 4
"""Names that a message lists."""


def near_names(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return up to four names that hold `name` or look like it, whatever their case.

    Names that hold it come first, the shortest in front: who asks for "nvidia-h100" wants to see
    the H100s there are, however long their ids.
    """
    from difflib import get_close_matches  # loaded for a mistake only

    asked, spelled = name.lower(), {word.lower(): word for word in sorted(known)}
    holding = [word for word in spelled if len(asked) >= LEAST_PART and asked in word]
    alike = get_close_matches(asked, spelled, n=NEAR_NAMES, cutoff=0.5)
    ranked = dict.fromkeys((*sorted(holding, key=len), *alike))
    return tuple(spelled[word] for word in ranked)[:NEAR_NAMES]


LEAST_PART = 3
"""Letters that a part of a name needs to tell anything."""
