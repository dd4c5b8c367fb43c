"""From steps to service: what users of a replica see once it runs steadily.

Notation: T(n) time of a decode step with n running sequences, P time that one prompt adds to
steps, o = output tokens - 1 (the first token comes out of the prefill). Prompts are mixed into
decode steps; every one of the o / n steps per finished request carries one:

    TPOT = T(n) + (1 - wave) share P (n - 1) / o                 (prefill interference)
    TTFT = request + passes prefill + wait TPOT + wave P (n - 1) (steps waited, other prompts first)
    n    = users o TPOT / (TTFT + o TPOT)                        (Little: share of users decoding)

In one turn of the loop every other user prefills once: what of it a request does not wait for before
its first token, it waits for between later ones, so the two shares add up to one. All users start at
once; of ten turns, the first then makes each wait for half of the others: wave = 0.05.

T is interpolated between sizes of the batch; users beyond the limit queue outside.
"""

from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from planner.serving.coefficients import FRAC_CEILING
from planner.serving.situation import Situation
from planner.serving.step.step_time import StepTime, Values, step_time

Array = NDArray[np.float64]
_ROUNDS = 12
RESIDUAL_STEPS = 0.5
"""Rest of the running step that a request which comes at random finds, on the mean. From 46 published runs of
TensorRT-LLM at 2 to 32 requests a second (Llama 8B and 70B on H100 and H200) the median is 0.42 steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Time laws of a replica, ready to be evaluated at any batch size."""

    situation: Situation
    values: Values
    decode: tuple[StepTime, ...]
    """Of each size in `situation.sizes`."""
    chunk: StepTime
    prompt_s: Array
    """P: seconds that one prompt adds to steps that run anyway."""
    prefill_s: Array
    """Seconds of a prompt on an idle replica, its own steps included."""
    _knots: tuple[tuple[Array, Array, Array], ...] = field(init=False, repr=False)
    """Size, time and slope up to the next larger size, of every size that was lowered."""

    def __post_init__(self) -> None:
        sizes = self.situation.sizes
        times = [self._latency_s(step) for step in self.decode]
        knots = []
        for k in range(len(times) - 1):
            gap = sizes[k] - sizes[k + 1]
            rise = np.maximum(times[k] - times[k + 1], 0.0)
            slope = np.where(gap > 1e-9, rise / np.maximum(gap, 1e-9), 0.0)
            knots.append((sizes[k], times[k], np.asarray(slope)))
        knots.append((sizes[len(times) - 1], times[-1], np.zeros_like(times[-1])))
        object.__setattr__(self, "_knots", tuple(knots))

    def decode_s(self, running: Array) -> Array:
        """T(n) through all pipeline stages; n counts the whole instance.

        Piecewise linear between the sizes that were lowered.
        """
        size = np.maximum(running / self.situation.stages, 1.0)
        *upper, last = self._knots
        if not upper:
            return np.asarray(np.broadcast_to(last[1], np.broadcast_shapes(last[1].shape, size.shape)))
        at, time_s, slope = upper[0]
        found = time_s + slope * (size - at)
        for at, time_s, slope in upper[1:]:
            found = np.where(size < at, time_s + slope * (size - at), found)
        return np.asarray(np.maximum(found, last[1]))

    def _latency_s(self, step: StepTime) -> Array:
        """Through all stages: kernels, messages and launches of each; scheduling once."""
        once = self.values["step_s"]
        return np.asarray(self.values["step_factor"] * (self.situation.stages * (step.total_s - once) + once))

    def interference_s(self, running: Array) -> Array:
        """Mean delay of a decode step by prompts of other requests."""
        steps = np.maximum(self.situation.demand.output - 1.0, 1.0)
        others = np.maximum(running / self.situation.replicas - 1.0, 0.0)
        return np.asarray(self.prompt_share * others / steps * self.prompt_s)

    @property
    def prompt_share(self) -> Array:
        """Part of the time of others' prompts that decoding waits for."""
        return np.asarray(self.values["prefill_share"] * np.maximum(1.0 - self.values["wave_share"], 0.0))


def service(situation: Situation, values: Values) -> Service:
    """Apply engine coefficients to a situation; its limit becomes what the engine admits."""
    ease = np.exp(-values["strain_power"] * situation.strain)
    fracs = ("matmul_frac", "expert_matmul_frac")
    values = {**values, **{name: np.minimum(values[name] * ease, FRAC_CEILING) for name in fracs}}
    values = _met_at_random(situation, values)
    places = np.minimum(values["room_frac"] * situation.room, situation.most)
    situation = replace(situation, limit=np.maximum(places, 1.0))
    chunk = step_time(situation.prompt_chunk, values)
    decode = tuple(step_time(ideal, values) for ideal in situation.decode)
    added = step_time(situation.mixed, values).marginal_s - decode[0].marginal_s
    return Service(
        situation=situation,
        values=values,
        decode=decode,
        chunk=chunk,
        prompt_s=np.asarray(situation.chunks * added / situation.mixed_prompts),
        prefill_s=np.asarray(situation.passes * chunk.total_s),
    )


