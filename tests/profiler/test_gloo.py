"""Ranks in processes of their own: switched from one collective to the next, ended, never more than CPUs."""

import numpy as np
import pytest

from profiler.backends import BACKENDS
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point


def point(kernel, *, ranks=2, size_bytes=1024):
    return Point(kernel=kernel, dtype="fp32", shape={"ranks": ranks, "size_bytes": size_bytes})


@pytest.fixture
def gloo():
    backend = dict(BACKENDS)["gloo"]  # a process has one group at most
    if backend.why_not() is not None:
        pytest.skip(backend.why_not())
    backend.start(2)
    yield backend
    backend.stop()


def test_more_ranks_than_cpus_are_refused(gloo):
    assert gloo.runs(point("all_reduce", ranks=2))
    assert not gloo.runs(point("all_reduce", ranks=4))


def test_ranks_follow_from_one_collective_to_the_next_and_end_with_the_group(gloo):
    for name, size_bytes in (("all_reduce", 1024), ("all_to_all", 4096), ("all_reduce", 512)):
        one, kernel = point(name, size_bytes=size_bytes), KERNELS.get(name)
        inputs = kernel.inputs(one, np.random.default_rng(0))
        prepared = gloo.prepare(one, inputs, 1)
        for _ in range(5):
            prepared.run()
        assert kernel.error(one, inputs, prepared.output()) <= kernel.tolerance(one)
    (member,) = gloo._group._others
    assert member.poll() is None
    gloo.stop()
    assert member.poll() is not None
