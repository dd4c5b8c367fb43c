from pathlib import Path

import numpy as np
import pytest

from planner.laws.fit import fit_profile
from planner.laws.roofline import call_time_s
from planner.serving.step.ideal import coefficients
from profiler.profile import Profile
from tonnage.errors import FitRejected
from tonnage.evidence import Evidence
from tonnage.files import read_record

CAPTURED = Path(__file__).parents[2] / "captures" / "profiles" / "epyc-2cpu.json"


@pytest.fixture(scope="module")
def profile():
    return read_record(CAPTURED, Profile)


@pytest.fixture(scope="module")
def model(profile):
    return fit_profile(profile, name="captured")


def test_every_kernel_backend_dtype_and_format_gets_one_law(profile, model):
    measured = {(m.kernel, m.backend, m.dtype, m.format) for m in profile.measurements}
    fitted = [(law.kernel, law.backend, law.dtype, law.format) for law in model.laws]
    assert sorted(fitted, key=str) == sorted(measured, key=str)


def test_stable_shapes_are_met_within_a_factor_of_two(profile, model):
    laws = {(law.kernel, law.backend, law.dtype, law.format): law for law in model.laws}
    errors = []
    for m in profile.measurements:
        if m.stable:
            law = laws[m.kernel, m.backend, m.dtype, m.format]
            predicted = float(call_time_s(coefficients(law), m.flop, m.bytes))
            errors.append(abs(np.log(predicted / m.time_s.p50)))
    assert np.median(errors) < 0.15
    assert np.quantile(errors, 0.9) < np.log(2)


def test_more_than_one_shape_gives_a_left_out_error(model):
    for law in model.laws:
        assert (law.loo_median_error_frac is None) == (law.n_shapes == 1)
        assert law.sigma_log > 0
        assert law.evidence is Evidence.FITTED


def test_a_single_shape_is_said_to_be_uncertain(model):
    unsure = [law.sigma_log for law in model.laws if law.n_shapes == 1]
    assert min(unsure) >= 0.5


def test_a_profile_without_measurements_is_refused(profile):
    empty = profile.model_copy(update={"measurements": ()})
    with pytest.raises(FitRejected, match="tonnage bench"):
        fit_profile(empty, name="empty.json")
