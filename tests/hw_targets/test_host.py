"""Reading a host: bounded, tolerant, and never out of a captured root."""

import os
import sys
import time
from pathlib import Path

import pytest

from hw_targets.host import LINE_BYTES, Host, whole

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links and pipes of POSIX")


def test_reads_text_lines_and_numbers(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("  12 \nrest\n")
    (tmp_path / "h").write_text("0x10de\n")
    host = Host(tmp_path)
    assert host.line("/a") == "12"
    assert host.number("/a") == 12
    assert host.number("/h", base=0) == 0x10DE
    assert host.text("/none") is None and host.line("/none") is None and host.number("/none") is None


def test_what_is_no_text_is_still_an_answer(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "empty").write_text("")
    (tmp_path / "folder").mkdir()
    host = Host(tmp_path)
    assert host.number("/binary") is None
    assert host.line("/empty") is None
    assert host.text("/folder") is None
    assert host.names("/binary") == ()


def test_reading_stops_at_its_limit(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("x" * 10**6)
    assert len(Host(tmp_path).text("/long") or "") == LINE_BYTES


def test_names_sort_by_number(tmp_path: Path) -> None:
    for name in ("node10", "node9", "node1"):
        (tmp_path / name).mkdir()
    assert Host(tmp_path).names("/") == ("node1", "node9", "node10")


@posix_only
def test_links_are_followed_inside_and_never_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "real" / "file").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    (root / "relative").symlink_to("real")
    (root / "absolute").symlink_to("/real/file")
    (root / "up").symlink_to("../secret")
    (root / "far").symlink_to(str(tmp_path / "secret"))
    (root / "loop").symlink_to("loop")
    (root / "ping").symlink_to("pong")
    (root / "pong").symlink_to("ping")
    host = Host(root)
    assert host.text("/relative/file") == "inside"
    assert host.text("/absolute") == "inside"
    for leaving in ("/up", "/far", "/loop", "/ping/x", "/../secret", "/real/../../secret"):
        assert host.text(leaving) is None
        assert host.names(leaving) == ()
    assert host.link("/relative") == "real"


@posix_only
def test_a_pipe_does_not_make_the_reader_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    started = time.monotonic()
    assert Host(tmp_path).text("/pipe") is None
    assert time.monotonic() - started < 5


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0)
    assert Host(tmp_path).text("/secret") is None


def test_captured_hosts_run_no_tools(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "sysctl").write_text("hw.memsize: 1")
    host = Host(tmp_path)
    assert host.tool("sysctl", "hw") == "hw.memsize: 1"
    assert host.tool("uname") is None
    assert host.may_open("/dev/null") is None


@posix_only
def test_a_tool_that_fails_is_no_error() -> None:
    assert Host().tool("a-tool-that-is-not-there") is None
    assert Host().tool("false") is None
    assert Host().tool("echo", "yes") == "yes\n"


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("-1", -1), ("max", None), ("9" * 50, None), (None, None)]
)
def test_whole_numbers(text: str | None, number: int | None) -> None:
    assert whole(text) == number
