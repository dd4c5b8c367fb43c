"""RAPL counters from a folder that looks like powercap."""

import os

import pytest

from profiler.energy import EnergyMeter


def package(root, name, energy_uj, range_uj=10_000_000):
    folder = root / name
    folder.mkdir(exist_ok=True)
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    if range_uj is not None:
        (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")


def test_energy_is_the_sum_of_packages_and_not_of_their_parts(tmp_path):
    package(tmp_path, "intel-rapl:0", 1_000_000)
    package(tmp_path, "intel-rapl:1", 2_000_000)
    package(tmp_path, "intel-rapl:0:0", 0)
    meter = EnergyMeter(tmp_path)
    package(tmp_path, "intel-rapl:0", 1_500_000)
    package(tmp_path, "intel-rapl:1", 2_250_000)
    package(tmp_path, "intel-rapl:0:0", 9_000_000)
    assert meter.used_j() == pytest.approx(0.75)
    assert meter.used_j() == 0.0
    assert meter.source == "RAPL, 2 packages"
    assert meter.why_not is None


@pytest.mark.parametrize(("range_uj", "used_j"), [(10_000_000, 1.5), (None, None)])
def test_a_counter_that_starts_anew_is_followed_if_its_range_is_known(tmp_path, range_uj, used_j):
    package(tmp_path, "intel-rapl:0", 9_000_000, range_uj)
    meter = EnergyMeter(tmp_path)
    package(tmp_path, "intel-rapl:0", 500_000, range_uj)
    assert meter.used_j() == (pytest.approx(used_j) if used_j is not None else None)


def test_what_cannot_be_read_is_none_with_its_reason(tmp_path):
    missing = EnergyMeter(tmp_path / "powercap")
    assert missing.used_j() is None
    assert "is missing" in missing.why_not
    empty = EnergyMeter(tmp_path)
    assert empty.used_j() is None
    assert "no package counter" in empty.why_not


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_counter_for_root_only_says_how_to_open_it(tmp_path):
    package(tmp_path, "intel-rapl:0", 1)
    (tmp_path / "intel-rapl:0" / "energy_uj").chmod(0)
    assert "chmod a+r" in EnergyMeter(tmp_path).why_not
