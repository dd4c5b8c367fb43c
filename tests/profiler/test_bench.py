"""A bench on fake kernels: what is refused, kept, resumed and repeated."""

import json
from itertools import chain, count, repeat

import numpy as np
import pytest

from profiler import bench, measure, passes
from profiler.backends.backend import Backend, Feature, Prepared
from profiler.bench import run_bench
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.profile import Profile
from profiler.visits import MOST_PASSES, PASSES
from tonnage.errors import BackendUnavailable, FileProblem, InvalidInput, UnknownName
from tonnage.files import read_record, write_record
from tonnage.registry import Registry


class FakeBackend(Backend):
    """Copies with numpy; `spoil` makes it wrong, `fail` makes it raise, `on_run` is told of each call."""

    name = "fake"
    modules = ("numpy",)
    features = frozenset({Feature("copy", "fp32"), Feature("read", "fp32")})

    def __init__(self, *, spoil=False, fail=False, on_run=lambda: None, installed=True):
        self.spoil, self.fail, self.on_run, self.installed = spoil, fail, on_run, installed

    def why_not(self):
        return None if self.installed else "fake not installed: pip install fake"

    def start(self, threads):
        pass

    def versions(self):
        return {"fake": "1.0"}

    def prepare(self, point, inputs, copies):
        if self.fail:
            raise RuntimeError("no such instruction")
        source = inputs["source"]

        def run():
            self.on_run()

        def output():
            if point.kernel == "read":
                return {"sum": source.sum(keepdims=True, dtype=np.float64)}
            return {"target": source * 2 if self.spoil else source}

        return Prepared(run=run, output=output)


@pytest.fixture
def use(monkeypatch):
    """Return a function that replaces all backends by the given ones."""

    def small_points(kernel):
        sizes = ((2**20, True), (2**16, False))
        return tuple(
            Point(kernel=kernel.name, dtype="fp32", shape={"size_bytes": size}, tier=1, scout=scout)
            for size, scout in sizes
        )

    # Steadiness is the weather of the host; what follows from it has tests of its own.
    monkeypatch.setattr(measure, "verdict", lambda *_args, **_kwargs: None)
    monkeypatch.setattr(passes, "DRIFTED_FRAC", np.inf)
    monkeypatch.setattr(type(KERNELS.get("copy")).__mro__[1], "points", small_points)

    def replace(*backends):
        registry = Registry("backend", refusal=lambda backend: backend.why_not())
        for backend in backends:
            registry.add(backend.name, backend)
        monkeypatch.setattr(bench, "BACKENDS", registry)

    return replace


def run(machine, tmp_path, **options):
    defaults = {"budget_s": 30.0, "kernels": ("copy",), "output": tmp_path / "profile.json"}
    return run_bench(machine, **(defaults | options))


def test_profile_holds_raw_samples_work_and_conditions(machine, tmp_path, use):
    use(FakeBackend())
    profile = run(machine, tmp_path)
    essential = [point for point in KERNELS.get("copy").points() if point.tier == 1]
    assert len(profile.measurements) == len(essential)
    for one in profile.measurements:
        assert one.bytes == 2 * one.shape["size_bytes"]
        assert len(one.samples_s) >= 3
        assert min(one.samples_s) <= one.time_s.p50 <= max(one.samples_s)
        assert one.error == 0
    assert profile.complete
    assert profile.conditions.after is not None
    assert profile.conditions.libraries == {"fake": "1.0"}
    assert read_record(tmp_path / "profile.json", Profile) == profile
    assert sorted(path.name for path in tmp_path.iterdir()) == ["profile.json"]


def test_small_arrays_are_rotated_past_the_last_cache(machine, tmp_path, use):
    use(FakeBackend())
    for one in run(machine, tmp_path).measurements:
        assert one.copies == 1 or one.copies * one.bytes >= 3 * machine.cpu.l3_bytes


def test_a_wrong_kernel_is_refused_and_recorded(machine, tmp_path, use):
    use(FakeBackend(spoil=True))
    profile = run(machine, tmp_path)
    assert profile.measurements == ()
    assert all("wrong: relative error 1" in skipped.why for skipped in profile.skipped)
    assert profile.skipped


