"""The verbs as functions: each returns the record that the command of its name prints."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonnage.api_planning import audit, break_even, cascade, deploy, scenario_of

if TYPE_CHECKING:
    from hw_targets.machine import Machine
    from planner.break_even.record import BreakEven
    from planner.compare.comparison import Comparison
    from planner.deployment import Case
    from planner.fleet.records.plan_record import Plan
    from planner.imports.measured import Measured
    from planner.laws.cost_model import CostModel
    from planner.prediction import Prediction, Refusal
    from planner.serving.anchors.anchor_points import Point
    from planner.simulate.simulation_record import Simulation
    from planner.verify.verification import Verification
    from profiler.profile import Profile
    from workloads.scenario import Scenario

__all__ = [
    "audit",
    "bench",
    "break_even",
    "cascade",
    "compare",
    "deploy",
    "fit",
    "import_results",
    "plan",
    "predict",
    "predict_batch",
    "probe",
    "report",
    "simulate",
    "verify",
]

DEFAULT_BUDGET_S = 300.0
FULL_BUDGET_S = 7200.0
"""Of a bench of every shape: it takes 10 to 20 minutes on two cores; slow machines are cut off here."""


def probe(*, root: Path | str | None = None) -> "Machine":
    """Observe this host, or a captured one below `root`."""
    from hw_targets.probe import probe_machine

    return probe_machine(Path(root) if root is not None else None)


def bench(
    *,
    budget_s: float = DEFAULT_BUDGET_S,
    kernels: Iterable[str] | None = None,
    device: str = "cpu",
    output: Path | str | None = None,
    resume: bool = False,
    full: bool = False,
    on_progress: Callable[[Any], None] | None = None,
) -> "Profile":
    """Measure this machine within a budget; see `profiler.bench.run_bench`."""
    from profiler.bench import run_bench

    return run_bench(
        probe(),
        budget_s=budget_s,
        kernels=tuple(kernels) if kernels is not None else None,
        device=device,
        output=Path(output) if output is not None else None,
        resume=resume,
        full=full,
        on_progress=on_progress,
    )


def fit(profile: "Profile | Measured | Path | str") -> "CostModel":
    """Turn a profile, imported operator tables, or the file of either, into a cost model."""
    from planner.imports.fit import fit_measured, read_profile_or_measured
    from planner.laws.fit import fit_profile
    from profiler.profile import Profile

    read = read_profile_or_measured(profile) if isinstance(profile, Path | str) else profile
    name = str(profile) if isinstance(profile, Path | str) else "profile"
    return fit_profile(read, name=name) if isinstance(read, Profile) else fit_measured(read, name=name)


def import_results(
    files: "Sequence[Path | str] | Path | str",
    *,
    device: str | None = None,
    devices: int | None = None,
    model: str | None = None,
    weights: str | None = None,
    kv: str | None = None,
    engine: str | None = None,
    tp: int | None = None,
    pp: int | None = None,
    isl: float | None = None,
    osl: float | None = None,
) -> "Measured":
    """Read other tools' result files as measurements.

    The keywords say what a file leaves out, and come before what it says. Known tools: llama-bench,
    vllm bench serve, GuideLLM, AIPerf, genai-perf, MLPerf; operator tables of Vidur, LLMServingSim and
    aiconfigurator-core.
    """
    from planner.imports.read import read_files
    from planner.imports.told import Told

    told = Told(
        device=device,
        devices=devices,
        model=model,
        weights=weights,
        kv=kv,
        engine=engine,
        tp=tp,
        pp=pp,
        isl=isl,
        osl=osl,
    )
    return read_files([Path(files)] if isinstance(files, Path | str) else [Path(one) for one in files], told)


def predict(
    case: "Case | Mapping[str, Any]", *, anchor: "Measured | Path | str | None" = None
) -> "Prediction":
    """Predict one case; raises what `predict_batch` would return as an error line.

    `anchor`: runs of one's own, or their file, that move the prediction (a Bayesian update).
    """
    from planner.serving.predict import predict as answer

    return answer(_case(case), anchors=_points(anchor))


def predict_batch(
    cases: "Iterable[Case | Mapping[str, Any]]", *, anchor: "Measured | Path | str | None" = None
) -> "list[Prediction | Refusal]":
    """Predict many cases at once, in their order; `anchor` as in `predict`.

    A case without an answer gets a refusal in its place; a mapping that is no case is refused as a whole.
    """
    from planner.serving.predict import predict_batch as answer

    return answer([_case(one) for one in cases], anchors=_points(anchor))


def _case(given: "Case | Mapping[str, Any]") -> "Case":
    from planner.deployment import Case

    return given if isinstance(given, Case) else Case.parse({"id": "case", **given}, where="case")


def _points(anchor: "Measured | Path | str | None") -> "tuple[Point, ...]":
    from planner.serving.anchors import anchor_points

    if anchor is None:
        return ()
    if isinstance(anchor, Path | str):
        return anchor_points.of_file(Path(anchor))
    return anchor_points.of_runs(anchor.runs)


def compare(
    models: Sequence[str],
    *,
    device: str,
    weights: str | None = None,
    kv: str | None = None,
    engine: str | None = None,
    tp: int = 1,
    context: str = "1k..1M",
    concurrency: int = 1,
    osl: float = 256,
) -> "Comparison":
    """Predict models over the length of their context, and find where they cross."""
    from planner.compare.run import compare as answer

    return answer(
        models,
        device=device,
        weights=weights,
        kv=kv,
        engine=engine,
        tp=tp,
        context=context,
        concurrency=concurrency,
        osl=osl,
    )


def plan(scenario: "Scenario | Path | str | Mapping[str, object]", *, check: bool = False) -> "Plan":
    """Solve a scenario; `check` simulates the plan and buys more until it holds.

    Parameters
    ----------
    scenario : Scenario, path or mapping
        A path is that of a TOML file, a mapping the tables of one: `{"traffic": {"requests_per_s": 20}}`.

    Returns
    -------
    Plan
        One that is not `feasible` says which limit binds and how far it must move; nothing is raised.
    """
    from planner.fleet.plan import make_plan

    asked = scenario_of(scenario)
    if not check:
        return make_plan(asked)
    from planner.check.held import held_plan

    return held_plan(asked)


def simulate(
    source: "Plan | Scenario | Path | str | Mapping[str, Any]",
    *,
    requests: int = 20_000,
    replications: int = 3,
    seed: int = 0,
) -> "Simulation":
    """Simulate a plan, a scenario or their file, or one case, request by request."""
    from planner.simulate.cases import Effort, experiment
    from planner.simulate.replicate import simulate as run

    return run(experiment(source, Effort(requests=requests, replications=replications, seed=seed)))


def report(
    plan: "Plan | Path | str",
    output: Path | str = "capacity-report.pdf",
    *,
    profile: "Profile | Path | str | None" = None,
    break_even: "BreakEven | Path | str | None" = None,
    html: Path | str | None = None,
) -> Path:
    """Typeset a plan as a PDF, with what `break_even` found if it is given; returns its path."""
    from planner.break_even.record import BreakEven
    from planner.fleet.records.plan_record import Plan
    from profiler.profile import Profile
    from reports.document import write_report
    from tonnage.files import read_record

    return write_report(
        plan if isinstance(plan, Plan) else read_record(plan, Plan),
        profile=profile if isinstance(profile, Profile) or profile is None else read_record(profile, Profile),
        model=None if profile is None else fit(profile),
        break_even=read_record(break_even, BreakEven) if isinstance(break_even, Path | str) else break_even,
        pdf=Path(output),
        html=Path(html) if html is not None else None,
    )


def verify(
    profile: "Profile | Path | str | None" = None,
    *,
    quick: bool = False,
    threads: int | None = None,
    models: Iterable[str] | None = None,
    formats: Iterable[str] | None = None,
    save_profile: Path | str | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> "Verification":
    """Predict whole models in llama.cpp from a profile of its graph nodes alone, then run them.

    Without a profile, the nodes are measured first; with one, its number of threads is kept.
    """
    from planner.verify.verification import verified
    from profiler.graph_nodes import nodes_profile
    from profiler.whole_models import Runner, chosen

    files = chosen(models, formats, quick=quick)
    nodes = nodes_profile(profile, threads, quick=quick, save=save_profile, on_progress=on_progress)
    runner = Runner(threads=threads or nodes.conditions.threads, on_progress=on_progress)
    return verified(nodes, runner.steps(files, quick=quick))
