"""What happens between the check of a kernel and its timing."""

import threading
import time

from profiler.measure import settle


def test_settle_returns_at_once_when_nothing_runs():
    start = time.monotonic()
    settle(longest_s=5.0)
    assert time.monotonic() - start < 2.0


def test_settle_waits_for_a_thread_that_still_runs_but_not_forever():
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
