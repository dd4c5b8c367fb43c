"""How long plans over periods take: 24 hours x 10 classes with reservations, and growth with both.

Run with `python benchmarks/plan_periods.py`. Times are CPU seconds of this process (what a clock on
the wall adds is other processes), with the proven distance from the optimum beside them. Shapes of
classes and the reserved prices are invented; devices, models and list prices are the catalog's.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from plan_speed import DEVICES, FORMATS, MODELS

from planner.fleet.answer.outcome import solve
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from workloads.profile import normalised
from workloads.scenario import (
    Candidates,
    KnownPrice,
    Purchase,
    Quality,
    Scenario,
    Slo,
    TrafficClass,
)

HOURLY = (2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 11, 10, 11, 11, 11, 10, 9, 7, 6, 5, 4, 3, 2)
SHAPES = (
    (200, 150, 70), (500, 250, 60), (1024, 256, 75), (2000, 100, 60), (4000, 500, 75),
    (8000, 300, 80), (300, 1000, 60), (1500, 800, 70), (6000, 150, 60), (100, 50, 60),
)  # fmt: skip
RENT = {"nvidia-l4": 0.71, "nvidia-l40s": 1.09, "nvidia-h100-sxm5-80gb": 3.49, "nvidia-h200-sxm-141gb": 4.5}
RESERVED = ((0.75, 1.0), (0.6, 3.0))
"""Price over that of renting by the hour, and years."""


def traffic(number: int, periods: int, load: float) -> TrafficClass:
    prompt, output, mmlu = SHAPES[number]
    turned = [HOURLY[(hour * 24 // periods - number // 2) % 24] for hour in range(periods)]
    return TrafficClass(
        name=f"class {number}",
        requests_per_s=load * (1 + number % 4),
        prompt_tokens=prompt,
        output_tokens=output,
        profile=normalised(turned, where="profile"),
        slo=Slo(ttft_p95_s=1.0 + prompt / 4000, tpot_p95_s=0.05),
        quality=Quality(mmlu_min=mmlu),
    )


def asked(periods: int, classes: int, load: float) -> Scenario:
    prices = [KnownPrice(device=device, usd_per_h=usd) for device, usd in RENT.items()]
    prices += [
        KnownPrice(device=device, usd_per_h=usd * part, purchase=Purchase.RESERVED, term_years=years)
        for device, usd in RENT.items()
        for part, years in RESERVED
    ]
    return Scenario(
        classes=tuple(traffic(number, periods, load) for number in range(classes)),
        candidates=Candidates(devices=DEVICES, models=MODELS, formats=FORMATS, engines=("vllm", "llama.cpp")),
        prices=tuple(prices),
    )


def row(periods: int, classes: int, load: float) -> dict[str, float]:
    market = survey(asked(periods, classes, load), Predictor())[0].settled()
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = solve(market)
    return {
        "periods": periods,
        "classes": classes,
        "load": load,
        "cpu_s": round(time.process_time() - cpu, 1),
        "wall_s": round(time.perf_counter() - wall, 1),
        "gap_percent": round(100 * outcome.mix.gap_frac, 2),
    }


def main() -> None:
    sizes = [(24, 10, 1.0), (24, 10, 5.0), (24, 10, 30.0), (24, 1, 5.0), (24, 3, 5.0), (12, 10, 5.0)]
    for size in sizes:
        print(json.dumps(row(*size)), flush=True)


if __name__ == "__main__":
    main()
