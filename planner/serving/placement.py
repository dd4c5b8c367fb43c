"""Where a deployment stands: its names resolved, and the coefficients that apply there."""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case, Deployment, Load
from planner.serving import variant
from planner.serving.coefficients import NAMES, CoefficientFile, Groups
from planner.serving.doubts import doubts, unlisted
from planner.serving.engines import resolve
from planner.serving.pace import in_step
from planner.serving.placed import Cut, Placed, applied
from planner.serving.step import backends
from planner.serving.step.target import target
from tonnage.errors import InvalidInput
from workloads import formats, models
from workloads.architecture import Architecture
from workloads.mixers import Attention, CompressedAttention, LatentAttention, SharedAttention
from workloads.shard import Shard
from workloads.storage import WeightFormat
from workloads.windows import all_windowed, without_windows

Array = NDArray[np.float64]
Index = NDArray[np.intp]
T = TypeVar("T")


@lru_cache(maxsize=65536)
def _place(
    device: str,
    engine_name: str | None,
    model: str,
    weights: str,
    kv: str | None,
    shard: Shard,
    lengths: str,
    api: str | None,
    version: str | None,
    load: Load | None,
) -> Placed:
    on = target(device)
    engine, notes = resolve(engine_name, kind=on.kind)
    stated, api = api, backends.backend(api, engine=engine.name, on=on)
    if api == backends.CORES:
        on = backends.cores(device)
        api = api if on.kind == "cpu" else backends.backend(None, engine=engine.name, on=on)
    form = formats.get(weights)
    architecture = models.get(model)
    if shard.pp > architecture.layers:
        raise InvalidInput(f"pp {shard.pp} stages are more than the {architecture.layers} layers of {model}")
    windows = not (engine.skips_windows and all_windowed(architecture))
    stranger = unlisted(engine, on)
    if kv is None and engine.narrow_kv and form.activation_dtype in ("fp8", "fp4"):
        kv = "FP8"
    return Placed(
        cut=Cut(model, form.id, kv, shard, windows=windows),
        architecture=architecture if windows else without_windows(architecture),
        weights=form,
        kv=formats.kv(kv),
        target=on,
        engine=engine,
        groups=Groups(
            engine=engine.name,
            weights=weight_class(form),
            device=on.id if on is target(device) else f"{on.id} cores",
            vendor=on.vendor,
            memory=on.memory_class,
            link=on.link_class,
            model=model,
            lengths=lengths,
            generation=on.generation,
            backend=api,
            version=version or "-",
            scales=scales(form, model),
            sort="experts" if architecture.has_experts else "dense",
            mixer=mixer_class(architecture),
            pace="together" if load is Load.CLOSED and in_step(engine, version, lengths=lengths) else "apart",
            load="offline" if load is Load.SATURATED else "served",
        ),
        is_listed=stranger is None,
        notes=(
            *notes,
            *on.notes,
            *(() if stranger is None else (stranger,)),
            *doubts(engine, form, architecture, shard, on),
            *backends.strangers(stated),
        ),
    )


def place(deployment: Deployment) -> Placed:
    """Resolve the names of a deployment.

    Raises
    ------
    UnknownName, InvalidInput, FormatError, FileProblem, OutsideRange
        What is wrong with the device, model, format or cut.
    """
    d = deployment
    shard = Shard(tp=d.tp, pp=d.pp, attention_dp=d.attention_dp, moe_tp=d.moe_tp, moe_ep=d.moe_ep)
    _ = shard.expert_cut
    lengths = "fixed" if getattr(d, "length_spread", "fixed") == "fixed" else "drawn"
    load = d.load if isinstance(d, Case) else None
    found = _place(
        d.device, d.engine, d.model, d.weights, d.kv, shard, lengths, d.backend, d.engine_version, load
    )
    return applied(found, variant.of(d))


def weight_class(form: WeightFormat) -> str:
    """Class of a weight format: formats of a class use devices alike."""
    if form.bits_per_weight >= 15.9:
        return "plain"
    return f"{form.family}-{round(form.bits_per_weight - 0.2)}"


BLOCK_SCALED = ("deepseek-", "kimi-k2", "minimax-m2", "qwen3")
"""Models whose FP8 checkpoints scale blocks of 128 x 128 weights: `weight_block_size` in the
quantization_config of their publishers' FP8 releases. Those of others scale tensors or channels."""


def scales(form: WeightFormat, model: str) -> str:
    """Say how 8-bit floats of a model are scaled; kernels for blocks are others than those for tensors."""
    if form.family != "fp8":
        return "-"
    blocks = form.id == "FP8_BLOCK128" or (form.id == "FP8_W8A8" and model.startswith(BLOCK_SCALED))
    return "block" if blocks else "tensor"


def mixer_class(architecture: Architecture) -> str:
    """Class of a model's mixers: kernels of a class are alike."""
    mixers = [mixer for block in architecture.blocks for mixer in block.mixers]
    if any(isinstance(mixer, LatentAttention) for mixer in mixers):
        return "latent"
    attends = (Attention, SharedAttention, CompressedAttention)
    return "heads" if all(isinstance(mixer, attends) for mixer in mixers) else "recurrent"


def groups_of(placed: Sequence[Placed]) -> list[Index]:
    """Group positions by what is lowered together."""
    found: defaultdict[Cut, list[int]] = defaultdict(list)
    for position, one in enumerate(placed):
        found[one.cut].append(position)
    return [np.array(positions, dtype=np.intp) for positions in found.values()]


def distinct(values: Sequence[T]) -> tuple[list[T], Index]:
    """Return the distinct objects, and which of them each value is."""
    places: dict[int, int] = {}
    distinct: list[T] = []
    which = np.empty(len(values), dtype=np.intp)
    for position, value in enumerate(values):
        if id(value) not in places:
            places[id(value)] = len(distinct)
            distinct.append(value)
        which[position] = places[id(value)]
    return distinct, which


def values(placed: Sequence[Placed], coefficients: CoefficientFile) -> dict[str, Array]:
    """Engine coefficients of every case, by name."""
    found: dict[Groups, int] = {}
    which = np.empty(len(placed), dtype=np.intp)
    for position, one in enumerate(placed):
        which[position] = found.setdefault(one.groups, len(found))
    rows = [coefficients.resolve(groups) for groups in found]
    return {name: np.array([getattr(row, name) for row in rows])[which] for name in NAMES}
