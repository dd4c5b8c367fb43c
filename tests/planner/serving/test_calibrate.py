"""The fit of engine coefficients against data made from known ones."""

import json
from dataclasses import replace

import numpy as np
import pytest

from planner.deployment import Case
from planner.serving import coefficients
from planner.serving.coefficients import NAMES, RUN, CoefficientFile, Spread
from planner.serving.fitting.calibrate import Layout, Problem, fit, leave_out
from planner.serving.fitting.calibration_file import calibrate
from planner.serving.fitting.measured import ALIKE, Row, read_rows, weights
from planner.serving.fitting.priors import SHIPPED, Effect, Structure
from planner.serving.fitting.wider import held_out, widened
from planner.serving.intervals import total, unseen
from tonnage.errors import FitRejected, FormatError


def rows(seed=0, noise=0.0):
    """Closed loops of three models on two devices, measured by the shipped coefficients themselves."""
    rng = np.random.default_rng(seed)
    cases = [
        Case.parse(
            {"id": f"{device}{model}{n}{isl}", "device": device, "model": model, "weights": "FP8",
             "engine": "vllm", "isl": isl, "osl": 256, "concurrency": n, "tp": 2}, where="case")
        for device in ("nvidia-h100-sxm5-80gb", "nvidia-l40s")
        for model in ("llama-3.1-8b", "qwen3-32b", "mixtral-8x7b")
        for n in (1, 8, 64)
        for isl in (256, 2048)
    ]  # fmt: skip
    asked = [Row(case, metric, 1.0, "made", "closed") for case in cases for metric in ("tpot_s", "ttft_s")]
    problem = Problem(asked)
    shipped = coefficients.shipped()
    resolved = [shipped.resolve(groups) for groups in problem.groups]
    logs = np.log(np.array([[getattr(one, name) for one in resolved] for name in NAMES]))
    measured = np.exp(problem.log_predicted(logs) + rng.normal(0, noise, len(asked)))
    return [
        Row(row.case, row.metric, float(value), row.source, row.stratum)
        for row, value in zip(asked, measured, strict=True)
    ]


def test_a_fit_finds_its_own_data_again():
    data = rows()
    problem = Problem(data)
    errors = fit(problem).log_predicted(problem) - problem.log_measured
    assert np.median(np.abs(errors)) < 0.05
    assert np.max(np.abs(errors)) < 0.3


def test_a_model_left_out_is_still_met():
    errors = leave_out(rows(noise=0.03), lambda row: row.case.model)
    assert np.median(np.abs(errors)) < 0.12


def test_unknown_groups_fall_back_to_the_base():
    data = rows()
    layout = Layout(Problem(data).groups)
    theta = np.array(layout.centres)
    theta[len(NAMES) :] = 1.0
    other = Problem([Row(data[0].case.model_copy(update={"engine": "other"}), "tpot_s", 1.0, "", "")])
    step = layout.spread(other.groups)[NAMES.index("step_s")] @ theta
    assert step == theta[NAMES.index("step_s")]


def test_cases_without_measurements_are_no_truth(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps({"id": "a", "device": "d", "model": "m", "weights": "FP8"}) + "\n")
    with pytest.raises(FitRejected, match="measured"):
        read_rows(path)


def test_a_file_that_lacks_a_coefficient_is_refused():
    data = coefficients.shipped().model_dump(mode="json")
    del data["base"]["layer_s"]
    with pytest.raises(FormatError, match="layer_s"):
        CoefficientFile.parse(data, where="coefficients.json")


def test_shipped_coefficients_are_physical_and_say_where_they_come_from():
    file = coefficients.shipped()
    assert all(value > 0 for value in file.base.values())
    assert all(file.base[name] <= 1 for name in NAMES if name.endswith("_frac"))
    assert sum(file.provenance.rows.values()) > 1000
    assert file.provenance.scores
    assert {"tpot", "ttft", "throughput", "tpot_single", "ttft_single"} <= set(file.spread)


