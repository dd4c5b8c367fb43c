"""Waiting for workers: not longer than they run, and not forever."""

import hashlib
import threading
import time

import pytest

from profiler import resting
from profiler.resting import settle


@pytest.fixture(params=["states", "time"])
def told(request, monkeypatch, tmp_path):
    """What tells that threads run: their states, or processor time where there are none."""
    if request.param == "time":
        monkeypatch.setattr(resting, "_TASKS", tmp_path / "none")


def test_settle_returns_at_once_when_nothing_runs(told):
    start = time.monotonic()
    settle(longest_s=5.0)
    assert time.monotonic() - start < 2.0


def test_settle_waits_for_a_thread_that_still_runs_but_not_forever(told):
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            pass

    spinner = threading.Thread(target=spin)
    spinner.start()
    try:
        start = time.monotonic()
        settle(longest_s=0.2)
        waited_s = time.monotonic() - start
    finally:
        stop.set()
        spinner.join()
    assert waited_s >= 0.2


def test_settle_outlasts_the_workers_of_a_library():
    end = time.monotonic() + 0.15

    def finish():
        while time.monotonic() < end:
            pass

    worker = threading.Thread(target=finish)
    worker.start()
    settle(longest_s=5.0)
    assert time.monotonic() >= end - 0.05
    worker.join()


def test_settle_outlasts_workers_that_do_not_hold_the_interpreter():
    turns = 100_000
    began = time.monotonic()
    hashlib.pbkdf2_hmac("sha256", b"some", b"salt", turns)
    alone_s = time.monotonic() - began
    worker = threading.Thread(target=hashlib.pbkdf2_hmac, args=("sha256", b"some", b"salt", 20 * turns))
    worker.start()
    settle(longest_s=600.0)
    # It needs the interpreter once more to end, but no time; twenty times as long if it had just begun.
    worker.join(5 * alone_s)
    assert not worker.is_alive()
