"""Prefill on devices of its own: no prompt delays a decode step, but every cache has to move.

    TTFT = request + wait for one of r prefill instances + prefill + cache / (0.8 link) + f T(n)
    TPOT = T(n), without interference
    rate <= r / (prefill time of a prompt)

No first token is sent before the cache has moved: users have it from the decode instance, in f = 0 or
1 steps (`first_token_steps`). The transfer is counted after the prefill as a whole; engines that send
layer by layer hide part of it. Each device sends its own shard over its own link. Splitwise (Patel et
al., ISCA 2024) and DistServe (Zhong et al., OSDI 2024) describe the arrangement.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from planner.deployment import Case
from planner.serving.placed import Placed
from planner.serving.steady_state import Service, State
from tonnage.blocks import Blocks
from tonnage.errors import UnknownName
from tonnage.files import Record
from workloads import footprint

Array = NDArray[np.float64]
CATALOG = Path(__file__).with_name("links.toml")
REACH_FRAC = 0.8
"""Share of a link's rate that a large transfer reaches (ASSUMED)."""
MAKE_FIRST_ANEW: Final = frozenset({"vllm"})
"""Engines of which the decode instance makes the first token itself. vLLM: the proxy asks the prefill
instance for one token and drops it, and the decode instance computes the last token of the prompt again
(tests/v1/kv_connector/nixl_integration/toy_proxy_server.py @ 030ea52; vllm/v1/core/sched/scheduler.py,
_update_waiting_for_remote_kv). The others send the token of the prefill instance once the cache is there.
SGLang: with the metadata of the cache (python/sglang/srt/disaggregation/decode.py, _commit_transfer_to_req).
TensorRT-LLM: before the first step (tensorrt_llm/serve/openai_disagg_service.py @ 00bb903, which answers
with the generation server alone; _handle_first_token_response of its PyExecutor). Read November 2026."""
NOTE = "disaggregated: figures are per decode instance, with {count} prefill instance{s} beside it"


class PoolLink(Record):
    """An interconnect between pools: bytes/s of one device's share, one direction."""

    name: str
    bytes_per_s: float = Field(gt=0)
    source: str


@cache
def _links() -> dict[str, PoolLink]:
    blocks = Blocks.read(CATALOG)
    return {name: PoolLink.parse({"name": name, **blocks[name]}, where=str(CATALOG)) for name in blocks}


def link(name: str) -> PoolLink:
    """Return an interconnect by name.

    Raises
    ------
    UnknownName
        Listing the near names.
    """
    found = _links().get(name.strip().lower())
    if found is None:
        raise UnknownName("interconnect", name, _links(), hint=f"known are {', '.join(_links())}")
    return found


def transfer_s(placed: Placed, tokens: float, over: PoolLink) -> float:
    """Time to move the cache of one sequence of `tokens` between pools [s]."""
    shard = placed.cut.shard
    share = footprint.cache_bytes(placed.architecture, placed.kv, shard, tokens=tokens, sequences=1.0)
    return float(share) * shard.attention_dp / (REACH_FRAC * over.bytes_per_s)


def first_token_steps(engine: str) -> float:
    """Return the steps of a decode instance that the first token takes, beyond its place in the batch."""
    return 1.0 if engine in MAKE_FIRST_ANEW else 0.0


def apart(ready: Service, cases: Sequence[Case], placed: Sequence[Placed]) -> Service:
    """Return the replica as a decode instance of its own, where cases ask for it."""
    where = np.array([case.disaggregated is not None for case in cases])
    if not where.any():
        return ready
    demand = ready.situation.demand
    moved = np.zeros(len(cases))
    for i, case in enumerate(cases):
        if case.disaggregated is None:
            continue
        over = link(case.disaggregated)
        moved[i] = transfer_s(placed[i], float(demand.context[i] + demand.prompt[i]), over)
    values = dict(ready.values)
    first = np.array([first_token_steps(one.engine.name) for one in placed])
    values["prefill_share"] = np.where(where, 0.0, values["prefill_share"])
    values["wait_steps"] = np.where(where, first, values["wait_steps"])
    values["request_s"] = values["request_s"] + moved
    alone = prefill_alone_s(ready) / np.array([case.prefill_instances for case in cases])
    return replace(ready, values=values, prompt_s=np.where(where, alone, ready.prompt_s))


def prefill_alone_s(ready: Service) -> Array:
    """Time that one prompt takes of a prefill instance that does nothing else [s]."""
    return np.asarray(ready.situation.chunks * ready.chunk.total_s)


def capped(state: State, ready: Service, cases: Sequence[Case]) -> State:
    """Return a steady state in which no more prompts come through than the prefill instances pass.

    Closed loads: what the prefill holds back waits there, by Little's law over the whole loop, and
    the decode instance runs emptier.
    """
    where = np.array([case.disaggregated is not None for case in cases])
    if not where.any():
        return state
    most = np.where(where, ready.situation.replicas / np.maximum(ready.prompt_s, 1e-12), np.inf)
    slow = state.requests_per_s > most
    if not slow.any():
        return state
    rate = np.minimum(state.requests_per_s, most)
    steps = np.maximum(ready.situation.demand.output - 1.0, 0.0)
    tpot = state.tpot_s
    for _ in range(12):
        tpot = np.where(slow, ready.decode_s(np.maximum(rate * steps * tpot, 1.0)), tpot)
    inside = np.minimum(ready.situation.demand.users, ready.situation.limit)
    queued = np.maximum(inside / rate - steps * tpot - state.ttft_s, 0.0)
    return replace(
        state,
        requests_per_s=rate,
        tpot_s=tpot,
        ttft_s=np.where(slow, state.ttft_s + queued, state.ttft_s),
        queue_s=np.where(slow, state.queue_s + queued, state.queue_s),
    )
