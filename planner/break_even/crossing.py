"""Where a staircase of whole units crosses a price per request.

Notes
-----
One unit costs p an hour and is full at a load F, as a factor on the load of the
scenario; an API charges A an hour for the whole of it. Units for a load f cost
p (ceil(f / F) + s), s spares, and the API A f. Full units cost as much as the API
where they are busy for

    u* = p / (A F)

of the time. Where u* is above 1, no volume pays for units. Otherwise k units that
carry the load pay off from f = (k + s) p / A on, up to k F; and from the first k
on with (k + s) p <= A (k - 1) F, they pay off always.
"""

import math
from dataclasses import dataclass

MOST_UNITS = 1_000_000
TIE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Where units of one kind pay off against one price.

    Attributes
    ----------
    utilization : float
        At which full-time units cost as much as the API; above 1 they never pay off.
    first, always : float or None
        Load at which units cost as little for the first time, and from which on they
        never cost more again; None if there is none. As a factor on the scenario's load.
    """

    utilization: float
    first: float | None
    always: float | None


def crossing(*, usd_per_h: float, full_at: float, api_usd_per_h: float, spare: int = 0) -> Crossing:
    """Return where a kind of unit pays off.

    Parameters
    ----------
    usd_per_h : float
        Price of one unit. [USD/h]
    full_at : float
        Load that one unit carries, as a factor on the scenario's load.
    api_usd_per_h : float
        What the API charges for the scenario's load. [USD/h]
    spare : int
        Units beyond what the load needs.
    """
    if api_usd_per_h <= 0:
        return Crossing(utilization=math.inf, first=None, always=None)
    step = usd_per_h / api_usd_per_h  # of load that pays for one unit
    utilization = step / full_at
    if utilization >= 1:
        at_limit = utilization <= 1 + TIE and spare == 0
        return Crossing(utilization=utilization, first=full_at if at_limit else None, always=None)
    # k units pay off somewhere once (k + s) step <= k F, and everywhere once (k + s) step <= (k - 1) F.
    fewest = max(1, math.ceil(spare * step / (full_at - step) - TIE))
    lasting = max(1, math.ceil((full_at + spare * step) / (full_at - step) - TIE))
    if lasting > MOST_UNITS:
        return Crossing(utilization=utilization, first=(fewest + spare) * step, always=None)
    before = lasting - 1
    always = (before + spare) * step if before >= fewest else (lasting + spare) * step
    first = max((fewest + spare) * step, (fewest - 1) * full_at)
    return Crossing(utilization=utilization, first=first, always=max(always, first))