def test_a_kernel_that_fails_is_recorded_and_the_rest_goes_on(machine, tmp_path, use):
    broken = FakeBackend(fail=True)
    broken.name = "broken"
    use(broken, FakeBackend())
    profile = run(machine, tmp_path)
    assert {one.backend for one in profile.measurements} == {"fake"}
    assert any("RuntimeError: no such instruction" in skipped.why for skipped in profile.skipped)


def test_a_missing_backend_is_named_with_what_to_install(machine, tmp_path, use):
    absent = FakeBackend(installed=False)
    absent.name = "absent"
    use(absent, FakeBackend())
    assert [(one.backend, one.why) for one in run(machine, tmp_path).skipped] == [
        ("absent", "fake not installed: pip install fake")
    ]


def test_no_backend_at_all_is_an_error_that_says_why(machine, tmp_path, use):
    use(FakeBackend(installed=False))
    with pytest.raises(BackendUnavailable, match=r"no backend here runs copy .*pip install fake"):
        run(machine, tmp_path)
    use(FakeBackend())
    with pytest.raises(BackendUnavailable, match="gemm"):
        run(machine, tmp_path, kernels=("gemm",))


@pytest.mark.parametrize("budget_s", [0.0, -1.0, float("nan"), float("inf")])
def test_budget_must_be_a_positive_number(machine, tmp_path, budget_s):
    with pytest.raises(InvalidInput, match="budget"):
        run(machine, tmp_path, budget_s=budget_s)


def test_bad_requests_are_refused_before_anything_is_measured(machine, tmp_path):
    with pytest.raises(UnknownName, match="unknown kernel 'copi'; near names: copy"):
        run(machine, tmp_path, kernels=("copi",))
    with pytest.raises(UnknownName, match="cuda:9"):
        run(machine, tmp_path, device="cuda:9")
    with pytest.raises(FileProblem, match="does not exist"):
        run(machine, tmp_path, output=tmp_path / "nowhere" / "profile.json")
    assert list(tmp_path.iterdir()) == []


def test_a_budget_that_is_too_small_says_what_was_left_out(machine, tmp_path, use):
    use(FakeBackend())
    profile = run(machine, tmp_path, budget_s=0.01)
    assert not profile.complete
    assert "did not fit into the budget" in profile.notes[0]


def test_resume_measures_only_what_is_missing(machine, tmp_path, use):
    use(FakeBackend())
    first = run(machine, tmp_path, kernels=("copy",))
    second = run(machine, tmp_path, kernels=("copy", "read"), resume=True)
    assert second.measurements[: len(first.measurements)] == first.measurements
    assert {one.kernel for one in second.measurements} == {"copy", "read"}


def test_resume_on_another_machine_is_refused(machine, tmp_path, use):
    use(FakeBackend())
    run(machine, tmp_path)
    other = machine.model_copy(update={"cpu": machine.cpu.model_copy(update={"model": "Other CPU"})})
    with pytest.raises(InvalidInput, match="CPU was Test CPU and is Other CPU"):
        run(other, tmp_path, resume=True)


def test_resume_without_anything_to_go_on_from_starts_over(machine, tmp_path, use):
    use(FakeBackend())
    assert run(machine, tmp_path, resume=True).measurements


def test_interrupt_keeps_what_was_measured_and_goes_on_later(machine, tmp_path, use):
    calls = count()
    seen = []

    def interrupt_at_the_second_trial():
        next(calls)
        if len(seen) >= 2:
            raise KeyboardInterrupt

    use(FakeBackend(on_run=interrupt_at_the_second_trial))
    with pytest.raises(KeyboardInterrupt):
        run(machine, tmp_path, on_progress=lambda told: seen.append(told) if told.total else None)
    kept = read_record(tmp_path / "profile.json", Profile)
    assert not kept.complete
    assert len(kept.measurements) == 1
    use(FakeBackend())
    resumed = run(machine, tmp_path, resume=True)
    assert resumed.complete
    kept_one, resumed_one = kept.measurements[0], resumed.measurements[0]
    assert resumed_one.passes[: len(kept_one.passes)] == kept_one.passes
    assert resumed_one.samples_s[: len(kept_one.samples_s)] == kept_one.samples_s


