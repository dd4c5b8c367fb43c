"""Scenarios whose capacities must be predicted."""

from workloads.scenario import Candidates, Quality, Scenario, Slo, TrafficClass

CHAT = TrafficClass(
    requests_per_s=10,
    prompt_tokens=800,
    output_tokens=200,
    slo=Slo(ttft_p95_s=1.0, tpot_p95_s=0.05),
    quality=Quality(mmlu_min=60),
)
FEW = Candidates(
    devices=("nvidia-l4", "nvidia-l40s", "nvidia-h100-sxm5-80gb"),
    models=("llama-3.1-8b", "llama-3.1-70b", "mixtral-8x7b"),
    formats=("BF16", "FP8", "AWQ_INT4_G128"),
    engines=("vllm",),
    api=False,
)
ASKED = Scenario(classes=(CHAT,), candidates=FEW)
QWEN_OR_LLAMA = Scenario(
    classes=(
        TrafficClass(
            requests_per_s=20,
            prompt_tokens=1024,
            output_tokens=256,
            slo=Slo(ttft_p95_s=0.5, tpot_p95_s=0.05),
            quality=Quality(mmlu_min=75),
        ),
    ),
    candidates=Candidates(
        devices=("nvidia-l40s", "nvidia-h100-sxm5-80gb", "nvidia-a100-sxm4-80gb"),
        models=("qwen2.5-14b", "llama-3.1-70b"),
        formats=("BF16", "FP8"),
        engines=("vllm",),
    ),
)
