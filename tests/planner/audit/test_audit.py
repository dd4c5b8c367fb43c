"""Audits of fleets whose capacities are given, and of one that is predicted."""

import math
from pathlib import Path

import pytest

from planner.audit.fleet_file import Running, RunningFleet, growth, read_fleet
from planner.audit.make import audit, first_limit
from planner.deployment import Deployment
from planner.serving.units.capacity import Capacity
from tests.planner.fleet.known import MODEL, WEIGHTS, scenario, traffic
from tonnage.errors import FormatError, InvalidInput, UnknownName
from tonnage.evidence import Evidence, Quantiles
from workloads.scenario import Quality, Scenario, Slo

CAPACITY = {"nvidia-l4": {"chat": 4.0, "code": 1.0}, "nvidia-h100-sxm5-80gb": {"chat": 20.0, "code": 10.0}}
PRICES = {"nvidia-l4": 1.0, "nvidia-h100-sxm5-80gb": 4.0}


def asked(chat: float, code: float, **values: object) -> Scenario:
    return scenario({"chat": chat, "code": code}, CAPACITY, PRICES, **values)  # type: ignore[arg-type]


def running(device: str, count: int, **values: object) -> Running:
    return Running(
        deployment=Deployment(device=device, model=MODEL, weights=WEIGHTS, engine="vllm"),
        count=count,
        **values,  # type: ignore[arg-type]
    )


def fleet(*units: Running, **values: object) -> RunningFleet:
    return RunningFleet(units=units, **values)  # type: ignore[arg-type]


def test_headroom_waste_and_growth_in_closed_form() -> None:
    """Ten units of 4 requests/s under 16: 2.5 times the load, 4 needed, 6 too many."""
    found = audit(
        fleet(running("nvidia-l4", 10), growth_per_month=0.1),
        scenario({"chat": 16.0}, {"nvidia-l4": {"chat": 4.0}}, {"nvidia-l4": 1.0}),
    )
    assert found.holds
    assert found.carries_surely == pytest.approx(2.5)
    assert found.slo_probability is None
    (unit,) = found.units
    assert (unit.needed, unit.utilization) == (4, pytest.approx(0.4))
    assert found.usd_per_month == pytest.approx(7300)
    assert found.waste_usd_per_month == pytest.approx(6 * 730)
    assert found.breaks_in_months == pytest.approx(math.log(2.5) / math.log(1.1))
    assert found.bottlenecks[0].one_more_unit_adds_frac == pytest.approx(0.25)


def test_spares_carry_no_load_and_are_no_waste() -> None:
    capacity, prices = {"nvidia-l4": {"chat": 4.0}}, {"nvidia-l4": 1.0}
    found = audit(fleet(running("nvidia-l4", 5)), scenario({"chat": 16.0}, capacity, prices, spare_units=1))
    assert found.carries_surely == pytest.approx(1.0)
    assert found.units[0].needed == 5
    assert found.waste_usd_per_month == pytest.approx(0.0)


def test_the_bottleneck_is_the_kind_that_holds_the_rest_back() -> None:
    """Only the H100 may serve code here: chat fits easily on the L4s."""
    capacity = {"nvidia-l4": {"chat": 4.0, "code": 0.0}, "nvidia-h100-sxm5-80gb": {"chat": 0.0, "code": 10.0}}
    found = audit(
        fleet(running("nvidia-l4", 10), running("nvidia-h100-sxm5-80gb", 1)),
        scenario({"chat": 10.0, "code": 9.0}, capacity, PRICES),
    )
    assert [one.class_name for one in found.bottlenecks] == ["code"]
    assert found.carries_surely == pytest.approx(10 / 9)
    assert "measured at 0" in found.units[0].why_not["code"]


def test_too_much_load_is_said_and_nothing_is_waste() -> None:
    found = audit(fleet(running("nvidia-l4", 1)), asked(100.0, 1.0), growth_per_month=0.05)
    assert not found.holds
    assert found.carries_surely < 1
    assert (found.waste_usd_per_month, found.units[0].needed) == (None, None)
    assert found.breaks_in_months == 0


def test_growth_that_is_none_never_breaks() -> None:
    roomy = audit(fleet(running("nvidia-h100-sxm5-80gb", 4)), asked(1.0, 1.0))
    assert (roomy.growth_per_month, roomy.breaks_in_months) == (None, None)
    shrinking = audit(fleet(running("nvidia-h100-sxm5-80gb", 4)), asked(1.0, 1.0), growth_per_month=-0.1)
    assert shrinking.breaks_in_months is None


def test_own_prices_beat_the_catalog() -> None:
    found = audit(fleet(running("nvidia-l4", 2, usd_per_h=0.25)), asked(1.0, 0.5))
    assert found.usd_per_month == pytest.approx(2 * 0.25 * 730)


def test_a_predicted_fleet_has_an_interval_and_what_users_feel() -> None:
    chat = traffic("chat", 20.0, slo=Slo(ttft_p95_s=0.5, tpot_p95_s=0.05), quality=Quality(mmlu_min=99.0))
    found = audit(
        fleet(running("nvidia-l40s", 4)), Scenario(classes=(chat,), confidence=0.9), growth_per_month=0.05
    )
    assert found.carries is not None
    assert found.carries.p10 < found.carries_surely * 1.01
    assert found.carries_surely < found.carries.p50 < found.carries.p90
    assert found.breaks_surely_in_months is not None
    assert found.breaks_in_months is not None
    assert found.breaks_surely_in_months <= found.breaks_in_months
    (unit,) = found.units
    assert unit.ttft_p95_s is not None
    assert unit.bound is not None
    assert 0 < (unit.memory_frac or 0) <= 1
    assert unit.evidence is not Evidence.MEASURED
    assert any("below the quality floor" in note for note in found.notes)
    busier = audit(
        fleet(running("nvidia-l40s", 4)),
        Scenario(classes=(chat.model_copy(update={"requests_per_s": 30.0}),)),
    )
    assert (busier.slo_probability or 0) <= (found.slo_probability or 0)


def test_the_limit_that_is_nearest_to_breaking_is_named() -> None:
    at_most = Capacity(
        requests_per_s=Quantiles.exactly(5.0),
        ttft_p95_s=Quantiles.exactly(0.2),
        tpot_p95_s=Quantiles.exactly(0.049),
    )
    assert first_limit(at_most, Slo(ttft_p95_s=0.5, tpot_p95_s=0.05)) == "tpot_p95_s"
    assert first_limit(at_most, Slo(ttft_p95_s=0.5)) == "queue"


def test_growth_is_read_in_percent_or_parts() -> None:
    assert growth("8%") == growth("8%/month") == growth(0.08) == pytest.approx(0.08)
    with pytest.raises(InvalidInput, match="800% a month"):
        growth(8)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", InvalidInput, r"no \[\[unit\]\]"),
        ("[[unit]]\ndevice = 'nvidia-l4'\nmodel = 'x'", InvalidInput, "has no weights"),
        ("[[unit]]\ndevise = 'nvidia-l4'", UnknownName, "near names: device"),
        ("[[unit]]\ndevice='nvidia-l4'\nmodel='m'\nweights='FP8'\ncount=0", InvalidInput, "count"),
        (
            "[[unit]]\ndevice='a'\nmodel='m'\nweights='FP8'\ntp=3\ndevices_per_unit=4",
            InvalidInput,
            "does not divide",
        ),
        ("[[unit]", FormatError, "not valid TOML"),
    ],
)
def test_bad_files_are_told_in_a_line(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text(text)
    with pytest.raises(error, match=said):
        read_fleet(path)