def _met_at_random(situation: Situation, values: Values) -> Values:
    """Leave out what only the users of a closed loop wait for, where requests come at random.

    Those start at once and go on in waves, and scripts of published loops let engines gather prompts for
    up to thirty steps. Who comes at random waits for the rest of the running step; other prompts are met by
    chance, which `open_load` counts.
    """
    alone = situation.demand.at_random
    steps, passes = values["wait_steps"], values["prompt_passes"]
    return {
        **values,
        "wait_steps": np.where(alone, np.minimum(steps, RESIDUAL_STEPS), steps),
        "prompt_passes": np.where(alone, 1.0, passes),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A replica in its steady state; arrays over cases."""

    ttft_s: Array
    tpot_s: Array
    requests_per_s: Array
    running: Array
    queue_s: Array
    """Part of the time to first token that was spent outside the batch."""
    load_frac: Array
    """Share of the replica's places or prefill time in use; below 1 it keeps up."""

    def merged(self, other: "State", where: NDArray[np.bool_]) -> "State":
        """Return this state with that of another load for some of the cases."""
        names = [each.name for each in fields(State)]
        return State(**{name: np.where(where, getattr(other, name), getattr(self, name)) for name in names})


def closed(s: Service) -> State:
    """Solve for users who each send the next request when the last one ends.

    Users beyond the limit wait outside for a place: by Little's law over the
    whole loop, the throughput is limit / (time inside).
    """
    demand = s.situation.demand
    inside = 1.0 + soft_minimum(demand.users - 1.0, s.situation.limit - 1.0)
    steps = np.maximum(demand.output - 1.0, 0.0)
    prompts_s = inside / s.situation.replicas * s.prompt_s
    decoding = inside
    ttft = tpot = np.zeros(inside.shape)
    for _ in range(_ROUNDS):
        tpot = s.decode_s(decoding) + s.interference_s(decoding)
        ttft = np.maximum(first_token_s(s, decoding, tpot), prompts_s - steps * tpot)
        share = steps * tpot / (ttft + steps * tpot)
        decoding = 0.5 * decoding + 0.5 * np.maximum(inside * share, np.minimum(inside, 1.0))
    rate = inside / (ttft + steps * tpot)
    queue = np.maximum(demand.users - inside, 0.0) / rate
    return State(
        ttft_s=ttft + queue,
        tpot_s=tpot,
        requests_per_s=rate,
        running=inside,
        queue_s=queue,
        load_frac=np.ones_like(rate),
    )


def soft_minimum(a: Array, b: Array) -> Array:
    """Smaller of two counts, less where they are near: lengths vary, so memory fills up now and then.

    low / (1 + (low / high)^8)^(1/8): at equality 8 % of the users wait, at half the places 0.05 %.
    """
    low, high = np.minimum(a, b), np.maximum(a, b)
    ratio = np.divide(low, high, out=np.zeros_like(low), where=high > 0)
    square = ratio * ratio
    eighth = square * square * square * square
    return np.asarray(low / np.sqrt(np.sqrt(np.sqrt(1.0 + eighth))))


def first_token_s(s: Service, running: Array, tpot: Array) -> Array:
    """Time to first token of a request that is admitted at once.

    Where places are for one sequence alone, nobody else's prompts or steps are in its way.
    """
    v = s.values
    others = np.maximum(running / s.situation.replicas - 1.0, 0.0)
    shared = _shared(s)
    prefill = s.prefill_s * (1.0 + shared * np.maximum(v["prompt_passes"] - 1.0, 0.0))
    steps = shared * v["wait_steps"]
    wave = v["wave_share"] * others * s.prompt_s
    return np.asarray(v["first_token_factor"] * (v["request_s"] + prefill + steps * tpot + wave))


def residual_s(s: Service, tpot: Array) -> Array:
    """Mean rest of the running step that a request finds which comes at random; evenly spread from zero."""
    steps = np.minimum(s.values["wait_steps"], RESIDUAL_STEPS)
    return np.asarray(s.values["first_token_factor"] * _shared(s) * steps * tpot)


def _shared(s: Service) -> Array:
    """Return 1 where others may be in the way, 0 where places are for one sequence alone."""
    return np.clip(np.minimum(s.situation.demand.users, s.situation.limit) - 1.0, 0.0, 1.0)


def saturated(s: Service) -> State:
    """Solve for a queue that never empties: the batch is as large as memory and policy allow."""
    limit = s.situation.limit
    steps = np.maximum(s.situation.demand.output - 1.0, 0.0)
    tpot = s.decode_s(limit) + s.interference_s(limit)
    inside = steps * tpot + s.prefill_s
    rate = s.values["ramp_frac"] * limit / inside
    return State(
        ttft_s=s.prefill_s,
        tpot_s=tpot,
        requests_per_s=np.asarray(rate),
        running=limit,
        queue_s=np.zeros(limit.shape),
        load_frac=np.ones(limit.shape),
    )
