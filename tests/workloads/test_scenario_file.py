"""Scenario files: what is read, and the one line that each mistake gets."""

import copy
import re
from pathlib import Path

import pytest

from tonnage.errors import TonnageError
from workloads.scenario import Scenario
from workloads.scenario_toml.file import from_flags, parse_scenario, read_scenario

PLAIN = {"traffic": {"requests_per_s": 20, "prompt_tokens": 1024, "output_tokens": 256}}
CLASSES = {
    "traffic": {
        "class": [
            {"name": "short", "requests_per_s": 20, "prompt_tokens": 200, "output_tokens": 256},
            {"name": "long", "requests_per_s": 2, "prompt_tokens": "8k", "output_tokens": 256},
        ]
    }
}


def parsed(data: dict) -> Scenario:
    return parse_scenario(data, where="scenario.toml", folder=Path())


def changed(data: dict, **sections: object) -> dict:
    return {**copy.deepcopy(data), **sections}


def with_class(**values: object) -> dict:
    data = copy.deepcopy(CLASSES)
    data["traffic"]["class"][1].update(values)
    return data


def test_units_are_read_and_kept_in_si() -> None:
    scenario = parsed(
        changed(
            PLAIN,
            slo={"ttft_p95_s": "500ms", "tpot_p95_ms": 50, "e2e_p95_s": 12},
            budget={"usd_per_month": "27.5/h"},
        )
    )
    slo = scenario.classes[0].slo
    assert (slo.ttft_p95_s, slo.tpot_p95_s, slo.e2e_p95_s) == (0.5, 0.05, 12.0)
    assert scenario.budget.usd_per_month == pytest.approx(27.5 * 730)


def test_a_class_takes_the_limits_that_it_does_not_set() -> None:
    data = with_class(slo={"ttft_p95_s": "5s"}, quality={"mmlu_min": 50})
    short, long = parsed(
        changed(data, slo={"ttft_p95_s": 0.5, "tpot_p95_s": 0.05}, quality={"mmlu_min": 75})
    ).classes
    assert (short.slo.ttft_p95_s, long.slo.ttft_p95_s) == (0.5, 5.0)
    assert short.slo.tpot_p95_s == long.slo.tpot_p95_s == 0.05
    assert (short.quality.mmlu_min, long.quality.mmlu_min) == (75.0, 50.0)


def test_percentiles_of_a_length_are_those_of_a_log_normal() -> None:
    tokens = {"p50": 1000, "p90": 2000}
    traffic = parsed({"traffic": {**PLAIN["traffic"], "prompt_tokens": tokens}}).classes[0]
    sigma = 0.540869  # ln 2 / 1.281552
    assert traffic.prompt_tokens == pytest.approx(1000 * 2.718281828 ** (sigma**2 / 2), rel=1e-4)
    assert traffic.prompt_tokens_p95 == pytest.approx(1000 * 2.718281828 ** (1.644854 * sigma), rel=1e-4)


def test_a_capacity_table_sets_the_candidates_unless_others_are_named() -> None:
    table = [{"device": "nvidia-a10g", "model": "llama-2-7b", "weights": "F16", "requests_per_s": 5}]
    chosen = parsed(changed(PLAIN, capacity=table)).candidates
    assert (chosen.devices, chosen.models, chosen.formats) == (("nvidia-a10g",), ("llama-2-7b",), ("F16",))
    assert not chosen.api
    wider = parsed(
        changed(PLAIN, capacity=table, candidates={"devices": ["nvidia-l4"], "api": True})
    ).candidates
    assert wider.devices == ("nvidia-l4",)
    assert wider.api


def test_a_single_class_needs_no_name_in_a_capacity_table() -> None:
    table = [{"device": "nvidia-a10g", "requests_per_s": 5, "class": "short"}]
    assert parsed(changed(PLAIN, capacity=table)).capacity[0].class_name == "all"


def test_settings_beat_the_file_and_its_classes(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        "[[traffic.class]]\nname='a'\nrequests_per_s=1\nprompt_tokens=10\noutput_tokens=10\n"
        "slo={ttft_p95_s=1}\n[[traffic.class]]\nname='b'\nrequests_per_s=1\nprompt_tokens=10\noutput_tokens=10\n"
    )
    scenario = read_scenario(path, settings={"slo.ttft_p95_s": "2s", "traffic.class.b.requests_per_s": 7})
    assert [traffic.slo.ttft_p95_s for traffic in scenario.classes] == [2.0, 2.0]
    assert [traffic.requests_per_s for traffic in scenario.classes] == [1.0, 7.0]


def test_flags_alone_are_a_scenario() -> None:
    flags = {"traffic.requests_per_s": "20", "traffic.prompt_tokens": "1k", "traffic.output_tokens": "256"}
    assert (
        from_flags(flags).classes
        == parsed(PLAIN | {"traffic": {**PLAIN["traffic"], "prompt_tokens": 1000}}).classes
    )


