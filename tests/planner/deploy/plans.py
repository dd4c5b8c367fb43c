"""Plans to deploy: made by hand, so that nothing is predicted or solved."""

from planner.fleet.answer.ways_through import key_of_unit
from planner.fleet.records.plan_record import ApiUse, Handover, Plan, Predicted, Unit
from tonnage.evidence import Evidence, Quantiles
from workloads.scenario import Scenario, Slo, TrafficClass


def unit(engine: str = "vllm", **values: object) -> Unit:
    given: dict[str, object] = {
        "device": "nvidia-l40s",
        "devices_per_unit": 1,
        "model": "llama-3.1-8b",
        "weights": "FP8",
        "engine": engine,
        "tp": 1,
        "pp": 1,
        "count": 2,
        "usd_per_h": 3.7,
        "share": {"chat": 1.0, "batch": 1.0},
        "utilization": 0.7,
        "ttft_s": Quantiles(p10=0.08, p50=0.1, p90=0.16),
        "tpot_s": Quantiles(p10=0.017, p50=0.02, p90=0.027),
        "evidence": Evidence.FITTED,
    }
    return Unit.model_validate({**given, **values})


def plan(*units: Unit, api: tuple[ApiUse, ...] = ()) -> Plan:
    chat = TrafficClass(
        name="chat",
        requests_per_s=10.0,
        peak_to_mean=2.0,
        prompt_tokens=500,
        prompt_tokens_p95=1500,
        output_tokens=200,
        slo=Slo(ttft_p95_s=0.5, tpot_p95_s=0.05),
    )
    batch = TrafficClass(name="batch", requests_per_s=1.0, prompt_tokens=2000, output_tokens=100)
    return Plan(
        scenario=Scenario(name="two classes", classes=(chat, batch)),
        feasible=True,
        units=units,
        api=api,
        predicted=Predicted(
            ttft_p95_s=Quantiles(p10=0.1, p50=0.15, p90=0.3),
            tpot_p95_s=Quantiles(p10=0.02, p50=0.025, p90=0.04),
        ),
    )


def mixed() -> Plan:
    """Two models, two engines, and an API."""
    return plan(
        unit(share={"chat": 0.5, "batch": 1.0}),
        unit(
            "llama.cpp",
            device="nvidia-rtx-4090",
            model="qwen2.5-14b",
            weights="Q4_K_M",
            kv="KV_Q8_0",
            share={"chat": 0.2},
            pp=2,
            devices_per_unit=2,
        ),
        api=(
            ApiUse(
                provider="Example Cloud", model="Llama-3.1-8B-Instruct", share={"chat": 0.3}, usd_per_h=1.0
            ),
        ),
    )


def split(engine: str = "vllm", *more: Unit, share: float = 1.0, **values: object) -> Plan:
    """Two prefill units of two devices that hand caches to three decode units of two, beside `more`."""
    given = {"pool": "llama-3.1-8b at somewhere", "tp": 2, "devices_per_unit": 2, **values}
    part = {"chat": share, "batch": 1.0}
    prefill = unit(engine, device="nvidia-h100-sxm5-80gb", role="prefill", tpot_s=None, share=part, **given)
    decode = unit(
        engine, device="nvidia-h200-sxm-141gb", role="decode", count=3, ttft_s=None, share=part, **given
    )
    handover = Handover(
        pool="llama-3.1-8b at somewhere",
        prefill=key_of_unit(prefill),
        decode=key_of_unit(decode),
        share=part,
        moved_s={"chat": 0.01, "batch": 0.02},
        interconnect="infiniband-ndr",
    )
    return plan(prefill, decode, *more).model_copy(update={"handovers": (handover,)})
