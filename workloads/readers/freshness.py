"""When a file last changed, so that what was read from it is kept until then."""

from pathlib import Path


def changed_ns(path: Path) -> int:
    """Return the time of the last change of a file or of what lies beside it [ns].

    0 where it cannot be told, which its reader will say.
    """
    try:
        return max(path.stat().st_mtime_ns, path.parent.stat().st_mtime_ns)
    except (OSError, ValueError):
        return 0
