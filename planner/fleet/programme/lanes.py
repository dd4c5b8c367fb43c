"""The rows that tie prefill units to decode units: what is read by one is written by another.

Notes
-----
Of class j, prefill kinds p of a lane read the parts f_pjt and its decode kinds d serve the parts f_djt
in period t. Kinds have ranks, and a request may go from p to d where rank p <= rank d. For each lane,
class, period and rank R::

    sum_{p of rank <= R} f_pjt  >=  sum_{d of rank <= R} f_djt

with equality at the highest rank, where both sums are of the whole lane. The decode kinds that may
follow a prefill kind are nested by rank, so these conditions are also enough to find every request a
pair (P. Hall, "On representatives of subsets", 1935: hand the requests of the prefill units of highest
rank to the decode units of highest rank, and so on down). With a single rank they are the conservation of
what flows through the lane. Demand rows count whole and decode kinds alone; loads, spares, domains,
stocks and limits are those of any kind, for each half by itself.
"""

from collections.abc import Iterator, Sequence

from planner.fleet.programme.layout import Layout, Share
from planner.fleet.programme.milp import Programme
from planner.fleet.programme.problem import Kind, Problem
from planner.role import HALVES, Role

NOTHING = 1e-12


def add_lane_rows(problem: Problem, layout: Layout, programme: Programme) -> None:
    """Add the rows of every lane, class and period; a half without the other is shut."""
    lanes: dict[tuple[str, int], list[Share]] = {}
    for share in layout.shares:
        kind = _half(problem, share.owner)
        if kind is not None:
            lanes.setdefault((kind.lane, share.klass), []).append(share)
    for (_, klass), own in lanes.items():
        ranks = sorted({problem.kinds[share.owner].rank for share in own})
        for t, period in enumerate(problem.spans):
            for rank in ranks if period.scale[klass] else ():
                row = [
                    (int(share.columns[t]), _sign(problem.kinds[share.owner]))
                    for share in own
                    if problem.kinds[share.owner].rank <= rank
                ]
                upper = 0.0 if rank == ranks[-1] else float("inf")
                programme.add(row, lower=0.0, upper=upper, period=t)


def _half(problem: Problem, owner: int) -> Kind | None:
    kind = problem.kinds[owner] if owner < len(problem.kinds) else None
    return kind if kind is not None and kind.role in HALVES else None


def _sign(kind: Kind) -> float:
    return 1.0 if kind.role is Role.PREFILL else -1.0


def pairs(kinds: Sequence[Kind], parts: Sequence[float]) -> Iterator[tuple[int, int, float]]:
    """Yield which prefill kind hands which part of a class to which decode kind.

    Parameters
    ----------
    kinds, parts : sequence
        Kinds, and the part of the class that each of them reads or serves.

    Yields
    ------
    tuple of int, int and float
        Place of the prefill kind, of the decode kind, and the part of the class that goes that way.
    """
    for lane in dict.fromkeys(kind.lane for kind in kinds if kind.role in HALVES):
        own = [place for place, kind in enumerate(kinds) if kind.lane == lane and parts[place] > NOTHING]
        left = {place: parts[place] for place in own}
        readers, writers = (
            sorted(
                (place for place in own if kinds[place].role is role),
                key=lambda place: (-kinds[place].rank, place),
            )
            for role in HALVES
        )
        for reader in readers:
            for writer in writers:
                part = min(left[reader], left[writer])
                if part > NOTHING and kinds[writer].rank >= kinds[reader].rank:
                    left[reader] -= part
                    left[writer] -= part
                    yield reader, writer, part
