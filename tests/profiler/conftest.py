"""Fixtures of the profiler's tests."""

import pytest

from hw_targets.machine import Cpu, Machine, Memory


@pytest.fixture
def machine() -> Machine:
    """A small machine on which one thread runs."""
    return Machine(
        hostname="host",
        cpu=Cpu(model="Test CPU", usable_cpus=1.0, l3_bytes=2**20),
        memory=Memory(total_bytes=8 * 2**30, usable_bytes=8 * 2**30),
    )
