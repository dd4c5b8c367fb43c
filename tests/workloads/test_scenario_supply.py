"""Supply, profiles, tenants and growth in scenario files: what is read, and one line for each mistake."""

import re
from pathlib import Path

import pytest

from tonnage.errors import TonnageError
from workloads.scenario import Purchase, Scenario
from workloads.scenario_toml.file import parse_scenario

LOAD = {"requests_per_s": 20, "prompt_tokens": 1024, "output_tokens": 256}
CLASSES = [{"name": "chat", **LOAD}, {"name": "code", **LOAD, "requests_per_s": 4}]


def parsed(traffic: dict | None = None, **sections: object) -> Scenario:
    data = {"traffic": {**LOAD, **(traffic or {})}, **sections}
    return parse_scenario(data, where="scenario.toml", folder=Path())


def of_classes(first: dict, second: dict, **common: object) -> Scenario:
    traffic = {"class": [{**CLASSES[0], **first}, {**CLASSES[1], **second}], **common}
    return parse_scenario({"traffic": traffic}, where="scenario.toml", folder=Path())


def test_a_profile_keeps_the_mean() -> None:
    (traffic,) = parsed({"hourly": [*range(24)]}).classes
    assert sum(traffic.profile) == pytest.approx(24)
    assert traffic.profile[23] / traffic.profile[1] == pytest.approx(23)


def test_a_day_is_repeated_where_another_class_has_a_week() -> None:
    chat, code = of_classes({"hourly": [1, 3] * 12}, {"weekly": [1.0] * 120 + [0.0] * 48}).classes
    assert len(chat.profile) == len(code.profile) == 168
    assert chat.profile[:2] == chat.profile[24:26] == pytest.approx((0.5, 1.5))
    assert code.profile[0] == pytest.approx(168 / 120)


def test_a_class_takes_the_common_profile_unless_it_has_its_own() -> None:
    chat, code = of_classes({}, {"profile": [1, 1, 1, 5]}, hourly=[1, 3] * 12).classes
    assert chat.profile[:2] == pytest.approx((0.5, 1.5))
    assert code.profile[:4] == pytest.approx((0.5, 0.5, 0.5, 2.5))
    assert len(code.profile) == 24


def test_tenants_share_every_class() -> None:
    tenants = [{"name": "acme", "share": 0.75}, {"name": "rest", "share": "25%"}]
    (acme, rest) = parsed({"tenant": tenants}).classes
    assert (acme.name, acme.requests_per_s, rest.requests_per_s) == ("acme", 15.0, 5.0)
    table = [{"device": "d", "requests_per_s": 2, "class": name} for name in ("chat", "code")]
    traffic = {"class": CLASSES, "tenant": tenants}
    both = parse_scenario({"traffic": traffic, "capacity": table}, where="", folder=Path())
    names = ["chat/acme", "chat/rest", "code/acme", "code/rest"]
    assert (
        [traffic.name for traffic in both.classes] == [entry.class_name for entry in both.capacity] == names
    )
    assert sum(traffic.requests_per_s for traffic in both.classes) == pytest.approx(24)


def test_prices_stand_side_by_side_by_purchase_and_term() -> None:
    ways = [
        {"device": "d", "usd_per_h": 1},
        {"device": "d", "usd_per_h": 0.6, "purchase": "reserved", "term_years": 1},
        {"device": "d", "usd_per_h": 0.4, "purchase": "reserved", "term_years": 3},
    ]
    found = parsed(price=ways).prices
    assert [(item.purchase, item.term_years) for item in found] == [
        (Purchase.ON_DEMAND, None), (Purchase.RESERVED, 1.0), (Purchase.RESERVED, 3.0),
    ]  # fmt: skip


def test_units_of_the_site_and_of_rate_limits() -> None:
    site = parsed(site={"power_kw": 4, "racks": 2, "rack_power_w": "3kW", "usd_per_kwh": 0.2}).site
    assert (site.power_w, site.rack_power_w) == (4000.0, 3000.0)
    (limit,) = parsed(api_limit=[{"requests_per_min": 120, "tokens_per_min": "1.2M"}]).api_limits
    assert (limit.requests_per_s, limit.tokens_per_s) == (2.0, 20_000.0)