def test_progress_tells_trials_and_time_left(machine, tmp_path, use):
    use(FakeBackend())
    told = []
    run(machine, tmp_path, on_progress=told.append)
    assert told[-1].done == told[-1].total == 2 * PASSES
    assert all(0 <= one.left_s <= 30.0 for one in told)
    assert [one.elapsed_s for one in told] == sorted(one.elapsed_s for one in told)


def test_part_file_with_a_torn_last_line_loses_only_that_line(machine, tmp_path, use):
    use(FakeBackend())
    profile = run(machine, tmp_path)
    part = tmp_path / "other.json.part.jsonl"
    header = {"format": "tonnage.profile.part", "version": 1, "machine": json.loads(machine.to_json())}
    header["conditions"] = json.loads(profile.conditions.to_json())
    whole = json.dumps({"measurement": json.loads(profile.measurements[0].to_json())})
    torn = json.dumps({"measurement": json.loads(profile.measurements[1].to_json())})[:-40]
    part.write_text("\n".join([json.dumps(header), whole, torn]))
    resumed = run(machine, tmp_path, output=tmp_path / "other.json", resume=True)
    assert resumed.measurements[0] == profile.measurements[0]
    assert len(resumed.measurements) == len(profile.measurements)


def test_a_part_file_of_something_else_is_refused(machine, tmp_path, use):
    use(FakeBackend())
    (tmp_path / "profile.json.part.jsonl").write_text('{"format": "shopping list"}\n\n')
    with pytest.raises(InvalidInput, match=r"expected a tonnage\.profile\.part file"):
        run(machine, tmp_path, resume=True)


def test_every_trial_is_visited_in_passes_that_lie_apart(machine, tmp_path, use):
    use(FakeBackend())
    profile = run(machine, tmp_path)
    first, second = profile.measurements
    assert len(first.passes) == len(second.passes) == PASSES
    # All of one pass comes before any of the next.
    for number in range(1, PASSES):
        before = max(one.passes[number - 1].at_s for one in (first, second))
        assert before <= min(one.passes[number].at_s for one in (first, second))
    for one in (first, second):
        assert sum(each.samples for each in one.passes) == len(one.samples_s)
        assert [len(samples) for samples in one.samples_by_pass] == [each.samples for each in one.passes]


def test_a_disturbed_pass_is_visited_again_and_left_out_once_others_are_steady(
    machine, tmp_path, use, monkeypatch
):
    use(FakeBackend())
    verdicts = chain(["shaky", "shaky", None, None], repeat(None))
    monkeypatch.setattr(measure, "verdict", lambda *_args, **_kwargs: next(verdicts))
    profile = run(machine, tmp_path)
    assert all(one.stable for one in profile.measurements)
    shaky = [each for one in profile.measurements for each in one.passes if each.why_unsteady]
    assert [each.why_unsteady for each in shaky] == ["shaky", "shaky"]


def test_a_trial_that_stays_unsteady_is_visited_a_few_times_more_and_says_why(
    machine, tmp_path, use, monkeypatch
):
    use(FakeBackend())
    monkeypatch.setattr(measure, "verdict", lambda *_args, **_kwargs: "shaky")
    for one in run(machine, tmp_path).measurements:
        assert len(one.passes) == MOST_PASSES
        assert (one.stable, one.why_unstable) == (False, "shaky")


def test_what_an_older_version_measured_is_kept_as_it_is(machine, tmp_path, use):
    use(FakeBackend())
    profile = run(machine, tmp_path)
    old = [one.model_copy(update={"passes": ()}) for one in profile.measurements]
    write_record(tmp_path / "profile.json", profile.model_copy(update={"measurements": tuple(old)}))
    assert run(machine, tmp_path, resume=True).measurements == tuple(old)
