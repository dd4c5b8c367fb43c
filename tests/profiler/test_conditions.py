"""Conditions are read where they can be, and never stop a bench."""

import os
import subprocess
import sys
import time
import types

import psutil
import pytest

from profiler.conditions import ConditionsReader


def test_stamp_of_this_host_has_a_time_and_free_memory():
    stamp = ConditionsReader().stamp()
    assert stamp.taken_at.endswith("+00:00")
    assert 0 < stamp.memory_available_bytes <= psutil.virtual_memory().total


def test_a_host_that_tells_nothing_gives_unknowns(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise NotImplementedError

    monkeypatch.setattr(psutil, "cpu_freq", refuse)
    monkeypatch.delattr(psutil, "sensors_temperatures", raising=False)
    monkeypatch.delattr("os.getloadavg", raising=False)
    monkeypatch.setattr(psutil, "cpu_times", lambda: types_times(user=1.0, idle=1.0))
    stamp = ConditionsReader().stamp()
    assert stamp.cpu_frequency_hz is None
    assert stamp.temperature_c is None
    assert stamp.load_1min is None
    assert stamp.steal_frac is None


def types_times(**seconds):
    return _Times(seconds)


class _Times(tuple):
    """Named CPU times as psutil gives them on a host that has only these."""

    def __new__(cls, seconds):
        made = super().__new__(cls, seconds.values())
        made.__dict__.update(seconds)
        return made


@pytest.mark.parametrize(
    ("user", "steal", "own", "steal_frac", "others_frac"),
    [(10.0, 0.0, 10.0, 0.0, 0.0), (10.0, 5.0, 4.0, 0.25, 0.3), (0.0, 0.0, 0.0, 0.0, 0.0)],
)
def test_interference_splits_what_others_used(monkeypatch, user, steal, own, steal_frac, others_frac):
    clock = types.SimpleNamespace(user=100.0, steal=7.0, own=50.0, idle=1000.0)
    monkeypatch.setattr(
        psutil, "cpu_times", lambda: types_times(user=clock.user, idle=clock.idle, steal=clock.steal)
    )
    monkeypatch.setattr("profiler.conditions.time.process_time", lambda: clock.own)
    reader = ConditionsReader()
    clock.user += user
    clock.steal += steal
    clock.own += own
    clock.idle += 20.0 - user - steal
    seen = reader.interference()
    assert seen.steal_frac == pytest.approx(steal_frac)
    assert seen.others_frac == pytest.approx(others_frac)


def test_no_time_between_two_readings_tells_nothing(monkeypatch):
    monkeypatch.setattr(psutil, "cpu_times", lambda: types_times(user=1.0, idle=1.0, steal=0.0))
    reader = ConditionsReader()
    assert reader.interference().steal_frac is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="run queues are told by Linux only")
def test_threads_that_share_one_cpu_are_seen_waiting():
    cpus = os.sched_getaffinity(0)

    def spin():
        deadline = time.perf_counter() + 0.25
        while time.perf_counter() < deadline:
            pass

    # A second process on the same CPU, so that one of the two always waits.
    os.sched_setaffinity(0, {min(cpus)})
    try:
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as rival:
            time.sleep(0.1)
            reader = ConditionsReader()
            spin()
            seen = reader.interference()
            rival.kill()
    finally:
        os.sched_setaffinity(0, cpus)
    assert seen.waited_frac > 0.1
