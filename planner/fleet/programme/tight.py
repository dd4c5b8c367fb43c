"""Rows that cut off fractions of units and no whole ones.

Notes
-----
A class that keeps a = m + r units of a kind busy, m whole and 0 < r < 1, needs n >= a f units for
its part f. Of whole n, every (f, n) with 0 <= f <= 1 also satisfies

    n >= m + 1 - (a / r) (1 - f),

the mixed-integer rounding of that row (H. Marchand and L. A. Wolsey, "Aggregation and Mixed Integer
Rounding to Solve MIPs", Operations Research 49, 2001). With a below 1 it is n >= f: whoever serves
all of a class that is small has a whole unit for it.
"""

from math import floor

from planner.fleet.programme.columns import Columns

SMALL_REST = 1e-3
"""Smaller parts of a unit give rows that are steep and say nothing."""


def tighten(columns: Columns) -> None:
    """Add the rounded rows of every kind, class and period.

    Not where requests are tries at tasks: their shares are no parts of a whole.
    """
    problem, layout = columns.problem, columns.layout
    if problem.tasks.chains:
        return
    bought: dict[int, list[tuple[int, float]]] = {}
    for t, span in enumerate(problem.spans):
        bought.clear()
        for way in layout.ways:
            units = problem.kinds[way.kind].purchases[way.place].units
            bought.setdefault(way.kind, []).append((int(way.columns[t]), -float(units)))
        for share in layout.shares:
            if share.owner in bought:
                capacity = problem.kinds[share.owner].capacity[share.klass]
                busy = problem.rates[share.klass] * span.scale[share.klass] / capacity
                rest = busy - floor(busy)
                if rest > SMALL_REST:
                    steep = busy / rest
                    row = [(int(share.columns[t]), steep), *bought[share.owner]]
                    columns.programme.add(row, upper=steep - floor(busy) - 1, period=t)
