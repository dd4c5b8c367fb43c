"""Step laws and engine limits of real deployments, from the laws that predictions are made of.

The step time of `planner.serving` is evaluated on a grid, part by part:

    f(T)     a step over T prompt tokens, its attention left out
    h(A)     the attention of a prompt chunk, by (query, key) pairs
    g(n, S)  what a decode step of n sequences with S cached tokens takes beyond f(n)

The parts are exact on the grid; a step that mixes them is their sum, as the
kernels of an engine run one after the other. `adapter_errors` measures what the
interpolation costs.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case, Load
from planner.serving import coefficients, intervals, memory, placement
from planner.serving.disaggregation import first_token_steps
from planner.serving.placed import Placed
from planner.serving.predict import evidence
from planner.serving.step.ideal import Ideal, ideal
from planner.serving.step.step_time import step_time
from planner.serving.step.work import StepWork
from planner.simulate.instance import Batching, Engine
from planner.simulate.step_law import StepLaw
from tonnage.errors import InvalidInput
from workloads import footprint
from workloads.lower import lower
from workloads.ops import Step

Array = NDArray[np.float64]
BLOCK_TOKENS = 16
"""Tokens of a cache block: vLLM's default."""
MOST_BLOCKS = 2**31
_ATTENTION = 2
_CONTEXTS = (64, 256, 1024, 4096, 16_384, 65_536)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A deployment as the simulator takes it.

    Attributes
    ----------
    cache_bytes_per_token : float
        On one device, at the mean length of a request. [bytes]
    discards_first : bool
        As a prefill instance: the decode instance makes the first token anew.
    """

    law: StepLaw
    engine: Engine
    cache_bytes_per_token: float
    discards_first: bool
    notes: tuple[str, ...]


class StepTimes:
    """Seconds of any step of one deployment."""

    def __init__(self, placed: Placed) -> None:
        self.placed = placed
        self.values = _eased(placement.values([placed], coefficients.shipped()), placed.target.strain)
        self.stages = float(placed.cut.shard.pp)

    def seconds(self, step: Step, sampled: Array, *, attention: bool = True) -> Array:
        """Return the time of steps [s] through all stages; `attention` False leaves that of prompts out."""
        one = self.placed
        ops = lower(one.architecture, step, weights=one.weights, kv=one.kv, shard=one.cut.shard)
        found = ideal(StepWork.of(ops), [one.target], np.zeros(sampled.shape, dtype=np.intp))
        found.sequences[:] = sampled / one.cut.shard.attention_dp
        if not attention:
            found = _without_attention(found)
        once = self.values["step_s"]
        total_s = step_time(found, self.values).total_s
        return np.asarray(self.values["step_factor"] * (self.stages * (total_s - once) + once))

    def decode(self, sequences: Array, context: Array) -> Array:
        """Time steps of `sequences` that each have `context` tokens in the cache."""
        each = sequences / self.stages
        return self.seconds(Step(decode_sequences=each, decode_context=context), each)

    def prompt(self, tokens: Array, context: Array, *, attention: bool = True) -> Array:
        """Time steps over a chunk of one prompt."""
        each = tokens / self.stages
        ones = np.ones_like(each)
        step = Step(prefill_sequences=ones, prefill_tokens=each, prefill_context=context)
        return self.seconds(step, ones, attention=attention)


def _eased(values: dict[str, Array], strain: float) -> dict[str, Array]:
    """Lower the shares of the peak by the power limit, as `planner.serving.steady_state` does."""
    ease = np.exp(-values["strain_power"] * strain)
    fracs = ("matmul_frac", "expert_matmul_frac")
    return {**values, **{name: np.minimum(values[name] * ease, coefficients.FRAC_CEILING) for name in fracs}}


def _without_attention(whole: Ideal) -> Ideal:
    parts = {}
    for name in ("memory_s", "compute_s", "unpack_s"):
        parts[name] = getattr(whole, name).copy()
        parts[name][_ATTENTION] = 0.0
    return replace(whole, **parts)


def simulated(case: Case) -> Simulated:
    """Return the step law and the limits of a deployment; its lengths size the cache.

    Raises
    ------
    TonnageError
        If a name is unknown, or the model does not fit the device.
    """
    _refuse_unmodelled(case)
    placed = placement.place(case)
    engine = _engine(case, placed)
    law = _law(placed, engine)
    if case.load is not Load.CLOSED or case.concurrency == 1:
        # Alone nobody waits; who comes at random waits for the running step, which is simulated.
        law = replace(law, wait_steps=0.0)
    return Simulated(
        law=law,
        engine=engine,
        cache_bytes_per_token=_token_bytes(case, placed),
        discards_first=first_token_steps(placed.engine.name) > 0,
        notes=placed.notes,
    )


def _refuse_unmodelled(case: Case) -> None:
    """Refuse what `predict` knows and the simulator does not, rather than leave it out unsaid."""
    special = {
        "draft_model": case.draft_model is not None,
        "lora_rank": case.lora_rank > 0,
        "prefix_cache_hit": case.prefix_cache_hit > 0,
        "disaggregated": case.disaggregated is not None,
    }
    asked = [name for name, is_set in special.items() if is_set]
    if asked:
        raise InvalidInput(
            f"case '{case.id}': {', '.join(asked)} is for 'tonnage predict'; what the simulator has of it "
            "stands in 'settings' and 'fleet'"
        )


def _token_bytes(case: Case, placed: Placed) -> float:
    tokens = case.context + (case.isl + case.osl / 2) * case.mean_length_frac
    whole = footprint.cache_bytes(
        placed.architecture, placed.kv, placed.cut.shard, tokens=tokens, sequences=1.0
    )
    return float(whole) * placed.cut.shard.attention_dp / tokens


def _engine(case: Case, placed: Placed) -> Engine:
    policy, shard = placed.engine, placed.cut.shard
    prompt = np.array([case.context + case.isl * case.mean_length_frac])
    output = np.array([case.osl * case.mean_length_frac])
    room = memory.room(
        placed.architecture,
        weights=placed.weights,
        kv=placed.kv,
        shard=shard,
        engines=(policy,),
        which=np.zeros(1, dtype=np.intp),
        memory_bytes=np.array([placed.target.memory_bytes or np.inf]),
        prompt=prompt,
        output=output,
    )
    full = policy.reserve == "full"
    tokens = float(room.sequences[0]) * float((prompt + (output if full else output / 2))[0])
    blocks = int(min(tokens // BLOCK_TOKENS, MOST_BLOCKS))
    if blocks < 1 or room.sequences[0] < 1:
        raise InvalidInput(
            f"{case.model} {case.weights} leaves no room for a request of {case.isl + case.osl:g} tokens on "
            f"{case.devices} x {case.device}; use more devices, a smaller format or shorter requests"
        )
    seats = policy.max_sequences * shard.attention_dp
    return Engine(
        max_sequences=seats,
        token_budget=max(policy.chunk_tokens, seats),
        block_tokens=BLOCK_TOKENS,
        cache_blocks=blocks,
        batching=Batching.SLOTS if full else Batching.CONTINUOUS,
    )


def _law(placed: Placed, engine: Engine) -> StepLaw:
    times, file = StepTimes(placed), coefficients.shipped()
    tokens = np.concatenate([[0.0], _grid(engine.token_budget, per_octave=4)])
    linear_s = times.prompt(np.maximum(tokens, 1.0), np.zeros_like(tokens), attention=False)
    sequences = np.concatenate([[0.0], _grid(engine.max_sequences, per_octave=2)])
    cached = np.concatenate([[0.0], np.geomspace(256, max(engine.cache_tokens, 512), 12)])
    n, s = np.meshgrid(np.maximum(sequences, 1.0), cached, indexing="ij")
    decode_s = times.decode(n.ravel(), (s / n).ravel()).reshape(n.shape)
    beyond_s = np.maximum(decode_s - np.interp(n, tokens, linear_s), 0.0)
    beyond_s[0] = 0.0
    pairs, pairs_s = _pairs(times, engine)
    return StepLaw(
        token_knots=tokens,
        token_s=linear_s,
        sequence_knots=sequences,
        cached_knots=cached,
        decode_s=beyond_s,
        pair_knots=pairs,
        pairs_s=pairs_s,
        request_s=float(times.values["request_s"][0]),
        wait_steps=float(times.values["wait_steps"][0]),
        sigma_log=intervals.sigma("tpot", placed, file),
        evidence=evidence(placed, file),
    )


def _pairs(times: StepTimes, engine: Engine) -> tuple[Array, Array]:
    """Attention of whole prompts up to the token budget, then of full chunks on a growing context."""
    short = _grid(engine.token_budget, per_octave=2)
    chunk = np.concatenate([short, np.full(len(_CONTEXTS), float(engine.token_budget))])
    context = np.concatenate([np.zeros_like(short), np.array(_CONTEXTS, dtype=np.float64)])
    seconds = times.prompt(chunk, context) - times.prompt(chunk, context, attention=False)
    pairs = chunk * (context + 0.5 * (chunk + 1))
    rising = np.maximum.accumulate(np.maximum(seconds, 0.0))
    return np.concatenate([[0.0], pairs]), np.concatenate([[0.0], rising])


def _grid(top: int, *, per_octave: int) -> Array:
    """Whole numbers from 1 to `top`, so many to an octave."""
    count = int(np.ceil(np.log2(max(top, 2)) * per_octave)) + 1
    return np.unique(np.rint(np.geomspace(1, max(top, 2), count)))


def adapter_errors(case: Case, *, points: int = 200, seed: int = 0) -> Array:
    """Return relative errors of the tabulated law at random steps between its knots.

    Half of them are decode steps, half prompt chunks on a context.
    """
    placed = placement.place(case)
    engine = _engine(case, placed)
    law, times = _law(placed, engine), StepTimes(placed)
    draw = np.random.default_rng(seed)
    n = np.rint(np.exp(draw.uniform(0, np.log(min(engine.max_sequences, 256)), points // 2)))
    context = np.exp(draw.uniform(np.log(32), np.log(max(case.isl + case.osl, 64)), points // 2))
    decode = law.step_s(tokens=n, sequences=n, cached=n * context) / times.decode(n, context)
    tokens = np.rint(np.exp(draw.uniform(np.log(16), np.log(engine.token_budget), points // 2)))
    earlier = np.rint(draw.uniform(0, case.isl, points // 2))
    prompt = law.step_s(tokens=tokens, pairs=tokens * (earlier + 0.5 * (tokens + 1)))
    return np.concatenate([decode, prompt / times.prompt(tokens, earlier)]) - 1.0
