"""Two halves of the wider cases that share no run: whole sources, and devices of large ones."""

import zlib
from typing import Any

BY_DEVICE = ("argonne", "llmfit", "xdai", "llamacpp_4167", "llamacpp_10879", "trtllm", "aws_neuron")
"""Sources, by the start of their names, with several devices: these are cut by device."""
BY_MODEL = ("intel-gaudi2",)
"""Devices that a single source has: these are cut by model, or one half would have none of them."""
CHOSEN = {
    "tmac_profile": "train",
    "vulkanforge_9070xt": "train",
    "llm_tracker_strix": "train",
    "strixhalo_wiki": "test",
    "ik_disc164": "test",
    "ik_disc63": "train",
    "llmfit|amd-rx-7900-xt": "test",
}
"""Placed by hand, so that both halves have processors, Vulkan and Strix Halo."""


def half_of(case: dict[str, Any]) -> str:
    """Return `train` or `test`: always the same for the same source, device and model."""
    source, device = str(case["source"]), str(case["device"])
    large = next((start for start in BY_DEVICE if source.startswith(start)), None)
    key = source if large is None else f"{large}|{device}"
    if device in BY_MODEL:
        key += f"|{case['model']}"
    return CHOSEN.get(key) or ("train" if zlib.crc32(f"half {key}".encode()) % 2 else "test")
