"""A host to read facts from: the live one, or a captured one below a folder.

Every read is bounded in size and time and answers None where there is nothing to
read: files vanish, are forbidden, are binary, or are links to nowhere. Below a
captured root, links are resolved as the host itself would have (an absolute target
starts at the root), so nothing outside of it is ever read.
"""

import errno
import os
import stat
from pathlib import Path

LINE_BYTES = 4096
"""Enough for a sysfs attribute, which holds at most a page."""
TABLE_BYTES = 4 * 2**20
"""Enough for /proc/cpuinfo of 2000 CPUs."""
MOST_ENTRIES = 8192
MOST_LINKS = 40
"""As many links as Linux follows in one path (path_resolution(7))."""
TOOL_S = 3.0


class Host:
    """Reads paths as the observed host names them: `/proc/cpuinfo`, `/sys/...`.

    Parameters
    ----------
    root : Path, optional
        Folder of a captured host; the live host by default.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.live = root is None
        self.root = os.path.realpath(root) if root is not None else "/"
        self._folders: dict[str, tuple[str, ...] | None] = {}

    def text(self, path: str, *, max_bytes: int = LINE_BYTES) -> str | None:
        """Return the text of a regular file, cut at `max_bytes`, or None."""
        data = self._bytes(path, max_bytes)
        return None if data is None else data.decode("utf-8", "replace").replace("\0", "\n").strip()

    def line(self, path: str) -> str | None:
        """Return the first line of a file, or None if it is empty or not there."""
        text = self.text(path)
        return text.splitlines()[0].strip() if text else None

    def number(self, path: str, *, base: int = 10) -> int | None:
        """Return the whole number that a file holds, or None; base 0 reads `0x10de` too."""
        return whole(self.line(path), base=base)

    def names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names in a folder; none if it is not there."""
        place = self._place(path)
        if place is None:
            return ()
        try:
            with os.scandir(place) as entries:
                found = [entry.name for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False)]
        except OSError:
            return ()
        return tuple(sorted(found, key=_natural))

    def exists(self, path: str) -> bool:
        """Tell whether something is there."""
        place = self._place(path)
        return place is not None and Path(place).exists()

    def link(self, path: str) -> str | None:
        """Return the last part of a link's target: a driver's name, a bus address."""
        folder, _, name = path.rstrip("/").rpartition("/")
        place = self._place(folder or "/")
        if place is None:
            return None
        try:
            return Path(place, name).readlink().name or None
        except OSError:
            return None

    def real(self, path: str) -> str | None:
        """Return the path without links, as the host itself names it; None if it leads nowhere."""
        if self.live:
            return os.path.realpath(path) if "\0" not in path else None
        place = self._walk((), path)
        return "/" + "/".join(place) if place is not None else None

    def may_open(self, path: str) -> bool | None:
        """Tell whether this user may open a device node; None for a captured host."""
        return os.access(path, os.R_OK | os.W_OK) if self.live else None

    def tool(self, *command: str) -> str | None:
        """Return what a tool prints, from `/tools/NAME` of a captured host; None if it fails or hangs."""
        if not self.live:
            return self.text(f"/tools/{command[0]}", max_bytes=TABLE_BYTES)
        import subprocess

        try:
            done = subprocess.run(
                command, capture_output=True, timeout=TOOL_S, check=True, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout[:TABLE_BYTES].decode("utf-8", "replace")

    def _bytes(self, path: str, max_bytes: int) -> bytes | None:
        place = self._place(path)
        if place is None:
            return None
        try:
            # A pipe or a terminal in a captured folder must not make the reader wait.
            handle = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
        except OSError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            return _read(handle, max_bytes)
        except OSError:
            return None
        finally:
            os.close(handle)

    def _place(self, path: str) -> str | None:
        """Return where a path of the host really is, or None if it leads nowhere."""
        if "\0" in path:
            return None
        return path if self.live else self._below_root(path)

    def _below_root(self, path: str) -> str | None:
        folder, _, name = path.rstrip("/").rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._walk((), folder)
        parent = self._folders[folder]
        place = self._walk(parent, name) if parent is not None else None
        return str(Path(self.root, *place)) if place is not None else None

    def _walk(self, start: tuple[str, ...], path: str) -> tuple[str, ...] | None:
        """Follow a path from a folder below the root as the host would; None if links go in circles."""
        pending = _steps(path)
        done = list(start)
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                del done[-1:]
                continue
            try:
                target = str(Path(self.root, *done, part).readlink())
            except OSError as problem:
                if problem.errno not in (errno.EINVAL, errno.ENOENT):
                    return None
                done.append(part)
                continue
            links += 1
            if links > MOST_LINKS:
                return None
            if target.startswith("/"):
                done.clear()
            pending += _steps(target)
        return tuple(done)


def _steps(path: str) -> list[str]:
    """Return the parts of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def whole(text: str | None, *, base: int = 10) -> int | None:
    """Return the whole number that a text is, or None; absurdly long ones are none."""
    if text is None or len(text) > 40:
        return None
    try:
        return int(text, base)
    except ValueError:
        return None


def _read(handle: int, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    left = max_bytes
    while left > 0 and (chunk := os.read(handle, min(left, 2**16))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _natural(name: str) -> tuple[str, int, str]:
    """Sort `node10` after `node9`."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    return stem, int(digits) if digits and len(digits) < 18 else -1, name