def test_what_was_left_out_has_no_say_in_what_is_predicted_of_it():
    data = rows(noise=0.03)
    held = "mixtral-8x7b"
    told = [
        Row(row.case, row.metric, row.measured * (3.0 if row.case.model == held else 1.0), "", "closed")
        for row in data
    ]
    here = np.array([row.case.model == held for row in data])
    before, after = (calibrate(rows).errors["model"][here] for rows in (data, told))
    assert after + np.log(3.0) == pytest.approx(before, abs=1e-9)


def test_many_rows_of_one_series_say_less_than_as_many_series():
    data = rows()
    one = [row for row in data if row.series == data[0].series]
    alone = [Row(row.case, row.metric, row.measured, "", "") for row in {r.series: r for r in data}.values()]
    assert len(one) > 1
    assert 1.0 < weights(one).sum() < len(one)
    assert weights(alone) == pytest.approx(1.0)
    assert weights(one * 1000).sum() < 1.0 / ALIKE


def test_what_is_peculiar_to_a_run_is_told_from_what_runs_share():
    layout = Layout(Problem(rows()).groups)
    assert not layout.stage[: len(NAMES)].any()
    for effect, levels in zip(layout.effects, layout.levels, strict=True):
        peculiar = layout.stage[list(levels.values())] > 0
        assert peculiar.all() == peculiar.any() == effect.grouping.endswith("model+weights")


def test_what_is_peculiar_to_a_run_moves_nothing_of_models_that_were_not_measured():
    data, shared = (
        rows(noise=0.1),
        replace(SHIPPED, effects=tuple(effect for effect in SHIPPED.effects if effect.grouping != RUN)),
    )
    unseen = Problem([replace(row, case=row.case.model_copy(update={"model": "qwen3-14b"})) for row in data])
    seen = Problem(data)
    without, whole = fit(seen, structure=shared), fit(seen)
    assert whole.log_predicted(unseen) == pytest.approx(without.log_predicted(unseen), abs=1e-12)
    before, after = (np.abs(f.log_predicted(seen) - seen.log_measured).mean() for f in (without, whole))
    assert after < before


def test_a_file_of_an_earlier_version_still_loads_and_knows_no_runs():
    data = coefficients.shipped().model_dump(mode="json")
    del data["base"]["first_token_factor"]
    data["effects"].pop("first_token_factor", None)
    for name in ("runs", "releases", "platforms", "streams"):
        data.pop(name, None)
    for spread in data["spread"].values():
        for name in ("new_run", "new_source", "new_platform", "new_stack"):
            spread.pop(name, None)
    file = CoefficientFile.parse(data, where="coefficients.json")
    problem = Problem(rows())
    one = problem.groups[0]
    assert file.resolve(one).first_token_factor == 1.0
    assert not file.has_run(one)
    assert file.has_source(one) and file.has_platform(one)
    assert not unseen(problem.placed[0], file) & {"new_source", "new_platform"}


def test_a_release_that_nobody_stated_counts_as_measured_only_where_its_run_was():
    file = coefficients.shipped()
    run = next(one for one in file.runs if one.split("|")[1] == "-")
    engine, version, backend, device, model, weights = run.split("|")
    stated = {
        "engine": engine, "version": version, "backend": backend, "device": device, "model": model,
        "weights": weights,
    }  # fmt: skip
    known = Problem(rows()).groups[0].model_copy(update=stated)
    assert file.has_source(known)
    assert not file.has_source(known.model_copy(update={"model": "qwen3-14b"}))
    assert not file.has_source(known.model_copy(update={"version": "0.0.1"}))


def test_what_is_new_widens_and_never_twice_for_engine_and_platform():
    spread = Spread(known=0.1, new_run=0.2, new_source=0.2, new_engine=0.4, new_platform=0.3)
    assert total(spread) == pytest.approx(0.1)
    assert total(spread, {"new_run", "new_source"}) == pytest.approx(0.3)
    known = Problem(rows()).placed[0]
    strange = replace(known, groups=known.groups.model_copy(update={"engine": "new"}))
    found = unseen(strange, coefficients.shipped())
    assert "new_engine" in found and not found & {"new_platform", "new_stack"}
    other = replace(known, groups=strange.groups.model_copy(update={"device": "new"}))
    assert "new_stack" in unseen(other, coefficients.shipped())


