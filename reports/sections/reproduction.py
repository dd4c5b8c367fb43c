"""How to get the same numbers again: commands, versions, fingerprints, the question itself."""

from reports.content import Block, Listing, Section
from reports.sources import Sources
from reports.tables import method


def build(sources: Sources) -> Section:
    """Build the section; every report can be made again."""
    blocks: list[Block] = [
        Listing(title="Commands", text="\n".join(commands(sources))),
        Listing(
            title="SHA-256 of the files",
            text="\n".join(f"{digest}  {name}" for name, digest in method.fingerprints(sources)),
        ),
        method.versions(sources),
    ]
    scenario = sources.plan.scenario.model_dump_json(indent=2, exclude_defaults=True, by_alias=True)
    blocks.append(Listing(title="The question, as it was solved", text=scenario))
    lead = "The files below and the same versions give the same report, byte for byte."
    return Section(title="Reproduction", lead=lead, blocks=tuple(blocks))


def commands(sources: Sources) -> tuple[str, ...]:
    """Return the commands that lead from a machine and a scenario to this report."""
    simulated = " --check" if sources.plan.check is not None else ""
    plan = f"tonnage plan scenario.toml{simulated} -o plan.json"
    report = "tonnage report plan.json -o capacity-report.pdf"
    if sources.profile is None:
        return (plan, report)
    bench = f"tonnage bench --budget {sources.profile.conditions.budget_s:g} -o profile.json"
    return (bench, plan, f"{report} --profile profile.json")