def test_a_trace_gives_rate_lengths_and_peak(tmp_path: Path) -> None:
    arrivals = [10.0 * i for i in range(60)] + [600.0 + i for i in range(601)]
    rows = "\n".join(f"{arrival},{100},{20}" for arrival in arrivals)
    (tmp_path / "t.csv").write_text(f"arrival_s,input_tokens,output_tokens\n{rows}\n")
    (tmp_path / "s.toml").write_text("[traffic]\ntrace = 't.csv'\n")
    traffic = read_scenario(tmp_path / "s.toml").classes[0]
    assert traffic.requests_per_s == pytest.approx(660 / 1200)
    assert (traffic.prompt_tokens, traffic.output_tokens) == (100, 20)
    assert traffic.peak_to_mean == pytest.approx(301 / (661 / 4), rel=0.01)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "no [traffic]"),
        ({"trafic": {}}, "key in scenario.toml 'trafic'; near names: traffic"),
        ({"traffic": {"requests_per_s": 1, "prompt_tokens": 1}}, "has no output_tokens"),
        ({"traffic": {**PLAIN["traffic"], "requests_per_s": -1}}, "requests_per_s must be a positive number"),
        ({"traffic": {**PLAIN["traffic"], "requests_per_s": 0}}, "must be a positive number of requests"),
        ({"traffic": {**PLAIN["traffic"], "requests_per_s": float("nan")}}, "must be a finite number"),
        ({"traffic": {**PLAIN["traffic"], "requests_per_s": True}}, "must be a number, not True"),
        ({"traffic": {**PLAIN["traffic"], "prompt_tokens": 0}}, "at least 1 token, not 0"),
        ({"traffic": {**PLAIN["traffic"], "prompt_tokens": "1k words"}}, "cannot be read in tokens"),
        ({"traffic": {**PLAIN["traffic"], "prompt_tokens": {"p50": 9, "p90": 3}}}, "percentiles must grow"),
        ({"traffic": {**PLAIN["traffic"], "peak_to_mean": 0.5}}, "peak_to_mean must be at least 1"),
        (changed(PLAIN, slo={"ttft_p95_s": 500}), 'is 500 seconds; write "500ms"'),
        (changed(PLAIN, slo={"ttft_p95_s": "500"}), 'is 500 seconds; write "500ms"'),
        (changed(PLAIN, slo={"tpot_p95_s": 50}), 'is 50 seconds; write "50ms"'),
        (changed(PLAIN, slo={"ttft_p95_s": "2 fortnights"}), "cannot be read in seconds"),
        (changed(PLAIN, slo={"ttft_p59_s": 1}), "near names: ttft_p"),
        (changed(PLAIN, slo={"ttft_p50_s": 2, "ttft_p95_s": 1}), "can never bind"),
        (changed(PLAIN, quality={"mmlu_min": 175}), "between 0 and 100"),
        (changed(PLAIN, budget={"usd_per_month": 0}), "budget.usd_per_month must be a positive number"),
        (changed(PLAIN, budget={"usd_per_month": "20000 EUR"}), "not in US dollars"),
        (changed(PLAIN, budget={"usd_per_month": "€20000/month"}), "not in US dollars"),
        (changed(PLAIN, budget={"eur_per_month": 5}), "near names: usd_per_month"),
        (changed(PLAIN, price=[{"device": "x", "usd_per_h": 0}]), "must be a positive number of USD/h"),
        (changed(PLAIN, price=[{"device": "x", "usd_per_h": 1}] * 2), "names device 'x' 2 times"),
        (changed(PLAIN, candidates={"devices": [], "api": False}), "nothing to choose from"),
        (changed(PLAIN, candidates={"modles": ["x"]}), "near names: models"),
        (changed(PLAIN, candidates={"purchase": ["spott"]}), "near names: spot"),
        (changed(PLAIN, candidates={"owned": [{"count": 1}]}), "either a device of the catalog or the path"),
        (changed(PLAIN, availability={"spare_units": 1.5}), "whole number of at least 0"),
        (changed(PLAIN, availability={"confidence": 95}), "must be a probability of at least 0.5"),
        (with_class(name="short"), "traffic class 'short' is given 2 times"),
        ({"traffic": {**PLAIN["traffic"], **CLASSES["traffic"]}}, "a load of its own beside"),
        (
            changed(CLASSES, capacity=[{"device": "d", "requests_per_s": 1, "class": "short"}]),
            "has no entry for class 'long'",
        ),
        (
            changed(CLASSES, capacity=[{"device": "d", "requests_per_s": 1, "class": "shrot"}]),
            "near names: short",
        ),
        (changed(PLAIN, capacity=[{"device": "d", "requests_per_s": 1}] * 2), "2 times; keep one"),
        (changed(PLAIN, capacity=[{"device": "d", "requests_per_s": -1}]), "must be a positive number"),
    ],
)  # fmt: skip
def test_each_mistake_gets_one_clear_line(data: dict, said: str) -> None:
    with pytest.raises(TonnageError, match=re.escape(said)) as refused:
        parsed(data)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_rate_for_several_classes_must_name_one() -> None:
    with pytest.raises(TonnageError, match="several classes"):
        from workloads.scenario_toml.settings import with_settings

        with_settings(CLASSES, {"traffic.requests_per_s": 3})


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("[traffic\n")
    with pytest.raises(TonnageError, match=r"s\.toml: not valid TOML"):
        read_scenario(path)
