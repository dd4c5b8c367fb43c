"""`tonnage plan`: what to run where, for a scenario."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workloads.scenario import Scenario

INFEASIBLE = 3

FLAGS = {
    "qps": "traffic.requests_per_s",
    "peak_to_mean": "traffic.peak_to_mean",
    "prompt": "traffic.prompt_tokens",
    "output_tokens": "traffic.output_tokens",
    "ttft_p95": "slo.ttft_p95_s",
    "tpot_p95": "slo.tpot_p95_s",
    "e2e_p95": "slo.e2e_p95_s",
    "min_mmlu": "quality.mmlu_min",
    "min_mmlu_pro": "quality.mmlu_pro_min",
    "budget": "budget.usd_per_month",
    "interconnect": "candidates.interconnect",
    "spare": "availability.spare_units",
    "confidence": "availability.confidence",
}
"""Flag -> key of the scenario file."""
LISTS = {"device": "devices", "model": "models", "format": "formats", "engine": "engines", "roles": "roles"}


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "plan",
        short_help="Find the cheapest mix that holds every limit, and say why.",
        epilog="Example: tonnage plan --qps 20 --prompt 1024 --output 256 --ttft-p95 500ms -o plan.json",
    )(plan)


def plan(
    context: typer.Context,
    scenario: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENARIO.toml | diff A.json B.json]",
            help="The scenario; or the word diff and two plans. Flags alone will do too.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output-file", help="Also write it here.")] = None,
    qps: Annotated[str | None, typer.Option(help="Mean requests per second.")] = None,
    peak_to_mean: Annotated[str | None, typer.Option(help="Peak rate over mean rate.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Input tokens per request.")] = None,
    output_tokens: Annotated[str | None, typer.Option("--output", help="Output tokens per request.")] = None,
    ttft_p95: Annotated[str | None, typer.Option(help="Limit on time to first token, e.g. 500ms.")] = None,
    tpot_p95: Annotated[str | None, typer.Option(help="Limit on time per output token, e.g. 50ms.")] = None,
    e2e_p95: Annotated[str | None, typer.Option(help="Limit on the whole request, e.g. 10s.")] = None,
    min_mmlu: Annotated[str | None, typer.Option(help="Lowest MMLU score in percent.")] = None,
    min_mmlu_pro: Annotated[str | None, typer.Option(help="Lowest MMLU-Pro score in percent.")] = None,
    budget: Annotated[str | None, typer.Option(help="Dollars, e.g. 20000/month or 27.4/h.")] = None,
    spare: Annotated[str | None, typer.Option(help="Spare units of each kind.")] = None,
    confidence: Annotated[str | None, typer.Option(help="Probability that limits hold, e.g. 0.9.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Device id or glob; repeat for more.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Model id or glob; repeat for more.")] = None,
    format: Annotated[list[str] | None, typer.Option(help="Weight format or glob; repeat for more.")] = None,
    engine: Annotated[list[str] | None, typer.Option(help="Engine; repeat for more.")] = None,
    roles: Annotated[list[str] | None, typer.Option(help="whole, split: prefill apart.")] = None,
    interconnect: Annotated[str | None, typer.Option(help="Between split units.")] = None,
    api: Annotated[bool | None, typer.Option("--api/--no-api", help="Allow hosted APIs.")] = None,
    pareto: Annotated[
        str | None, typer.Option(metavar="cost,AXIS", help="A front; AXIS: mmlu, latency, energy ...")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Simulate; buy more until it holds.")] = False,
    fixed: Annotated[
        Path | None, typer.Option(metavar="FLEET.toml", help="Audit this running fleet instead.")
    ] = None,
    growth: Annotated[str | None, typer.Option(help="With --fixed, growth per month, e.g. 8%.")] = None,
    break_even: Annotated[bool, typer.Option("--break-even", help="Own units or API, by volume.")] = False,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other value, e.g. slo.ttft_p99_s=1s."),
    ] = None,
) -> None:
    """Find the cheapest mix of hardware, models, formats and hosted APIs that holds every limit.

    Exit code 3: no plan holds, and the answer says which limit binds and how far it must move.
    """
    words = scenario or []
    if words[:1] == ["diff"]:
        _show_difference(words[1:], as_json=as_json)
    elif fixed is not None:
        _show_audit(fixed, _read(words, settings(context.params)), growth, output=output, as_json=as_json)
    elif break_even:
        _show_break_even(_read(words, settings(context.params)), output=output, as_json=as_json)
    elif pareto is not None:
        _show_pareto(_read(words, settings(context.params)), pareto, as_json=as_json)
    else:
        _show_plan(words, settings(context.params), check=check, output=output, as_json=as_json)


def _show_plan(
    words: list[str], values: dict[str, object], *, check: bool, output: Path | None, as_json: bool
) -> None:
    from tonnage.files import check_writable, write_record

    if output is not None:
        check_writable(output)
    asked = _read(words, values)

    from planner.fleet.plan import make_plan
    from reports.terminal.plan import show_plan
    from reports.terminal.plan_check import show_check

    if check:
        from planner.check.held import held_plan

        answer = held_plan(asked)
    else:
        answer = make_plan(asked)
    if output is not None:
        write_record(output, answer)
    if as_json:
        typer.echo(answer.to_json())
    else:
        show_plan(answer)
        show_check(answer)
    if not answer.feasible:
        raise typer.Exit(INFEASIBLE)


def _show_audit(
    fleet: Path, scenario: "Scenario", growth: str | None, *, output: Path | None, as_json: bool
) -> None:
    from planner.audit.alternative import with_alternative
    from planner.audit.fleet_file import growth as parsed
    from planner.audit.fleet_file import read_fleet
    from planner.audit.make import audit
    from reports.terminal.audit import show_audit
    from tonnage.files import check_writable, write_record

    if output is not None:
        check_writable(output)
    faster = None if growth is None else parsed(growth)
    answer = with_alternative(audit(read_fleet(fleet), scenario, growth_per_month=faster))
    if output is not None:
        write_record(output, answer)
    if as_json:
        typer.echo(answer.to_json())
    else:
        show_audit(answer)
    if not answer.holds:
        raise typer.Exit(INFEASIBLE)


def _show_break_even(scenario: "Scenario", *, output: Path | None, as_json: bool) -> None:
    """Show the pairs; the curve also goes to a file, as a figure if its name ends in .svg."""
    from tonnage.files import check_writable, write_record, write_text

    if output is not None:
        check_writable(output)

    from planner.break_even.make import break_even
    from reports.figures.break_even import draw_curve
    from reports.terminal.break_even import show_break_even

    found = break_even(scenario)
    drawn = draw_curve(found) if output is not None and output.suffix == ".svg" else None
    if drawn is not None and output is not None:
        write_text(output, drawn.decode("utf-8"))
    elif output is not None:
        write_record(output, found)
    if as_json:
        typer.echo(found.to_json())
    else:
        show_break_even(found)


def _show_pareto(scenario: "Scenario", axes: str, *, as_json: bool) -> None:
    from planner.fleet.fronts.pareto import pareto
    from reports.terminal.pareto import show_pareto
    from tonnage.errors import InvalidInput

    cost, _, axis = axes.partition(",")
    if cost.strip() != "cost":
        raise InvalidInput(
            "--pareto takes cost and what to hold it against, e.g. cost,mmlu, cost,latency or cost,energy, "
            f"not '{axes}'"
        )
    wanted = axis.strip()
    front = pareto(scenario, "mmlu" if wanted == "quality" else wanted)
    if as_json:
        typer.echo(front.to_json())
    else:
        show_pareto(front)


def settings(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the dotted settings that flags stand for, `--set` last."""
    values: dict[str, object] = {
        key: given[flag] for flag, key in FLAGS.items() if given.get(flag) is not None
    }
    for flag, key in LISTS.items():
        if given.get(flag):
            values[f"candidates.{key}"] = [name for text in given[flag] for name in text.split(",")]
    if given.get("api") is not None:
        values["candidates.api"] = given["api"]
    for text in given.get("setting") or ():
        key, equals, value = text.partition("=")
        if not equals:
            from tonnage.errors import InvalidInput

            raise InvalidInput(f"--set takes KEY=VALUE, e.g. slo.ttft_p99_s=1s, not '{text}'")
        values[key.strip()] = _toml_value(value.strip())
    return values