def test_one_sequence_of_a_server_is_not_as_sure_as_that_of_a_program_for_one_user():
    file = coefficients.shipped()
    alone, many = (
        Case(id="x", device="nvidia-l4", model="llama-3.1-8b", weights="Q4_K_M", concurrency=c)
        for c in (1, 2)
    )
    assert file.is_stream(alone, "llama.cpp") and not file.is_stream(many, "llama.cpp")
    assert not file.is_stream(alone, "vllm")


def off_by(data, sigma, **moved):
    """The same rows under another name, measured with an error of their own."""
    factor = np.exp(np.random.default_rng(3).normal(0.0, sigma, len(data)))
    return [
        replace(row, case=row.case.model_copy(update=moved), measured=row.measured * float(by))
        for row, by in zip(data, factor, strict=True)
    ]


def test_wider_rows_of_what_is_known_widen_new_sources_and_move_nothing():
    data = rows(noise=0.05)
    plain, wide = calibrate(data).file, calibrate(data, wider=[off_by(data, 0.5)]).file
    assert plain.base == wide.base and plain.effects == wide.effects
    for name, spread in wide.spread.items():
        assert spread.new_source > plain.spread[name].new_source
        assert spread.model_copy(update={"new_source": 0.0}) == plain.spread[name].model_copy(
            update={"new_source": 0.0}
        )


def test_only_rows_of_engines_and_devices_that_both_were_not_measured_widen_these():
    data = rows(noise=0.05)
    b200 = "nvidia-b200-sxm-180gb"
    assert b200 not in {row.case.device for row in data}

    def away(engine: str) -> list[Row]:
        moved = {"engine": engine, "device": b200}
        return [replace(row, measured=20.0 * row.measured) for row in off_by(data, 0.0, **moved)]

    known, strange = (calibrate(data, wider=[data + away(engine)]).file for engine in ("vllm", "lmdeploy"))
    assert "lmdeploy" in strange.engines and f"vllm|{b200}" in known.pairs
    assert not any(b200 in run for run in (*known.runs, *strange.runs))
    for name, spread in strange.spread.items():
        assert known.spread[name].new_stack == 0.0
        assert spread.new_stack > 0.1


def test_what_wider_rows_alone_know_is_fitted_to_them_and_moves_nothing_that_others_know():
    data = rows(noise=0.05)
    known, asked = Problem(data), off_by(data, 0.0, device="amd-radeon-pro-w7900")
    before = fit(known)
    times = 1.5 * np.exp(before.log_predicted(Problem(asked)))
    wider = Problem([replace(row, measured=float(time)) for row, time in zip(asked, times, strict=True)])
    after = widened(before, known, wider)
    assert np.array_equal(after.log_predicted(known), before.log_predicted(known))
    errors = [np.abs(one.log_predicted(wider) - wider.log_measured).mean() for one in (before, after)]
    assert errors[1] < 0.5 * errors[0]


def test_a_part_of_the_wider_rows_has_no_say_in_its_own_errors():
    data = rows(noise=0.05)
    parts = [off_by(data, 0.1, device=device) for device in ("nvidia-a10", "nvidia-a40")]
    told = [parts[0], [replace(row, measured=3.0 * row.measured) for row in parts[1]]]
    known = Problem(data)
    whole = fit(known)
    before, after = ([one[2] for one in held_out(whole, known, each)] for each in (parts, told))
    assert after[1] + np.log(3.0) == pytest.approx(before[1], abs=1e-9)
    assert not np.allclose(after[0], before[0])


def test_what_is_believed_of_a_level_is_where_its_deviation_starts():
    believed = Effect("wave_share", "engine", 0.1, (("vllm", 2.0),))
    layout = Layout(Problem(rows()).groups, Structure(SHIPPED.priors, (believed,)))
    (levels,) = layout.levels
    assert {name: layout.centres[i] for name, i in levels.items()} == {
        name: 2.0 * (name == "vllm") for name in levels
    }
