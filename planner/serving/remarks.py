"""What a prediction says besides its numbers: what was assumed, what does not fit, what waits."""

from planner.deployment import Case, Load
from planner.serving import disaggregation, speculation
from planner.serving.placed import Placed
from planner.serving.steady_state import Service


def remarks(case: Case, placed: Placed, ready: Service, i: int, carried: float) -> tuple[str, ...]:
    """Return the remarks on one case, in the order in which they matter.

    Parameters
    ----------
    i : int
        Position of the case in `ready`.
    carried : float
        Requests per second that come through.
    """
    notes = list(placed.notes)
    s = ready.situation
    too_large = s.memory_known[i] and not s.fits[i]
    if too_large:
        notes.append("does not fit: weights, one sequence and the runtime exceed the device's memory")
    most, asked = placed.architecture.max_context, case.context + case.isl + case.osl
    if most is not None and asked > most:
        notes.append(f"beyond the model's window: {asked:,.0f} tokens, and it was made to read {most:,}")
    if not too_large and case.load is Load.CLOSED and case.concurrency > s.limit[i] * 1.0001:
        notes.append(f"at most {int(s.limit[i])} sequences run at once; the other users wait")
    if case.engine_version is not None and not placed.target.is_measured:
        notes.append(f"engine version {case.engine_version}: one calibration stands for all versions")
    if case.draft_model is not None:
        notes.append(_drafts(case, placed))
    if case.disaggregated is not None:
        count = case.prefill_instances
        notes.append(disaggregation.NOTE.format(count=count, s="" if count == 1 else "s"))
    if case.load is Load.OPEN:
        notes.append("percentiles over requests are queueing approximations")
        if case.requests_per_s is not None and carried < 0.99 * case.requests_per_s:
            notes.append(f"cannot keep up: {carried:.3g} of {case.requests_per_s:g} requests/s; waits grow")
    return tuple(notes)


def _drafts(case: Case, placed: Placed) -> str:
    special = placed.cut.variant
    assumed = " (assumed)" if case.acceptance_rate is None else ""
    return (
        f"{special.tokens_per_round:.2f} tokens per checked draft of {special.draft_tokens}, acceptance rate "
        f"{special.acceptance:g}{assumed}; {speculation.NOTE}"
    )
