"""Predicted beside measured: summaries by hand, steps that add up, profiles that cannot predict."""

from pathlib import Path

import pytest

from planner.laws.curves import Curve, Table
from planner.serving.step.graph_time import Tables
from planner.verify import steps
from planner.verify.verification import Row, Verification, summary, verification
from profiler.profile import Profile
from tonnage.errors import FitRejected
from tonnage.evidence import Quantiles
from tonnage.files import read_record, write_record
from workloads import formats, models

CAPTURE = Path(__file__).parents[2] / "captures" / "profiles" / "epyc-2cpu.json"


def row(predicted_s: float, measured_s: float, *, half: float = 1.2, tokens: int = 1) -> Row:
    return Row(
        model="m", format="Q8_0", tokens=tokens, depth=0, batch=1, parts_s={}, measured_s=measured_s,
        predicted_s=Quantiles(p10=predicted_s / half, p50=predicted_s, p90=predicted_s * half), stable=True,
    )  # fmt: skip


def test_summary_by_hand():
    found = summary([row(1.1, 1.0), row(0.9, 1.0), row(2.0, 1.0)])
    assert found.median_error_frac == pytest.approx(0.1)
    assert found.bias_frac == pytest.approx(0.1)
    assert found.inside_frac == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="no rows"):
        summary([])


def test_record_survives_its_file(tmp_path):
    found = verification([row(1.1, 1.0), row(1.0, 1.0, tokens=512)], read_record(CAPTURE, Profile))
    write_record(tmp_path / "v.json", found)
    assert read_record(tmp_path / "v.json", Verification) == found


def test_a_profile_without_llama_cpp_is_refused_with_what_to_do():
    profile = read_record(CAPTURE, Profile)
    bare = profile.model_copy(update={"measurements": profile.measurements[:3]})
    with pytest.raises(FitRejected, match="extra 'llama'"):
        steps.tables_of(bare)


@pytest.fixture
def known(monkeypatch):
    """A catalog model stands in for a file; one rate for everything."""
    monkeypatch.setattr(steps, "_read", lambda path: (models.get("llama-2-7b"), formats.get("F16")))

    def table(kernel: str, form: str | None = None) -> Table:
        curve = Curve(key=1.0, x=(1.0,), seconds_per_unit=(1e-12,))
        return Table(kernel=kernel, backend="x", format=form, curves=(curve,), sigma_log=0.1)

    return Tables([table("ggml_matmul", "F16"), table("ggml_attention"), table("ggml_layer")], 1e-3)


def test_a_prompt_is_cut_into_passes_and_makes_logits_once(known):
    def time_s(tokens: int, depth: int) -> float:
        return steps.predict_step(known, Path("x"), tokens=tokens, depth=depth, batch=1).time_s.p50

    head_s = 4096 * 32000 * 1e-12
    assert time_s(1024, 0) == pytest.approx(time_s(512, 0) + time_s(512, 512) - head_s)


def test_intervals_are_as_wide_as_the_tables_are_unsure(known):
    found = steps.predict_step(known, Path("x"), tokens=1, depth=4096, batch=4)
    assert found.time_s.p90 / found.time_s.p50 == pytest.approx(found.time_s.p50 / found.time_s.p10)
    assert 1.1 < found.time_s.p90 / found.time_s.p50 < 2.0
    assert sum(found.parts_s.values()) == pytest.approx(found.time_s.p50)
