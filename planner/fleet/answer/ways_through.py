"""Which units of a plan hand caches to which, unit by unit."""

from collections.abc import Iterator
from dataclasses import dataclass

from planner.deployment import cut_in_words
from planner.fleet.records.plan_record import Handover, Plan, Unit
from planner.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Places of units in a plan: one deployment that prefills, and one that decodes what it has read.

    Attributes
    ----------
    prefill, decode : tuple of int
        Several where one deployment is bought in several ways.
    share : dict of str to float
        Fraction of each traffic class that goes this way.
    told : Handover or None
        What the plan says of it.
    """

    prefill: tuple[int, ...]
    decode: tuple[int, ...]
    share: dict[str, float]
    told: Handover | None = None


def ways(plan: Plan) -> tuple[Way, ...]:
    """Return the ways of split requests through the units of a plan that are there.

    A plan that does not say them hands caches to any decode unit of a pool.
    """
    return tuple(_told(plan)) if plan.handovers else tuple(_by_pools(plan))


def _told(plan: Plan) -> Iterator[Way]:
    keys = [key_of_unit(unit) for unit in plan.units]
    for one in plan.handovers:
        sides = [
            tuple(
                place
                for place, unit in enumerate(plan.units)
                if unit.role == role and unit.pool == one.pool and keys[place] == key
            )
            for role, key in ((Role.PREFILL, one.prefill), (Role.DECODE, one.decode))
        ]
        if all(sides):
            yield Way(prefill=sides[0], decode=sides[1], share=one.share, told=one)


def _by_pools(plan: Plan) -> Iterator[Way]:
    for pool in dict.fromkeys(unit.pool for unit in plan.units if unit.role != Role.WHOLE):
        places = {
            role: tuple(
                place for place, unit in enumerate(plan.units) if unit.role == role and unit.pool == pool
            )
            for role in (Role.PREFILL, Role.DECODE)
        }
        share: dict[str, float] = {}
        for place in places[Role.DECODE]:
            for name, part in plan.units[place].share.items():
                share[name] = share.get(name, 0.0) + part
        yield Way(prefill=places[Role.PREFILL], decode=places[Role.DECODE], share=share)


def key_of_unit(unit: Unit) -> str:
    """Return how handovers name the deployment of a unit: as candidates are named."""
    return cut_in_words(
        unit.device, unit.model, unit.weights, unit.engine,
        devices=unit.devices_per_unit, tp=unit.tp, pp=unit.pp,
    )  # fmt: skip
