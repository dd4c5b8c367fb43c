"""How wide intervals are for sources that nobody measured: another client, another launch script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.serving.coefficients import CoefficientFile, Spread
from planner.serving.fitting.measured import Row, by_metric, engine_of
from planner.serving.intervals import total, unseen
from planner.serving.placement import place
from tonnage.evidence import Z90

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Rows that a fit has not seen, their log errors under it, and what it knows."""

    rows: Sequence[Row]
    errors: Array
    file: CoefficientFile


def widths(
    spread: Mapping[str, Spread], parts: Sequence[Unseen], rows: Sequence[Row], errors: Array
) -> dict[str, Spread]:
    """Let intervals of new sources hold 80 % of wider rows and of sources left out, together.

    Then those of engines on devices of which neither was measured hold 80 % of such wider rows: engines
    that are left out leave their devices behind with others, so that held-out errors say nothing of it.

    Parameters
    ----------
    spread : mapping to Spread
        By metric; all but what is new of sources and stacks is taken over.
    parts : sequence of Unseen
        Wider rows, each under a fit that has not seen it.
    rows, errors
        Rows of the fit, and their log errors with their source left out.
    """
    found, own = dict(spread), by_metric(rows)
    told = [_lacking(part, spread) for part in parts]
    for name in sorted({name for lacking, _ in told for name in lacking}):
        lacking = np.concatenate([one[name] for one, _ in told if name in one])
        strange = np.concatenate([one[name] for _, one in told if name in one])
        left_out = (errors[own[name]] / Z90) ** 2 - total(spread[name], {"new_run"}) ** 2
        needed = _needed(np.concatenate([lacking, left_out]))
        found[name] = spread[name].model_copy(
            update={
                "new_source": rounded(needed),
                "new_stack": rounded(_needed(lacking[strange] - needed**2)),
            }
        )
    return found


def _lacking(
    part: Unseen, spread: Mapping[str, Spread]
) -> tuple[dict[str, Array], dict[str, NDArray[np.bool_]]]:
    """Return the variance that each row lacks, and whether neither engine nor device is known; by metric."""
    alone = [part.file.is_stream(row.case, engine_of(row)) for row in part.rows]
    named = [replace(row, stratum="single" if one else "") for row, one in zip(part.rows, alone, strict=True)]
    lacking, strange = {}, {}
    for name, inside in by_metric(named).items():
        if name not in spread:
            continue
        new = [unseen(place(part.rows[i].case), part.file) for i in inside]
        known = [total(spread[name], one - {"new_source", "new_stack"}) for one in new]
        lacking[name] = np.asarray((part.errors[inside] / Z90) ** 2 - np.array(known) ** 2)
        strange[name] = np.array(["new_stack" in one for one in new])
    return lacking, strange


def _needed(lacking: Array) -> float:
    """Sigma that gives 80 % of the rows the variance that they lack; zero where there are none."""
    found = lacking[np.isfinite(lacking)]
    return float(np.sqrt(max(np.quantile(found, 0.8), 0.0))) if found.size else 0.0


def rounded(value: float) -> float:
    """Four digits: no fit knows more."""
    return float(f"{value:.4g}")
