"""Which part of a request a unit serves."""

from enum import StrEnum


class Role(StrEnum):
    """What part of a request an instance serves."""

    WHOLE = "whole"
    PREFILL = "prefill"
    """Reads the prompt and hands the cache over."""
    DECODE = "decode"
    """Takes the cache and writes the output."""


HALVES = (Role.PREFILL, Role.DECODE)
