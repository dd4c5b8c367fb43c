"""A bundle as a folder: all of its files, or none."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from planner.deploy.bundle import Bundle
from tonnage.errors import FileProblem


def write(found: Bundle, folder: Path | str, *, force: bool = False) -> Path:
    """Write a bundle into a new folder, or in place of one that a bundle made.

    The files are written next to the folder and moved into place as a whole.

    Parameters
    ----------
    force : bool
        Replace a folder that is there already.

    Raises
    ------
    FileProblem
        If the folder is there and `force` is not set, or it cannot be written.
    """
    folder = Path(folder)
    check(folder, force=force)
    parent = folder.absolute().parent
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=parent))
    try:
        for path, text in found.files.items():
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            target.chmod(0o755 if path in found.programs else 0o644)
        new.chmod(0o755)
        _put(new, folder.absolute())
    except OSError as problem:
        raise FileProblem(f"{folder}: cannot write ({problem.strerror or problem})") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder


def check(folder: Path, *, force: bool) -> None:
    """Fail early if `write` would fail.

    Raises
    ------
    FileProblem
        Saying what stands in the way.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FileProblem(f"{folder}: is not a folder; name a new one")
    if not folder.absolute().parent.is_dir():
        raise FileProblem(f"{folder}: the folder {folder.absolute().parent} does not exist; make it first")
    if folder.exists() and any(folder.iterdir()):
        if not force:
            raise FileProblem(f"{folder}: is there already; name another folder, or replace it with --force")
        if not (folder / "load_test" / "traffic.json").is_file():
            raise FileProblem(f"{folder}: was not written by this command, so --force does not replace it")


def _put(new: Path, folder: Path) -> None:
    """Move the new folder into place; an older one stands aside until that has worked."""
    if not folder.exists():
        new.rename(folder)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".old", dir=folder.parent)) / folder.name
    folder.rename(aside)
    try:
        new.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    finally:
        with suppress(OSError):
            shutil.rmtree(aside.parent)
