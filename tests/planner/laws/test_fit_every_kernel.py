"""Whatever the bench measures can be fitted: also what moves nothing, computes nothing, or stands alone."""

import numpy as np
import pytest

from planner.laws.fit import fit_law
from planner.laws.roofline import call_time_s
from planner.serving.step.ideal import coefficients
from profiler.kernels import KERNELS
from profiler.profile import Ceilings, Measurement
from profiler.statistics import quantiles

OVERHEAD_S, FLOP_PER_S, BYTES_PER_S = 4e-6, 2e11, 4e10


def measured(kernel, point):
    work = kernel.work(point)
    time_s = OVERHEAD_S + max(work.flop / FLOP_PER_S, work.bytes / BYTES_PER_S)
    return Measurement(
        kernel=point.kernel, backend="torch", device="cpu", dtype=point.dtype, format=point.format,
        shape=dict(point.shape), flop=work.flop, bytes=work.bytes, samples_s=(time_s,),
        time_s=quantiles([time_s]), stable=True,
    )  # fmt: skip


FAMILIES = sorted({point.family for _, kernel in KERNELS for point in kernel.points()}, key=str)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: "-".join(filter(None, family)))
def test_a_machine_that_obeys_the_law_is_found_again(family):
    kernel = KERNELS.get(family[0])
    ones = [measured(kernel, point) for point in kernel.points() if point.family == family and point.tier < 3]
    if not ones:
        pytest.skip("nothing of it is measured before the last tiers")
    law = fit_law(ones, Ceilings(memory_bandwidth_bytes_per_s=BYTES_PER_S))
    for one in ones:
        predicted = float(call_time_s(coefficients(law), one.flop, one.bytes))
        assert abs(np.log(predicted / one.time_s.p50)) < 0.15
