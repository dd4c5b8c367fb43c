"""Groups of a simulated case as kinds of instances: their engines set, priced, and linked to each other."""

from dataclasses import replace

from hw_targets import catalog
from hw_targets.device import Device
from planner.deployment import Case
from planner.role import Role
from planner.simulate.case_record import Autoscaler, EngineSettings, Group, SimulatedCase
from planner.simulate.deployments import Simulated, simulated
from planner.simulate.instance import Engine, Fleet, Kind, Outages, Scaling
from planner.simulate.step_law import StepLaw
from tonnage.errors import InvalidInput

PCIE_BYTES_PER_S_PER_LANE = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
"""One direction after line coding, by generation: PCI-SIG base specifications."""


def fleet_of(case: SimulatedCase, *, isl: float, osl: float) -> tuple[Fleet, tuple[str, ...]]:
    """Return the fleet of a case for requests of these mean lengths, and notes about it.

    Raises
    ------
    TonnageError
        If a group names what is unknown, does not fit, or lacks a link that it needs.
    """
    names = [traffic.name for traffic in case.traffic] or ["all"]
    kinds, notes = [], []
    for group in case.fleet or (Group(),):
        kind, more = _kind(case, group, names, isl=isl, osl=osl)
        kinds.append(kind)
        notes += [note for note in more if note not in notes]
    if any(kind.busy_w is not None for kind in kinds):
        notes.append(
            "energy is that of devices at their thermal limit while a step is under way; no idle power"
        )
    return Fleet(kinds=tuple(kinds), router=case.router), tuple(notes)


def _kind(
    case: SimulatedCase, group: Group, names: list[str], *, isl: float, osl: float
) -> tuple[Kind, tuple[str, ...]]:
    unknown = sorted(set(group.share) - set(names))
    if unknown:
        raise InvalidInput(
            f"case '{case.id}' shares class '{unknown[0]}', which is none of {', '.join(names)}"
        )
    asked = _asked(case, group, isl=isl, osl=osl)
    one = simulated(asked)
    device = catalog.get(asked.device) if asked.device in catalog.names() else None
    given = group.settings if group.settings != EngineSettings() else case.settings
    engine = with_settings(one, given, device)
    linked = _link(group, device, case.id) if group.role is Role.PREFILL else None
    rent = device.rent_usd_per_h if device is not None else None
    kind = Kind(
        name=f"{asked.model} {asked.weights} on {asked.devices} x {asked.device}",
        law=half_law(replace(one.law, draft_s=given.draft_s), group.role),
        engine=engine,
        count=group.count,
        role=group.role,
        share={names.index(name): part for name, part in group.share.items()} or None,
        length_limit=group.length_limit or float("inf"),
        outages=Outages(up_s=group.up_s or float("inf"), down_s=group.down_s),
        cold_start_s=group.cold_start_s,
        scaling=_scaling(group.autoscaler),
        transfer_s=group.handoff_s,
        transfer_s_per_token=one.cache_bytes_per_token / linked if linked else 0.0,
        pool="" if group.role is Role.WHOLE else group.pool,
        discards_first=one.discards_first and group.role is Role.PREFILL,
        usd_per_h=group.usd_per_h if group.usd_per_h is not None else rent and rent * asked.devices,
        busy_w=device.tdp_w * asked.devices if device is not None and device.tdp_w else None,
    )
    return kind, one.notes


def half_law(law: StepLaw, role: Role) -> StepLaw:
    """Return the step law of an instance in its role: nobody waits for steps of others on a half."""
    return law if role is Role.WHOLE else replace(law, wait_steps=0.0)


def _asked(case: SimulatedCase, group: Group, *, isl: float, osl: float) -> Case:
    """Return the case of one group; its devices follow from its own cut where that is given."""
    data = {**case.model_dump(include=set(Case.model_fields)), **group.overrides()}
    if group.devices is None and (group.tp or group.pp or group.device):
        data["devices"] = data["tp"] * data["pp"] * data["attention_dp"]
    lengths = {"isl": isl, "osl": osl, "length_spread": "fixed"}
    return Case.parse({**data, **lengths}, where=f"case '{case.id}'")


def with_settings(one: Simulated, given: EngineSettings, device: Device | None) -> Engine:
    """Return the engine of a deployment with the settings that are given."""
    engine, block = one.engine, given.block_tokens or one.engine.block_tokens
    if given.slot_tokens is not None:
        block = given.slot_tokens
    blocks = (given.cache_tokens or engine.cache_tokens) // block
    seats = given.max_sequences or engine.max_sequences
    if given.slot_tokens is not None:
        blocks = min(blocks, seats)
    if blocks < 1:
        raise InvalidInput(
            f"a cache of {given.cache_tokens} tokens holds no block of {block}; make it larger"
        )
    full = seats * (1 + given.draft_tokens)
    return Engine(
        max_sequences=seats,
        token_budget=given.token_budget or max(engine.token_budget, full),
        block_tokens=block,
        cache_blocks=blocks,
        max_tokens=given.slot_tokens or engine.max_tokens,
        batching=given.batching or engine.batching,
        swap_s_per_block=None if given.preemption == "recompute" else _swap_s(one, given, device) * block,
        draft_tokens=given.draft_tokens,
        acceptance=given.acceptance if given.draft_tokens else (),
    )


def _swap_s(one: Simulated, given: EngineSettings, device: Device | None) -> float:
    """Seconds to move the cache of a token to the host; devices of an instance do it side by side."""
    rate = given.host_bytes_per_s
    if rate is None and device is not None and device.pcie_generation and device.pcie_lanes:
        rate = PCIE_BYTES_PER_S_PER_LANE[device.pcie_generation] * device.pcie_lanes
    if rate is None:
        raise InvalidInput(
            'preemption "swap" needs host_bytes_per_s: the PCIe link of the device is not known'
        )
    return one.cache_bytes_per_token / rate


def _link(group: Group, device: Device | None, name: str) -> float:
    rate = group.link_bytes_per_s
    if rate is None and device is not None and device.link is not None:
        rate = device.link.bandwidth_bytes_per_s
    if rate is None:
        raise InvalidInput(
            f"case '{name}': a prefill group needs link_bytes_per_s: its device has no known link"
        )
    return rate


def _scaling(asked: Autoscaler | None) -> Scaling | None:
    return None if asked is None else Scaling(**asked.model_dump())
