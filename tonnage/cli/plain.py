"""Signs that a terminal without Unicode lacks, in its own letters: 2 x 80 GB, -5 %, 157 us."""

import codecs

HANDLER = "tonnage-plain"
"""Name of the error handler of output streams."""
SIGNS = str.maketrans(
    {"×": "x", "−": "-", "–": "-", "±": "+-", "µ": "u", "≥": ">=", "≤": "<=", "“": '"', "”": '"', "→": "->"}
)


def spelled(problem: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for characters that cannot be encoded; a question mark where nothing does."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    text = problem.object[problem.start : problem.end].translate(SIGNS)
    return text.encode("ascii", "replace").decode("ascii"), problem.end


codecs.register_error(HANDLER, spelled)
