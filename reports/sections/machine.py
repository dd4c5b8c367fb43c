"""The measured machine: what it is, what it reached, and how well laws describe it."""

from profiler.profile import Profile
from reports.content import Block, Callout, Section, Tone
from reports.figures import picture
from reports.numbers import count
from reports.sources import Sources
from reports.tables import machine


def build(sources: Sources) -> Section | None:
    """Build the section; None without a profile."""
    profile = sources.profile
    if profile is None:
        return None
    blocks: list[Block] = [machine.facts(profile.machine)]
    blocks += [drawn for name in ("ceilings", "roofline") if (drawn := picture(name, sources))]
    tables = [machine.ceilings(profile), machine.conditions(profile.conditions), machine.unstable(profile)]
    if sources.model is not None:
        tables.insert(1, machine.laws(sources.model))
    blocks += [table for table in (*tables, machine.skipped(profile)) if table.rows]
    if not profile.complete:
        blocks.insert(0, _cut_short(profile))
    return Section(
        title="The measured machine", lead=_lead(profile) + _bearing(sources, profile), blocks=tuple(blocks)
    )


def _lead(profile: Profile) -> str:
    n = len(profile.measurements)
    if not n:
        return "No kernel was measured."
    samples = sum(len(one.samples_s) for one in profile.measurements)
    unstable = sum(not one.stable for one in profile.measurements)
    steadiness = f"{count(unstable)} of them did not become stable" if unstable else "all of them stable"
    threads = profile.conditions.threads
    return f"{count(n)} measurements from {count(samples)} timed samples on {threads} threads, {steadiness}."


def _bearing(sources: Sources, profile: Profile) -> str:
    """Say so where nothing that the plan buys is this machine."""
    known = {profile.machine.cpu.catalog_id, *(one.catalog_id for one in profile.machine.devices)}
    if any(unit.device in known or unit.device.endswith(".json") for unit in sources.plan.units):
        return ""
    return " No line of the plan runs on this machine: it is shown for comparison."


def _cut_short(profile: Profile) -> Callout:
    text = (
        f"The bench stopped after its budget of {profile.conditions.budget_s:g} s with shapes left to "
        "measure; tonnage bench --resume continues it."
    )
    return Callout(tone=Tone.CAUTION, title="The sweep is not complete", text=text)
