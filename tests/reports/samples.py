"""Records as the commands would write them, small enough to check by hand."""

from hw_targets.machine import Accelerator, Cpu, Machine, Memory
from planner.fleet.records.plan_record import (
    Alternative,
    ApiUse,
    Binding,
    Plan,
    Predicted,
    Rejected,
    Relaxation,
    Sensitivity,
    Unit,
)
from planner.laws.cost_model import CostModel, Law
from profiler.profile import BenchConditions, Ceilings, Conditions, Measurement, Profile, Skipped
from tonnage.evidence import Evidence, Quantiles
from workloads.scenario import Availability, Budget, Quality, Scenario, Slo, TrafficClass

L40S = Unit(
    device="nvidia-l40s",
    devices_per_unit=1,
    model="llama-3.1-8b",
    weights="FP8_W8A8",
    engine="vllm",
    tp=1,
    pp=1,
    count=3,
    price_basis="us-east-1, on demand, 2026-07-20",
    usd_per_h=5.58,
    share={"chat": 1.0, "batch": 0.6},
    utilization=0.71,
    capacity_requests_per_s={"chat": 8.4, "batch": 5.2},
    memory_bytes=38.2 * 2**30,
    ttft_s=Quantiles(p10=0.081, p50=0.112, p90=0.164),
    tpot_s=Quantiles(p10=0.0171, p50=0.0214, p90=0.0273),
    evidence=Evidence.TRANSFERRED,
)
H100 = Unit(
    device="nvidia-h100-sxm5-80gb",
    devices_per_unit=2,
    model="llama-3.1-70b",
    weights="FP8_W8A8",
    engine="sglang",
    tp=2,
    pp=1,
    count=1,
    purchase="reserved",
    price_basis="one year, 2026-07-20",
    usd_per_h=4.9,
    share={"batch": 0.3},
    utilization=0.44,
    memory_bytes=71.0 * 2**30,
    evidence=Evidence.EXTRAPOLATED,
)
HOSTED = ApiUse(
    provider="Example Cloud",
    model="llama-3.1-8b",
    share={"batch": 0.1},
    usd_per_h=0.42,
    price_as_of="2026-07",
)
SCENARIO = Scenario(
    name="Support assistant, autumn",
    classes=(
        TrafficClass(
            name="chat",
            requests_per_s=12.0,
            peak_to_mean=1.5,
            prompt_tokens=1024,
            output_tokens=256,
            slo=Slo(ttft_p95_s=0.5, tpot_p95_s=0.03),
            quality=Quality(mmlu_min=65),
        ),
        TrafficClass(
            name="batch", requests_per_s=3.0, prompt_tokens=3000, output_tokens=400, slo=Slo(ttft_p95_s=2.0)
        ),
    ),
    budget=Budget(usd_per_month=9000),
    availability=Availability(spare_units=1),
)


def full_plan() -> Plan:
    """Return a plan in which every part is there."""
    return Plan(
        scenario=SCENARIO,
        feasible=True,
        cost_usd_per_h=10.9,
        cost_usd_per_month=7957.0,
        cost_usd_per_mtok=0.143,
        units=(L40S, H100),
        api=(HOSTED,),
        predicted=Predicted(
            ttft_p95_s=Quantiles(p10=0.24, p50=0.33, p90=0.47),
            tpot_p95_s=Quantiles(p10=0.0205, p50=0.0266, p90=0.0345),
            slo_probability=0.76,
        ),
        binding=(
            Binding(
                constraint="load of chat at the peak",
                detail="all 18 requests/s are served",
                usd_per_h_per_unit=0.31,
            ),
            Binding(constraint="spare units", detail="one of each kind"),
        ),
        sensitivity=(
            Sensitivity(
                input="request rate",
                change="+20 %",
                cost_usd_per_month=9315.0,
                flips=False,
                detail="one more L40S",
            ),
            Sensitivity(
                input="price of nvidia-l40s",
                change="+30 %",
                cost_usd_per_month=8900.0,
                flips=True,
                detail="H100 takes all",
            ),
            Sensitivity(input="TPOT limit", change="25 ms", flips=True, detail="no plan"),
        ),
        alternatives=(
            Alternative(
                label="2 × NVIDIA H100 SXM5, Llama 3.1 8B",
                cost_usd_per_month=8760.0,
                units=(H100,),
                why="dearer, more headroom",
            ),
            Alternative(label="hosted APIs alone", cost_usd_per_month=12410.0, api=(HOSTED,)),
        ),
        rejected=(
            *(
                Rejected(
                    candidate=f"nvidia-t4 x{n} llama-3.1-70b F16",
                    why=f"weights need {141.1 / n:.1f} GiB per device, 14.6 GiB are there",
                )
                for n in (1, 2, 4, 8)
            ),
            Rejected(candidate="mistral-7b on anything", why="MMLU 62.5 % is below the floor of 65 %"),
        ),
        candidates_considered=412,
        mip_gap=0.0,
        solver="HiGHS 1.12, gap 0 %",
        assumptions=(
            "Requests arrive as a Poisson process within the peak hour (assumed).",
            "Prices hold for the month; egress is not priced (datasheet).",
        ),
        created_at="2026-11-23T10:15:00+00:00",
    )


def infeasible_plan() -> Plan:
    """Return an answer that says no, and why."""
    return Plan(
        scenario=SCENARIO,
        feasible=False,
        binding=(
            Binding(constraint="budget", detail="the cheapest plan costs $7,957 a month, $500 are allowed"),
        ),
        relaxations=(
            Relaxation(
                constraint="budget", current=500, needed=7957, unit="USD/month", detail="3 × NVIDIA L40S"
            ),
            Relaxation(constraint="requests per second", current=21, needed=1.2, unit="1/s"),
        ),
        rejected=(Rejected(candidate="a", why="too dear"),),
        candidates_considered=40,
    )


