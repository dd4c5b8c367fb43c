"""What a unit that only prefills or only decodes is told beyond a whole one, as its engine documents it.

vLLM's and TensorRT-LLM's halves find each other through what the answer of the prefill unit carries;
SGLang's decode units ask the bootstrap server of the prefill unit, whose port the router passes on.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from planner.deploy.launcher import FlagList, Launcher, SplitWay
from planner.deploy.plain_yaml import Data
from planner.role import Role
from tonnage.errors import InvalidInput

Flags = list[tuple[str, str | None]]

BOOTSTRAP_PORT: Final = 8998
"""SGLang's own default."""
SIDE_CHANNEL_PORT: Final = 5600
"""vLLM's own default for the handshake of NIXL."""
SIDE_CHANNEL_HOST: Final = "VLLM_NIXL_SIDE_CHANNEL_HOST"
"""Address at which the other half reaches a unit of vLLM; without it that is localhost."""
OPTIONS: Final = "/etc/tonnage/options.yaml"
"""Where a unit of TensorRT-LLM finds its further options."""


def split_of(by: Launcher) -> SplitWay:
    """Return how an engine is split.

    Raises
    ------
    InvalidInput
        If its documentation knows no such way.
    """
    if by.split is None:
        raise InvalidInput(
            f"{by.name} documents no prefill and decode on units of their own; plan with --roles whole or "
            "another engine"
        )
    return by.split


def flags(by: Launcher, role: Role) -> Flags:
    """Return the further flags of a half."""
    split_of(by)
    return _FLAGS[by.name](role)


def documented(by: Launcher) -> FlagList:
    """Return the further flags that the documentation of an engine lists for halves."""
    way = split_of(by)
    return FlagList(name=by.name, source=way.source, flags=way.flags)


def _vllm(role: Role) -> Flags:
    part = "kv_producer" if role is Role.PREFILL else "kv_consumer"
    return [("--kv-transfer-config", json.dumps({"kv_connector": "NixlConnector", "kv_role": part}))]


def _sglang(role: Role) -> Flags:
    given: Flags = [("--disaggregation-mode", role.value), ("--disaggregation-transfer-backend", "nixl")]
    if role is Role.PREFILL:
        given.append(("--disaggregation-bootstrap-port", str(BOOTSTRAP_PORT)))
    return given


def _trtllm(role: Role) -> Flags:
    del role
    return [("--extra_llm_api_options", OPTIONS)]


_FLAGS: Final[Mapping[str, Callable[[Role], Flags]]] = MappingProxyType(
    {"vllm": _vllm, "sglang": _sglang, "trtllm": _trtllm}
)


def options(by: Launcher, role: Role, *, tokens: int) -> dict[str, Data] | None:
    """Return the file of further options of a half, None where it has none.

    Parameters
    ----------
    tokens : int
        Longest request: the buffer of a transfer holds one.
    """
    if by.name != "trtllm" or role is Role.WHOLE:
        return None
    transceiver: Data = {"backend": "UCX", "max_tokens_in_buffer": tokens}
    if role is Role.PREFILL:  # whose overlap scheduler is not supported there
        return {"disable_overlap_scheduler": True, "cache_transceiver_config": transceiver}
    return {"cache_transceiver_config": transceiver}


def needs_address(by: Launcher, role: Role) -> bool:
    """Tell whether a unit must be told its own address."""
    return by.name == "vllm" and role is not Role.WHOLE


def ports(by: Launcher, role: Role) -> dict[str, int]:
    """Return the ports that the other half reaches, by name."""
    if needs_address(by, role):
        return {"handshake": SIDE_CHANNEL_PORT}
    if by.name == "sglang" and role is Role.PREFILL:
        return {"bootstrap": BOOTSTRAP_PORT}
    return {}
