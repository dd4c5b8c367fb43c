"""Scenarios that bring their own capacities and prices, so that no predictor is involved."""

from workloads.scenario import (
    Availability,
    Budget,
    Candidates,
    KnownCapacity,
    KnownPrice,
    OwnedHardware,
    Scenario,
    TrafficClass,
)

DEVICES = ("nvidia-a10g", "nvidia-l4", "nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb")
MODEL, WEIGHTS = "llama-3.1-8b", "BF16"


def traffic(name: str, rate: float, **values: object) -> TrafficClass:
    return TrafficClass(name=name, requests_per_s=rate, prompt_tokens=500, output_tokens=200, **values)


def scenario(
    rates: dict[str, float],
    capacity: dict[str, dict[str, float]],
    prices: dict[str, float],
    *,
    budget: float | None = None,
    spare_units: int = 0,
    owned: dict[str, int] | None = None,
    models: dict[str, str] | None = None,
    classes: tuple[TrafficClass, ...] | None = None,
) -> Scenario:
    """A scenario from device -> class -> requests/s and device -> USD/h."""
    model_of = models or {}
    return Scenario(
        classes=classes or tuple(traffic(name, rate) for name, rate in rates.items()),
        budget=Budget(usd_per_month=budget),
        availability=Availability(spare_units=spare_units),
        candidates=Candidates(
            devices=tuple(capacity),
            models=tuple(dict.fromkeys([MODEL, *model_of.values()])),
            formats=(WEIGHTS,),
            api=False,
            owned=tuple(OwnedHardware(device=name, count=n) for name, n in (owned or {}).items()),
        ),
        capacity=tuple(
            KnownCapacity(
                device=device,
                model=model_of.get(device, MODEL),
                weights=WEIGHTS,
                requests_per_s=value,
                class_name=name,
            )
            for device, row in capacity.items()
            for name, value in row.items()
        )
        + tuple(
            KnownCapacity(device=device, model=other, weights=WEIGHTS, requests_per_s=0.0)
            for device in capacity
            for other in {MODEL, *model_of.values()} - {model_of.get(device, MODEL)}
        ),
        prices=tuple(KnownPrice(device=device, usd_per_h=price) for device, price in prices.items()),
    )