def test_worth_is_lost_in_a_straight_line() -> None:
    owned = [{"device": "nvidia-l4", "price_usd": "8.76k", "years": 2, "residual_frac": 0.5}]
    (item,) = parsed(candidates={"owned": owned}).candidates.owned
    assert item.amortisation_usd_per_h == pytest.approx(0.25)


DEVICE = {"device": "nvidia-l4"}


@pytest.mark.parametrize(
    ("traffic", "sections", "said"),
    [
        ({"hourly": [1, 2, 3]}, {}, "traffic.hourly needs 24 values, not 3"),
        ({"hourly": [1] * 24, "weekly": [1] * 168}, {}, "has both hourly and weekly"),
        ({"hourly": "office"}, {}, "must be a list of relative rates"),
        ({"profile": [0, 0]}, {}, "one of them above 0"),
        ({"profile": [1, -1]}, {}, "rates of at least 0"),
        ({"cached_prompt_frac": 1.5}, {}, "between 0 and 1"),
        ({"tenant": [{"name": "a", "share": 0.5}]}, {}, "sum to 0.5, not to 1"),
        ({"tenant": [{"name": "a", "share": 0.5}] * 2}, {}, "'a' is given twice"),
        ({"tenant": [{"name": "a"}]}, {}, "share must be above 0"),
        ({}, {"growth": {"per_month": 5, "months": 12}}, "write 0.05 if percent are meant"),
        ({}, {"growth": {"per_month": 0.05}}, "[growth] has no months"),
        ({}, {"growth": {"per_month": 0.05, "months": 0}}, "at least 1"),
        ({}, {"objective": "enrgy"}, "near names: energy"),
        ({}, {"objective": "load"}, "give budget.usd_per_month"),
        ({}, {"objective": "carbon"}, "needs site.kg_co2_per_kwh"),
        ({}, {"site": {"pue": 0.9}}, "site.pue must be at least 1"),
        ({}, {"site": {"usd_per_kwh": 12}}, "write 0.12 if cents are meant"),
        ({}, {"site": {"usd_per_kwh": "0.3 EUR"}}, "not in US dollars"),
        ({}, {"site": {"rack_power_kw": 3}}, "how many racks"),
        ({}, {"site": {"power_w": 0}}, "must be a positive number of watts"),
        ({}, {"price": [{**DEVICE, "usd_per_h": 1, "purchase": "resrved"}]}, "near names: reserved"),
        ({}, {"price": [{**DEVICE, "usd_per_h": 1, "purchase": "owned"}]}, "stands in candidates.owned"),
        ({}, {"price": [{**DEVICE, "usd_per_h": 1, "term_years": 1}]}, 'goes with purchase = "reserved"'),
        ({}, {"price": [{**DEVICE, "usd_per_h": -1}]}, "must be a positive number of USD/h"),
        ({}, {"candidates": {"owned": [{**DEVICE, "price_usd": 5}]}}, "needs both price_usd and the years"),
        ({}, {"candidates": {"owned": [{**DEVICE, "price_usd": "5 EUR", "years": 1}]}}, "not in US dollars"),
        ({}, {"candidates": {"spot_reserve_frac": 1}}, "at least 0 and below 1"),
        ({}, {"candidates": {"models": []}}, "leaves nothing to choose from"),
        ({}, {"candidates": {"formats": [], "api": False}}, "leaves nothing to choose from"),
        ({}, {"availability": {"spare_domains": 1}}, "must be below the 1 domains"),
        ({}, {"availability": {"domains": 0}}, "at least 1, not 0"),
        ({}, {"inventory": [{**DEVICE, "count": -1}]}, "at least 0, not -1"),
        ({}, {"inventory": [DEVICE]}, "inventory[0] has no count"),
        ({}, {"api_limit": [{"provider": "x"}]}, "limits nothing"),
        ({}, {"api_limit": [{"requests_per_min": 0}]}, "must be a positive number"),
    ],
)
def test_each_mistake_gets_one_clear_line(traffic: dict, sections: dict, said: str) -> None:
    with pytest.raises(TonnageError, match=re.escape(said)) as refused:
        parsed(traffic, **sections)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_profiles_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(TonnageError, match="do not go together"):
        of_classes({"profile": [1, 2, 3]}, {"profile": [1, 2]})
