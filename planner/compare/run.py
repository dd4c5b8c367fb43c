"""Compare models on one device: every context of every model in one batch of predictions."""

from collections.abc import Mapping, Sequence

import numpy as np

from planner.compare import contexts, crossings
from planner.compare.comparison import Comparison, ModelCurve, Point
from planner.deployment import Case
from planner.prediction import Prediction, Refusal
from planner.serving import memory, placement
from planner.serving.placed import Placed
from planner.serving.predict import predict_batch
from tonnage.errors import InvalidInput, OutsideRange
from workloads.stored import stored_format


def compare(
    models: Sequence[str],
    *,
    device: str,
    weights: str | None = None,
    kv: str | None = None,
    engine: str | None = None,
    tp: int = 1,
    context: str = contexts.DEFAULT,
    concurrency: int = 1,
    osl: float = 256,
) -> Comparison:
    """Predict models over the length of their context, and find where they cross.

    Parameters
    ----------
    models : sequence of str
        Catalog ids, or paths of a `config.json`, its folder, or a `.gguf`.
    device : str
        Catalog id, or the path of a profile.
    weights, kv : str, optional
        Formats for all models; without one, what each is published in and a 16-bit cache.
    context : str
        Prompt lengths, see `contexts.parse`. [tokens]
    concurrency, osl
        Users that each wait for their answer, and its length. [tokens]

    Raises
    ------
    InvalidInput
        If there is no model or one is named twice, or a number is out of range.
    UnknownName, FormatError, FileProblem, OutsideRange
        What is wrong with the device, a model or a format.
    """
    _check(models)
    lengths = contexts.parse(context)
    shared = {"device": device, "kv": kv, "engine": engine, "tp": tp, "concurrency": concurrency, "osl": osl}
    cases = _cases(models, lengths, weights, shared)
    curves = _curves(cases, len(lengths))
    return Comparison(
        device=device,
        engine=placement.place(cases[0]).engine.name,
        tp=tp,
        concurrency=concurrency,
        osl=osl,
        contexts_tokens=lengths,
        models=curves,
        pairs=crossings.pairs(curves),
    )


def _check(models: Sequence[str]) -> None:
    if not models:
        raise InvalidInput("no model to compare; name one or more, e.g. llama-3.1-8b,mamba-2.8b")
    twice = sorted({model for model in models if models.count(model) > 1})
    if twice:
        raise InvalidInput(f"{', '.join(twice)} named twice; name each model once")


def _cases(
    models: Sequence[str], lengths: Sequence[float], weights: str | None, shared: Mapping[str, object]
) -> list[Case]:
    """Return every length of the first model, then of the next."""
    return [
        Case.parse(
            {**shared, "id": model, "model": model, "weights": form, "isl": length},
            where="compare",
        )
        for model, form in [(model, weights or stored_format(model)) for model in models]
        for length in lengths
    ]


def _curves(cases: Sequence[Case], each: int) -> tuple[ModelCurve, ...]:
    """Answer all cases at once; every model has `each` of them."""
    placed = [placement.place(case) for case in cases[::each]]
    answers = predict_batch(cases)
    parts = [slice(first, first + each) for first in range(0, len(cases), each)]
    return tuple(_curve(place, cases[part], answers[part]) for place, part in zip(placed, parts, strict=True))


def _curve(placed: Placed, cases: Sequence[Case], answers: Sequence[Prediction | Refusal]) -> ModelCurve:
    good = [answer for answer in answers if isinstance(answer, Prediction)]
    if len(good) < len(answers):
        refused = next(answer.error for answer in answers if isinstance(answer, Refusal))
        raise OutsideRange(f"model '{cases[0].model}' on {cases[0].device}: {refused}")
    shared = tuple(note for note in good[0].notes if all(note in answer.notes for answer in good))
    architecture = placed.architecture
    limits = _largest_concurrency(placed, cases)
    return ModelCurve(
        model=cases[0].model,
        name=architecture.name,
        weights=cases[0].weights,
        max_context_tokens=architecture.max_context,
        notes=shared,
        points=tuple(
            _point(case, answer, limit, shared=shared, max_context=architecture.max_context)
            for case, answer, limit in zip(cases, good, limits, strict=True)
        ),
    )


def _point(
    case: Case, answer: Prediction, limit: int | None, *, shared: tuple[str, ...], max_context: int | None
) -> Point:
    return Point(
        context_tokens=case.isl,
        ttft_s=answer.ttft_s,
        tpot_s=answer.tpot_s,
        memory_bytes=answer.memory_bytes,
        fits=answer.fits,
        largest_concurrency=limit,
        beyond_max_context=max_context is not None and case.isl + case.osl > max_context,
        bound=answer.bound,
        evidence=answer.evidence,
        notes=tuple(note for note in answer.notes if note not in shared),
    )


def _largest_concurrency(placed: Placed, cases: Sequence[Case]) -> list[int | None]:
    """Return the sequences that run at once, 0 where not even one fits."""
    memory_bytes = placed.target.memory_bytes
    if memory_bytes is None:
        return [None] * len(cases)
    room = memory.room(
        placed.architecture,
        weights=placed.weights,
        kv=placed.kv,
        shard=placed.cut.shard,
        engines=(placed.engine,),
        which=np.zeros(len(cases), dtype=np.intp),
        memory_bytes=np.full(len(cases), memory_bytes),
        prompt=np.array([case.context + case.isl for case in cases]),
        output=np.array([case.osl for case in cases]),
    )
    policy = placed.engine.max_sequences * placed.cut.shard.attention_dp
    return [int(most) for most in np.floor(np.clip(room.sequences, 0.0, policy))]
