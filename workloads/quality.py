"""Benchmark scores per model, after what the weight format costs."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import Field

from tonnage.errors import UnknownName
from tonnage.evidence import Evidence
from tonnage.files import Record
from workloads import formats, models, shelf
from workloads.storage import WeightFormat

BENCHMARKS: Final = ("mmlu", "mmlu_pro", "humaneval", "gsm8k", "mmlu_redux")


class Published(Record):
    """A score as its source states it."""

    percent: float = Field(ge=0, le=100)
    variant: str
    """`instruct` or `base`."""
    setting: str = ""
    source: str
    verified: bool = True


class Loss(Record):
    """What a format cost a model on a benchmark, as a fraction of the unquantized score."""

    benchmark: str
    loss_frac: float
    model: str
    model_params: float = Field(gt=0)
    setting: str = ""
    source: str
    verified: bool = True
    measured: bool = True
    """False where it follows from another measure of the same format."""


class Score(Record):
    """A model's score in a format.

    Attributes
    ----------
    value_percent : float
        After the loss.
    loss_percent : float
        Percentage points that the format costs; negative is a gain.
    source, loss_source : str
        Of the unquantized score, and of the loss.
    verified : bool
        False if either figure was not read again at its source.
    evidence : Evidence
        DATASHEET for figures of this very model and benchmark, TRANSFERRED for
        losses seen elsewhere, ASSUMED for those of a format laid out alike.
    """

    value_percent: float
    loss_percent: float
    source: str
    verified: bool
    loss_source: str | None = None
    setting: str = ""
    variant: str = ""
    evidence: Evidence = Evidence.DATASHEET


def published(model_id: str, benchmark: str) -> tuple[Published, ...]:
    """Return the published scores of a model, the one to use first."""
    rows = shelf.block("quality", model_id).get(benchmark, ())
    return tuple(Published.parse(row, where=f"quality of {model_id}: {benchmark}") for row in rows)


def losses(weights: str) -> tuple[tuple[Loss, ...], bool]:
    """Return what is known of a format's losses, and whether a like format stands in."""
    block = shelf.block("format_losses", weights)
    if "like" in block:
        return losses(block["like"])[0], True
    rows = block.get("losses", ())
    return tuple(Loss.parse(row, where=f"losses of {weights}") for row in rows), False


def score(model_id: str, benchmark: str, *, weights: str | None = None) -> Score | None:
    """Return a model's score on a benchmark in a weight format.

    Parameters
    ----------
    model_id : str
        Catalog id; a model read from a file has no scores.
    benchmark : str
        One of `BENCHMARKS`.
    weights : str or None
        Format id or alias; None is the checkpoint as published.

    Returns
    -------
    Score or None
        None if the model has no published score, or nothing at all is known of
        the format's loss.
    """
    return _score(model_id, benchmark, weights, shelf.folders())


@lru_cache(maxsize=16384)
def _score(model_id: str, benchmark: str, weights: str | None, _folders: tuple[Path, ...]) -> Score | None:
    found = published(model_id, benchmark)
    if not found:
        return None
    base = found[0]
    loss = _no_loss() if weights is None else _loss(model_id, benchmark, weights)
    if loss is None:
        return None
    row, evidence = loss
    return Score(
        value_percent=base.percent * (1 - row.loss_frac),
        loss_percent=base.percent * row.loss_frac,
        source=base.source,
        verified=base.verified and row.verified,
        loss_source=row.source or None,
        setting=base.setting,
        variant=base.variant,
        evidence=evidence,
    )


def _no_loss() -> tuple[Loss, Evidence]:
    return Loss(benchmark="", loss_frac=0.0, model="", model_params=1.0, source=""), Evidence.DATASHEET


def _loss(model_id: str, benchmark: str, weights: str) -> tuple[Loss, Evidence] | None:
    """Choose the loss: of this model, else of the nearest in size, else of another benchmark."""
    weight_format = formats.get(weights)
    if _is_native(model_id, weight_format):
        return _no_loss()
    rows, assumed = losses(weight_format.id)
    if not rows:
        return _no_loss() if weight_format.bits_per_weight >= 16 else None
    size = math.log(models.get(model_id).total_params())

    def distance(row: Loss) -> tuple[bool, bool, bool, float]:
        return (
            row.benchmark != benchmark,
            row.benchmark != "mmlu",
            row.model != model_id,
            abs(math.log(row.model_params) - size),
        )

    best = min(rows, key=distance)
    if assumed:
        return best, Evidence.ASSUMED
    exact = best.measured and best.model == model_id and best.benchmark == benchmark
    return best, Evidence.DATASHEET if exact else Evidence.TRANSFERRED


def loss_frac(model_id: str, benchmark: str, weights: str) -> float | None:
    """Return what a format takes off a model's success on a benchmark, as a part of it.

    Returns
    -------
    float or None
        0 for the precision in which the model was published. None where no source gives a loss on
        this very benchmark, for this model or another one.
    """
    try:
        weight_format = formats.get(weights)
        if _is_native(model_id, weight_format):
            return 0.0
        rows = [row for row in losses(weight_format.id)[0] if row.benchmark == benchmark]
        size = math.log(models.get(model_id).total_params())
    except UnknownName:  # a model or a format of the user's own
        return None
    if not rows:
        return None
    nearest = min(rows, key=lambda row: (row.model != model_id, abs(math.log(row.model_params) - size)))
    return nearest.loss_frac


def _is_native(model_id: str, weight_format: WeightFormat) -> bool:
    """Say whether the published checkpoint is already stored at this precision."""
    native = (models.get(model_id).native_dtype or "").lower()
    name = f"{weight_format.id} {weight_format.layout or ''}".lower()
    if weight_format.bits_per_weight >= 16:
        return True
    if "mxfp4" in native or "fp4" in native:
        return "mxfp4" in name
    if native.startswith("fp8"):
        return weight_format.family == "fp8" or "fp8" in weight_format.id.lower()
    return native.startswith("int4") and weight_format.bits_per_weight >= 4 and "int4" in name