def _toml_value(text: str) -> object:
    """Read a value as TOML would, and as plain text where it is none."""
    from tonnage.errors import FormatError
    from tonnage.toml_text import parse_toml

    try:
        return parse_toml(f"value = {text}", where="--set")["value"]
    except FormatError:
        return text


def _read(words: list[str], values: dict[str, object]) -> "Scenario":
    from tonnage.errors import InvalidInput
    from workloads.scenario_toml.file import from_flags, read_scenario

    if len(words) > 1:
        raise InvalidInput(f"one scenario at a time, not {len(words)}: {' '.join(words)}")
    if not words and not values:
        raise InvalidInput("give a scenario file, or flags such as --qps 20 --prompt 1024 --output 256")
    return read_scenario(Path(words[0]), settings=values) if words else from_flags(values)


def _show_difference(paths: list[str], *, as_json: bool) -> None:
    from planner.fleet.records.plan_diff import difference
    from planner.fleet.records.plan_record import Plan
    from reports.terminal.plan import show_difference
    from tonnage.errors import InvalidInput
    from tonnage.files import read_record

    if len(paths) != 2:
        raise InvalidInput("plan diff takes two plans: tonnage plan diff a.json b.json")
    found = difference(read_record(paths[0], Plan), read_record(paths[1], Plan))
    if as_json:
        typer.echo(found.to_json())
    else:
        show_difference(found)
