"""What a chain costs at least: its tries on full units of the cheapest kind that may make them."""

import math
from collections.abc import Iterator, Sequence

from planner.fleet.programme.chain import Chain
from planner.fleet.programme.problem import Problem


def least_usd_per_h(problem: Problem, chains: Sequence[Chain]) -> float:
    """Return a lower bound on the mean cost of serving whole classes on given chains [USD/h].

    Parameters
    ----------
    chains : sequence of Chain
        One per class with tasks; other classes are left out, which keeps the bound below.
    """
    return sum(_of_chain(problem, chain) for chain in chains)


def _of_chain(problem: Problem, chain: Chain) -> float:
    weight = sum(span.time_frac * span.scale[chain.klass] for span in problem.spans)
    tries = sum(ask.tries * _least_try(problem, chain.klass, ask.solver, ask.level) for ask in chain.asks)
    return weight * (chain.usd_per_h + tries)


def _least_try(problem: Problem, klass: int, solver: str, level: int) -> float:
    """Return the least cost of one try at every task of a class [USD/h]."""
    return min(_of_units(problem, klass, solver, level), _of_offers(problem, klass, solver, level))


def _of_units(problem: Problem, klass: int, solver: str, level: int) -> float:
    def costs() -> Iterator[float]:
        for kind in problem.kinds:
            name, own = kind.skill.of(klass)
            if kind.capacity[klass] and name == solver and own <= level:
                for way in kind.purchases:
                    paid = 0.0 if way.committed else way.usd_per_h / way.usable
                    served = kind.served_usd_per_h[klass] if kind.served_usd_per_h else 0.0
                    yield paid * problem.rates[klass] / kind.capacity[klass] + served

    return min(costs(), default=math.inf)


def _of_offers(problem: Problem, klass: int, solver: str, level: int) -> float:
    prices = [
        price
        for offer in problem.offers
        if (price := offer.usd_per_h[klass]) is not None
        and offer.skill.of(klass)[0] == solver
        and offer.skill.of(klass)[1] <= level
    ]
    return min(prices, default=math.inf)
