"""The programme of a buying problem: its rows and objectives over the columns of a layout."""

from collections.abc import Iterator
from functools import cached_property

from planner.fleet.programme.chain_rows import add_chain_rows, most_tries, solver_of
from planner.fleet.programme.lanes import add_lane_rows
from planner.fleet.programme.layout import Layout, Share, Way
from planner.fleet.programme.milp import Programme, Vector
from planner.fleet.programme.problem import Priced, Problem, serving


class Columns:
    """A problem as a programme.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    partial : bool
        Let a part of the load go unserved, the same part of every class.
    counted : bool
        Add the switches that say whether a kind or offer is used at all.
    """

    def __init__(self, problem: Problem, *, partial: bool = False, counted: bool = False) -> None:
        self.problem = problem
        self.layout = Layout(problem, partial=partial, counted=counted)
        self.programme = Programme(self.layout.size)
        self._bound_columns()
        self._add_demand()
        self._add_load()
        self._add_domains()
        self._add_spares()
        self._add_switches()
        self._add_stock()
        self._add_use_limits()
        add_lane_rows(problem, self.layout, self.programme)
        add_chain_rows(problem, self.layout, self.programme)

    @cached_property
    def cost(self) -> Vector:
        """Objective: USD per hour on the mean over time."""
        cost = self.programme.vector()
        for t, period in enumerate(self.problem.spans):
            for way in self.layout.ways:
                cost[way.columns[t]] += period.time_frac * self._priced(way).usd_per_h
            for share in self.layout.shares:
                price = self._served_usd_per_h(share.owner, share.klass)
                cost[share.columns[t]] = period.time_frac * period.scale[share.klass] * price
            for chain, columns in zip(self.problem.tasks.chains, self.layout.chains, strict=True):
                cost[columns[t]] = period.time_frac * period.scale[chain.klass] * chain.usd_per_h
        return cost

    @property
    def used(self) -> Vector:
        """Objective: number of kinds and offers that take part."""
        cost = self.programme.vector()
        cost[self.layout.used] = 1.0
        return cost

    @property
    def served(self) -> Vector:
        """Objective: part of the load that is served."""
        cost = self.programme.vector()
        cost[self.layout.served] = 1.0
        return cost

    def _priced(self, way: Way) -> Priced:
        return self.problem.kinds[way.kind].purchases[way.place]

    def _served_usd_per_h(self, owner: int, klass: int) -> float:
        if owner < len(self.problem.kinds):
            prices = self.problem.kinds[owner].served_usd_per_h
            return prices[klass] if prices else 0.0
        return self.problem.offers[owner - len(self.problem.kinds)].usd_per_h[klass] or 0.0

    def _bound_columns(self) -> None:
        layout, programme = self.layout, self.programme
        programme.integral[: layout.first_share] = True
        programme.integral[layout.first_switch :] = True
        programme.upper[layout.first_switch :] = 1.0  # demand rows bound shares; bounds would blur its duals
        programme.integral[layout.served] = False
        programme.upper[layout.served] = float("inf")
        programme.integral[layout.chains] = False
        programme.upper[layout.chains] = float("inf")
        programme.upper[layout.absent] = 0.0
        if self.problem.whole_classes:
            programme.integral[layout.first_share : layout.first_switch] = True
        for t, period in enumerate(self.problem.spans):
            for share in layout.shares:
                if not period.scale[share.klass]:
                    programme.upper[share.columns[t]] = 0.0

    def _add_demand(self) -> None:
        everything = 0.0 if len(self.layout.served) else 1.0
        unserved = [(int(column), -1.0) for column in self.layout.served]
        tasks, serves = self.problem.tasks, (*serving(self.problem), *(True for _ in self.problem.offers))
        for t, period in enumerate(self.problem.spans):
            for j, scale in enumerate(period.scale):
                if scale and j in tasks.classes:
                    row = [(int(self.layout.chains[place, t]), 1.0) for place in tasks.of(j)]
                    self.programme.add([*row, *unserved], lower=everything, upper=everything, period=t)
                elif scale:
                    row = [
                        (share.columns[t], 1.0)
                        for share in self.layout.shares
                        if share.klass == j and serves[share.owner]
                    ]
                    self.programme.add([*row, *unserved], lower=everything, upper=everything, period=t)

    def _add_load(self) -> None:
        for t in range(self.layout.n_periods):
            for row in self._load(t):
                self.programme.add(row, upper=0.0, period=t)

    def _load(self, t: int) -> list[list[tuple[int, float]]]:
        """Busy units, spares and units that may fail, less those that are bought, per kind."""
        problem, layout, scale = self.problem, self.layout, self.problem.spans[t].scale
        rows: list[list[tuple[int, float]]] = [[] for _ in problem.kinds]
        for share in layout.shares:
            if share.owner < len(rows):
                busy = problem.rates[share.klass] * scale[share.klass]
                row = rows[share.owner]
                row.append((share.columns[t], busy / problem.kinds[share.owner].capacity[share.klass]))
        for way in layout.ways:
            usable = self._priced(way).usable
            rows[way.kind].append((way.columns[t], -usable))
            if len(way.per_domain):
                rows[way.kind].append((way.per_domain[t], problem.spare_domains * usable))
        for row, spares in zip(rows, layout.spares, strict=False):
            row.append((spares[t], problem.spare_units))
        return rows

    def _add_domains(self) -> None:
        """Spread evenly, the fullest of D domains holds at least the D-th part."""
        for way in self.layout.ways:
            pairs = dict.fromkeys(zip(way.columns, way.per_domain, strict=False))
            for column, fullest in pairs:
                self.programme.add([(column, 1.0), (fullest, -float(self.problem.domains))], upper=0.0)

    def _add_spares(self) -> None:
        """Require the spares of a kind in every period in which it serves anything."""
        if len(self.layout.spares):
            for share in self.layout.shares:
                if share.owner < len(self.problem.kinds):
                    most = self._most(share)
                    for column, spares in zip(share.columns, self.layout.spares[share.owner], strict=True):
                        self.programme.add([(column, 1.0), (spares, -most)], upper=0.0)

    def _most(self, share: Share) -> float:
        """Return the largest value of a share: 1, or the most tries that a chain asks of it."""
        if share.klass not in self.problem.tasks.classes:
            return 1.0
        solver, _ = solver_of(self.problem, share)
        return self._most_tries.get((share.klass, solver), 0.0)

    @cached_property
    def _most_tries(self) -> dict[tuple[int, str], float]:
        return most_tries(self.problem)

    def _add_switches(self) -> None:
        if len(self.layout.used):
            for share in self.layout.shares:
                most = self._most(share)
                for column in share.columns:
                    self.programme.add([(column, 1.0), (self.layout.used[share.owner], -most)], upper=0.0)

    def _add_stock(self) -> None:
        for name, stock in self.problem.stock.items():
            drawn = [(way, self._priced(way).use_of(name)) for way in self.layout.ways]
            for t in range(self.layout.n_periods):
                self.programme.add(
                    [(way.columns[t], use) for way, use in drawn], upper=float(stock), period=t
                )
        for name, stock in self.problem.mean_stock.items():
            row = [
                (way.columns[t], period.time_frac * self._priced(way).use_of(name))
                for t, period in enumerate(self.problem.spans)
                for way in self.layout.ways
            ]
            self.programme.add([*row, *self._drawn_by_offers(name)], upper=float(stock))

    def _drawn_by_offers(self, name: str) -> Iterator[tuple[int, float]]:
        first = len(self.problem.kinds)
        for share in self.layout.shares:
            if share.owner >= first:
                drawn = dict(self.problem.offers[share.owner - first].mean_draws).get(name)
                for t, period in enumerate(self.problem.spans if drawn else ()):
                    scale = period.time_frac * period.scale[share.klass]
                    yield int(share.columns[t]), scale * (drawn or ())[share.klass]

    def _add_use_limits(self) -> None:
        first = len(self.problem.kinds)
        for o, offer in enumerate(self.problem.offers, start=first):
            own = [share for share in self.layout.shares if share.owner == o]
            for limit in offer.limits:
                for t, period in enumerate(self.problem.spans):
                    row = [
                        (share.columns[t], limit.use[share.klass] * period.scale[share.klass] / limit.at_most)
                        for share in own
                    ]
                    self.programme.add(row, upper=1.0, period=t)

    def demand(self) -> Iterator[int]:
        """Yield the class of each demand row, which are the first rows."""
        for period in self.problem.spans:
            yield from (j for j, scale in enumerate(period.scale) if scale)
