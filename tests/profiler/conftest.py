"""Fixtures of the profiler's tests."""

import pytest

from hw_targets.machine import Cpu, Machine, Memory
from profiler.backends import BACKENDS


@pytest.fixture
def machine() -> Machine:
    """A small machine on which one thread runs."""
    return Machine(
        hostname="host",
        cpu=Cpu(model="Test CPU", usable_cpus=1.0, l3_bytes=2**20),
        memory=Memory(total_bytes=8 * 2**30, usable_bytes=8 * 2**30),
    )


@pytest.fixture(scope="session")
def started():
    """Return a function that starts a backend once, or skips with its reason."""
    running = {}

    def start(name):
        why = BACKENDS.why_not(name)
        if why is not None:
            pytest.skip(why)
        if name not in running:
            BACKENDS.get(name).start(2)
            running[name] = BACKENDS.get(name)
        return running[name]

    return start
