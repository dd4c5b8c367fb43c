"""Options that describe a deployment under a load, as types that a signature can name."""

from pathlib import Path
from typing import Annotated

import typer

Batch = Annotated[
    Path | None, typer.Option(help="Cases, one JSON object a line ('-' is stdin); answers likewise.")
]
Device = Annotated[str | None, typer.Option(help="Catalog id, or a profile.json; see 'tonnage catalog'.")]
Model = Annotated[str | None, typer.Option(help="Catalog id, model folder, config.json or .gguf.")]
Weights = Annotated[
    str | None, typer.Option(help="Weight format: BF16, FP8, Q4_K_M ...; by default as published.")
]
Kv = Annotated[str | None, typer.Option(help="Cache format: BF16, FP8 ...")]
Engine = Annotated[str | None, typer.Option(help="vllm, sglang, trtllm, llama.cpp ...")]
Backend = Annotated[
    str | None, typer.Option(help="Compute API of the engine: cuda, metal, vulkan, rocm, sycl, cpu.")
]
TensorParallel = Annotated[int, typer.Option(help="Tensor-parallel devices.")]
Pipeline = Annotated[int, typer.Option(help="Pipeline stages, or llama.cpp's layer split.")]
InputTokens = Annotated[str, typer.Option(help="Input tokens per request: 4096 or 4k.")]
OutputTokens = Annotated[str, typer.Option(help="Output tokens per request.")]
Context = Annotated[str, typer.Option(help="Tokens already in the cache.")]
Concurrency = Annotated[int, typer.Option(help="Users that each wait for their answer.")]
Qps = Annotated[float | None, typer.Option(help="Random arrivals per second instead of waiting users.")]
Saturated = Annotated[bool, typer.Option("--saturated", help="All requests queued at once.")]
Anchor = Annotated[
    Path | None, typer.Option(help="Measured runs of your own, as 'tonnage import' writes them.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the prediction as JSON.")]
DraftModel = Annotated[
    str | None, typer.Option(help="Speculative decoding: a small model, or 'mtp' for the model's own layers.")
]
DraftWeights = Annotated[
    str | None, typer.Option(help="Weight format of the draft model; by default as published.")
]
DraftTokens = Annotated[int | None, typer.Option(min=0, help="Tokens drafted ahead; 4 by default.")]
AcceptanceRate = Annotated[
    float | None, typer.Option(min=0, max=1, help="Chance that a drafted token is accepted; 0.7 assumed.")
]
LoraRank = Annotated[int, typer.Option(min=0, help="Rank of LoRA adapters on all dense matrices.")]
LoraAdapters = Annotated[int, typer.Option(min=1, help="Adapters in memory, used evenly.")]
PrefixCacheHit = Annotated[
    float, typer.Option(min=0, max=1, help="Share of the prompt that the prefix cache holds.")
]
PrefixShared = Annotated[
    bool, typer.Option("--prefix-shared", help="All sequences share that prefix: memory holds it once.")
]
PrunedLayers = Annotated[float, typer.Option(min=0, max=0.99, help="Share of the layers taken out.")]
Disaggregated = Annotated[
    str | None,
    typer.Option(help="Prefill on devices of its own, over nvlink4, infiniband-ndr, ethernet-100g ..."),
]
PrefillInstances = Annotated[int, typer.Option(min=1, help="Prefill instances per decode instance.")]
