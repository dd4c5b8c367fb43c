"""What is simulated: an engine's limits, a kind of instance, and a fleet of kinds behind a router."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from planner.role import HALVES, Role
from planner.simulate.step_law import StepLaw
from tonnage.errors import InvalidInput


class Batching(StrEnum):
    """How an engine forms batches."""

    CONTINUOUS = "continuous"
    """Requests join and leave at every step; paged cache; prompts in chunks."""
    STATIC = "static"
    """A batch is filled, padded, and replaced when its last request has ended."""
    SLOTS = "slots"
    """llama.cpp: so many slots of a fixed context each, chunked prompts."""


class Router(StrEnum):
    """How an arrival finds its instance."""

    RANDOM = "random"
    ROUND_ROBIN = "round-robin"
    LEAST_LOADED = "least-loaded"
    """Fewest prompt and output tokens of unfinished requests."""
    SHORTEST_QUEUE = "shortest-queue"
    """Fewest unfinished requests."""
    PREFIX_AFFINITY = "prefix-affinity"
    """Longest cached prefix, unless that line is a full batch longer; else the shortest queue."""
    BY_LENGTH = "by-length"
    """First kind whose length limit holds the request; shortest queue within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Limits of one instance.

    Attributes
    ----------
    max_sequences : int
        Seats: requests in a batch; slots of llama.cpp.
    token_budget : int
        Most tokens in one step: prompt chunks fill what decoding leaves.
    block_tokens, cache_blocks : int
        The paged cache. With slots a block is the context of one slot.
    max_tokens : int
        Longest prompt and output together.
    swap_s_per_block : float or None
        Time to move a block to or from the host; None recomputes what is preempted.
    draft_tokens : int
        Guesses a step verifies per sequence.
    acceptance : tuple of float
        Probability that a guess holds when those before it do, by position; the last goes on.
    """

    max_sequences: int = 256
    token_budget: int = 8192
    block_tokens: int = 16
    cache_blocks: int
    max_tokens: int = 2**40
    batching: Batching = Batching.CONTINUOUS
    swap_s_per_block: float | None = None
    draft_tokens: int = 0
    acceptance: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("max_sequences", "token_budget", "block_tokens", "cache_blocks", "max_tokens"):
            if getattr(self, name) < 1:
                raise InvalidInput(
                    f"{name} of a simulated engine must be 1 or more, not {getattr(self, name)}"
                )
        if self.token_budget < self.max_sequences * (1 + self.draft_tokens):
            full = self.max_sequences * (1 + self.draft_tokens)
            raise InvalidInput(
                f"token_budget {self.token_budget} is below the {full} tokens of a full decoding batch; "
                "raise it or lower max_sequences"
            )
        if self.draft_tokens < 0 or (self.draft_tokens > 0) != (len(self.acceptance) > 0):
            raise InvalidInput("draft_tokens, 0 or more, and acceptance go together")
        if not all(0 <= one <= 1 for one in self.acceptance):
            raise InvalidInput(f"acceptance must be within 0..1, not {self.acceptance}")
        if self.batching is Batching.STATIC and self.draft_tokens:
            raise InvalidInput("speculative decoding is simulated with continuous batching only")

    def acceptance_at(self, guess: int) -> float:
        """Return the probability that a guess holds, counted from 0, when those before it do."""
        return self.acceptance[min(guess, len(self.acceptance) - 1)]

    @property
    def cache_tokens(self) -> int:
        """Capacity of the cache in tokens."""
        return self.block_tokens * self.cache_blocks


def slots(count: int, *, context: int, token_budget: int = 2048) -> Engine:
    """Return llama.cpp's server: `count` slots that share the context evenly, prompts in batches of 2048.

    Parameters
    ----------
    count, context : int
        `--parallel` and the context of one slot (`--ctx-size` over `--parallel`).
    """
    return Engine(
        max_sequences=count,
        token_budget=max(token_budget, count),
        block_tokens=context,
        cache_blocks=count,
        max_tokens=context,
        batching=Batching.SLOTS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """Failures as exponential times: mean time up, mean time to repair."""

    up_s: float = math.inf
    down_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A threshold autoscaler: every `interval_s` one instance is started or drained.

    Started above `high` unfinished requests per instance, ready after the kind's
    cold start; drained below `low`, down to `least`.
    """

    interval_s: float
    high: float
    low: float
    least: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Identical instances.

    Attributes
    ----------
    share : dict or None
        Fraction of each traffic class (by number) that is sent here; None leaves it to the router.
    transfer_s, transfer_s_per_token : float
        Handoff of the cache from a prefill to a decode instance. [s], [s/token]
    pool : str
        Caches go from prefill to decode instances of the same.
    hands : dict
        Of a prefill kind: by traffic class, the fraction that goes on to each kind (by number); where it
        says nothing of a class, any decode instance of the pool.
    discards_first : bool
        Of a prefill kind: the decode instance makes the first token anew, with its first step. Otherwise
        that comes with the cache, and leaves when the request is admitted.
    """

    name: str = "instance"
    law: StepLaw
    engine: Engine
    count: int = 1
    role: Role = Role.WHOLE
    share: dict[int, float] | None = None
    length_limit: float = math.inf
    outages: Outages = Outages()
    cold_start_s: float = 0.0
    scaling: Scaling | None = None
    transfer_s: float = 0.0
    transfer_s_per_token: float = 0.0
    pool: str = ""
    hands: dict[int, dict[int, float]] = field(default_factory=dict)
    discards_first: bool = False
    usd_per_h: float | None = None
    busy_w: float | None = None
    idle_w: float | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidInput(f"count of '{self.name}' must be 1 or more, not {self.count}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Kinds of instances behind one router."""

    kinds: tuple[Kind, ...]
    router: Router = Router.SHORTEST_QUEUE

    def __post_init__(self) -> None:
        pools = [{kind.pool for kind in self.kinds if kind.role is role} for role in HALVES]
        if not self.kinds or pools[0] != pools[1]:
            raise InvalidInput("a fleet needs instances, and prefill instances go with decode instances")

    @property
    def size(self) -> int:
        """Instances of all kinds."""
        return sum(kind.count for kind in self.kinds)


def single(law: StepLaw, engine: Engine) -> Fleet:
    """Return a fleet of one instance."""
    return Fleet(kinds=(Kind(law=law, engine=engine),))
