"""A model whose sliding windows an engine leaves aside: every token attends to all before it."""

from workloads.architecture import Architecture
from workloads.mixers import Attention


def all_windowed(architecture: Architecture) -> bool:
    """Say whether every mixer is attention within a window, as in Mistral 7B v0.1."""
    mixers = [mixer for block in architecture.blocks for mixer in block.mixers]
    return all(isinstance(mixer, Attention) and mixer.window is not None for mixer in mixers)


def without_windows(architecture: Architecture) -> Architecture:
    """Return the model with attention to everything.

    Examples
    --------
    >>> from workloads import models
    >>> all_windowed(without_windows(models.get("mistral-7b-v0.1")))
    False
    """
    blocks = tuple(
        block.model_copy(
            update={
                "mixers": tuple(
                    mixer.model_copy(update={"window": None}) if isinstance(mixer, Attention) else mixer
                    for mixer in block.mixers
                )
            }
        )
        for block in architecture.blocks
    )
    return architecture.model_copy(update={"blocks": blocks})
