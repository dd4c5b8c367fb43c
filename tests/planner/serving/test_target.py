from pathlib import Path

import pytest

from hw_targets import catalog
from planner.serving import engines
from planner.serving.step.core_peaks import CLOCK_HZ, core_peaks
from planner.serving.step.peaks import BALANCE_FLOP_PER_BYTE
from planner.serving.step.target import from_device, target
from tonnage.errors import FormatError, OutsideRange, UnknownName
from tonnage.evidence import Evidence

CAPTURED = Path(__file__).parents[2] / "captures" / "profiles" / "epyc-2cpu.json"


def test_a_catalog_device_brings_its_ceilings():
    h100 = target("nvidia-h100-sxm5-80gb")
    assert h100.bandwidth_bytes_per_s == 3.35e12
    assert h100.peak_flop_per_s("fp8") == 1.979e15
    assert (h100.memory_class, h100.link_class) == ("hbm", "nvlink")
    assert not h100.is_measured


def test_a_dtype_that_is_not_native_runs_in_the_next_wider_one():
    a100 = target("nvidia-a100-sxm4-80gb")
    assert a100.peak_flop_per_s("fp8") == a100.peak_flop_per_s("bf16")
    assert a100.peak_flop_per_s("fp4") == a100.peak_flop_per_s("bf16")


def test_high_bandwidth_memory_is_made_in_gib():
    """nvidia-smi reports 81 559 MiB on H100 80 GB."""
    assert target("nvidia-h100-sxm5-80gb").memory_bytes == pytest.approx(81_559 * 2**20, rel=0.005)


def test_graphics_memory_is_made_in_gib_and_error_correction_takes_its_part():
    """nvidia-smi reports 24 564 MiB on RTX 4090, 15 360 MiB on T4."""
    assert target("nvidia-rtx-4090").memory_bytes == pytest.approx(24_564 * 2**20, rel=0.006)
    assert target("nvidia-t4").memory_bytes == 15_360 * 2**20


def test_a_bridge_joins_pairs_so_groups_go_through_pci_express():
    assert target("nvidia-h100-pcie-80gb").link_bytes_per_s < 70e9


def test_a_cpu_without_published_peaks_is_assumed_and_says_so():
    cpu = target("amd-epyc-9654")
    assert cpu.evidence is Evidence.ASSUMED
    assert cpu.peak == core_peaks(catalog.get("amd-epyc-9654"))
    assert "assumed" in cpu.notes[0]


def test_a_processor_of_unknown_vectors_gets_flop_by_its_bandwidth():
    cpu = from_device(catalog.get("amd-epyc-9654").model_copy(update={"isa_features": ()}))
    assert cpu.peak == {"fp32": BALANCE_FLOP_PER_BYTE["cpu"] * cpu.bandwidth_bytes_per_s}


@pytest.mark.parametrize(("device", "cores", "flop"), [("amd-epyc-9654", 96, 32), ("amd-epyc-9755", 128, 64)])
def test_zen_4_runs_wide_vectors_in_two_halves_and_zen_5_in_one(device, cores, flop):
    assert core_peaks(catalog.get(device))["fp32"] == cores * flop * CLOCK_HZ


def test_a_device_without_bandwidth_is_refused_with_the_way_out():
    with pytest.raises(OutsideRange, match="tonnage bench"):
        from_device(catalog.get("aws-graviton3").model_copy(update={"memory_bandwidth_bytes_per_s": None}))


@pytest.mark.parametrize("device", catalog.names())
def test_every_device_of_the_catalog_is_a_target(device):
    on = target(device)
    assert on.bandwidth_bytes_per_s > 0
    assert max(on.peak.values()) > 0


def test_a_profile_becomes_a_measured_target():
    machine = target(str(CAPTURED))
    assert machine.is_measured
    assert machine.evidence is Evidence.FITTED
    assert machine.kind == "cpu"


def test_an_unknown_device_lists_near_ones():
    with pytest.raises(UnknownName, match="nvidia-l40s"):
        target("nvidia-l40x")


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"format": "tonnage.plan", "version": 1}')
    with pytest.raises(FormatError, match=r"tonnage\.profile"):
        target(str(path))


@pytest.mark.parametrize(
    ("alias", "name"), [("TensorRT-LLM", "trtllm"), ("ollama", "llama.cpp"), (" vLLM ", "vllm")]
)
def test_engines_have_other_names(alias, name):
    engine, notes = engines.resolve(alias, kind="gpu")
    assert engine.name == name
    assert notes == ()


def test_every_engine_says_where_its_policy_was_read():
    for name in engines.names():
        engine, _ = engines.resolve(name, kind="gpu")
        assert len(engine.source) > 20


@pytest.mark.parametrize(("kind", "name"), [("cpu", "llama.cpp"), ("gpu", "vllm")])
def test_no_engine_is_the_usual_one_of_the_device_with_a_note(kind, name):
    engine, notes = engines.resolve(None, kind=kind)
    assert engine.name == name
    assert "assumed" in notes[0]