def api_plan() -> Plan:
    """Return a plan that rents nothing."""
    return Plan(
        scenario=Scenario(classes=(TrafficClass(requests_per_s=0.1, prompt_tokens=800, output_tokens=200),)),
        feasible=True,
        cost_usd_per_h=0.42,
        cost_usd_per_month=306.6,
        cost_usd_per_mtok=1.17,
        api=(HOSTED.model_copy(update={"share": {"all": 1.0}}),),
    )


def minimal_plan() -> Plan:
    """Return the least that is a plan."""
    classes = (TrafficClass(requests_per_s=1, prompt_tokens=1, output_tokens=1),)
    return Plan(scenario=Scenario(classes=classes), feasible=True)


def long_name_plan() -> Plan:
    """Return a plan whose names are as long, and as full of markup, as files allow."""
    name = "provider-with-a-very-long-name/" + "x" * 70 + "/*#[$_{\\"
    unit = L40S.model_copy(update={"device": name, "model": name, "weights": "Q4_K_M_" * 6, "engine": name})
    return full_plan().model_copy(
        update={
            "units": (unit,) * 5,
            "scenario": SCENARIO.model_copy(update={"name": name}),
            "assumptions": (name, "<script>alert(1)</script> & #let x = 1 $ y $"),
            "rejected": tuple(
                Rejected(candidate=f"{name}{i}", why=f"{name} {'because ' * i}") for i in range(30)
            ),
        }
    )


def measured(kernel: str, dtype: str, flop: float, size_bytes: float, time_s: float) -> Measurement:
    """Return one measurement."""
    return Measurement(
        kernel=kernel,
        backend="torch",
        device="cpu",
        dtype=dtype,
        shape={"m": 512, "n": 512, "k": 512},
        flop=flop,
        bytes=size_bytes,
        samples_s=(time_s, time_s * 1.1),
        time_s=Quantiles(p10=time_s, p50=time_s, p90=time_s * 1.1),
        stable=time_s < 0.05,
        why_unstable=None if time_s < 0.05 else "the halves of the samples differ by 14 %",
    )


def profile() -> Profile:
    """Return a profile of a small virtual machine."""
    return Profile(
        machine=Machine(
            hostname="bench-1",
            os="Linux 6.1",
            cpu=Cpu(
                model="AMD EPYC 7R13",
                vendor="AMD",
                physical_cores=1,
                usable_cpus=2.0,
                isa=("avx2", "fma", "f16c"),
                l1d_bytes=32768,
                l2_bytes=524288,
                l3_bytes=33554432,
                numa_nodes=1,
            ),
            memory=Memory(total_bytes=8 * 2**30, usable_bytes=7 * 2**30),
            devices=(
                Accelerator(name="NVIDIA T4", usable=False, why_not="no driver", evidence=Evidence.DATASHEET),
            ),
            virtualized=True,
            hypervisor="KVM",
        ),
        conditions=BenchConditions(
            before=Conditions(taken_at="2026-11-23T09:00:00Z", load_1min=0.31, steal_frac=0.004),
            after=Conditions(taken_at="2026-11-23T09:01:00Z", load_1min=1.9, steal_frac=0.011),
            threads=2,
            budget_s=60,
            elapsed_s=58.2,
            libraries={"torch": "2.13.0", "onnxruntime": "1.24.1"},
        ),
        measurements=(
            measured("copy", "fp32", 0, 2e9, 0.081),
            measured("triad", "fp32", 0, 2e9, 0.092),
            *(
                measured("gemm", "fp32", 2.0 * n**3, 12.0 * n**2, 2.0 * n**3 / 9e10 + 2e-5)
                for n in (64, 128, 256, 512, 1024)
            ),
            *(
                measured("gemm", "bf16", 2.0 * n**3, 6.0 * n**2, 2.0 * n**3 / 4e10 + 3e-5)
                for n in (64, 128, 256, 512, 1024)
            ),
            *(measured("attention_decode", "fp32", 4e6 * n, 4e6 * n, 2e-4 * n) for n in (1, 4, 16)),
            measured("quant_matmul", "int8", 3e8, 4e7, 0.0031),
        ),
        ceilings=Ceilings(
            memory_bandwidth_bytes_per_s=24.7e9,
            bandwidth_bytes_per_s={"copy": 24.7e9, "triad": 21.7e9},
            peak_flop_per_s={"fp32": 8.9e10, "bf16": 3.9e10, "int8": 9.7e10},
            reached_by={
                "memory": "torch copy",
                "fp32": "torch gemm",
                "bf16": "torch gemm",
                "int8": "torch quant_matmul",
            },
        ),
        skipped=(Skipped(kernel="gemm", backend="onnxruntime", why="bf16 has no CPU kernel"),),
        complete=True,
        notes=("The host is shared: other guests may have run.",),
    )


def model() -> CostModel:
    """Return the laws of that machine."""

    def law(kernel: str, dtype: str, peak: float) -> Law:
        return Law(
            kernel=kernel,
            backend="torch",
            dtype=dtype,
            overhead_s=2e-5,
            peak_flop_per_s=peak,
            half_flop=1e5,
            bandwidth_bytes_per_s=2.4e10,
            sigma_log=0.08,
            loo_median_error_frac=0.041,
            loo_p90_error_frac=0.12,
            n_shapes=5,
            evidence=Evidence.FITTED,
        )

    return CostModel(
        device="cpu-amd-epyc-7r13",
        name="AMD EPYC 7R13",
        kind="cpu",
        laws=(law("gemm", "fp32", 9e10), law("gemm", "bf16", 4e10), law("attention_decode", "fp32", 3e10)),
        fitted_from="profile.json",
    )
