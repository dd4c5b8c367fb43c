"""Whether the users of a closed loop stay in step: all prompts of a turn, then all decoding.

An engine that reads waiting prompts before it decodes on takes those of all users first when they
start at once. Where all answers are of one length they end together, and the next turn starts alike.
Of the time that others' prompts take, a request then waits for half before its first token: with users
whose prompts take P each, the k-th of them waits for k P. An engine that mixes prompts into decode steps
lets the first users run ahead instead, and where lengths are drawn the users drift apart.
"""

import re

from planner.serving.engines import Engine

MIXES_SINCE = {"vllm": ((0, 8), "2025-03")}
"""Releases, and months for what is named by its date, since which an engine mixes prompts into decode
steps: vLLM 0.8 made its V1 engine the default (github.com/vllm-project/vllm, release notes of v0.8.0)."""
_RELEASE = re.compile(r"v?(\d+)\.(\d+)")
_MONTH = re.compile(r"20\d\d-\d\d")


def in_step(engine: Engine, version: str | None, *, lengths: str) -> bool:
    """Say whether users who start together go on together.

    Parameters
    ----------
    version : str or None
        Release of the engine as stated, or the date of the run.
    lengths : str
        'fixed' or 'drawn'.
    """
    if lengths != "fixed":
        return False
    return engine.prompts_first or _was_before(engine.name, version or "")


def _was_before(name: str, version: str) -> bool:
    if name not in MIXES_SINCE:
        return False
    release, month = MIXES_SINCE[name]
    if date := _MONTH.match(version):
        return date.group() < month
    found = _RELEASE.match(version)
    return found is not None and (int(found.group(1)), int(found.group(2))) < release
