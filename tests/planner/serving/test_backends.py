import pytest

from planner.deployment import Case
from planner.serving.placement import place
from planner.serving.predict import predict
from planner.serving.step import backends
from planner.serving.step.backends import backend, cores
from planner.serving.step.target import target
from tonnage.evidence import Evidence


def case(device: str, **given: object) -> Case:
    return Case.model_validate(
        {
            "id": "x",
            "model": "llama-2-7b",
            "weights": "Q4_0",
            "engine": "llama.cpp",
            "device": device,
            **given,
        }
    )


@pytest.mark.parametrize(
    ("stated", "device", "api"),
    [
        ("Vulkan", "amd-rx-7900-xtx", "vulkan"), ("HIP+WMMA+FA", "amd-rx-7900-xtx", "rocm"),
        ("MTL,BLAS", "apple-m2-ultra", "metal"), ("vulkan RADV", "amd-rx-9070", "vulkan"),
        (None, "nvidia-rtx-4090", "cuda"), (" ", "apple-m1", "metal"), (None, "amd-epyc-9654", "cpu"),
        (None, "amd-rx-7900-xtx", "unstated"),
    ],
)  # fmt: skip
def test_an_api_is_the_stated_one_or_the_only_one(stated: str | None, device: str, api: str) -> None:
    assert backend(stated, engine="llama.cpp", on=target(device)) == api


def test_the_cores_of_a_system_on_a_chip_are_slower_than_all_of_it() -> None:
    gpu, cpu = predict(case("apple-m2-max")), predict(case("apple-m2-max", backend="cpu"))
    assert gpu.tpot_s is not None and cpu.tpot_s is not None and cpu.ttft_s is not None
    assert cpu.tpot_s.p50 > gpu.tpot_s.p50
    assert cpu.evidence is Evidence.ASSUMED
    assert any("processor cores" in note for note in cpu.notes)


def test_a_card_without_cores_is_answered_and_says_so() -> None:
    card = place(case("nvidia-rtx-4090", backend="cpu"))
    assert (card.groups.backend, card.target.kind) == ("cuda", "gpu")
    assert any("no processor cores" in note for note in card.notes)


@pytest.mark.parametrize("device", ["amd-epyc-9654", "nvidia-grace-72c"])
def test_a_processor_is_its_own_cores(device: str) -> None:
    assert cores(device) is target(device)


def test_rates_that_are_assumed_make_intervals_wider() -> None:
    gpu, cpu = predict(case("apple-m2-max")), predict(case("apple-m2-max", backend="cpu"))
    for metric in ("ttft_s", "tpot_s"):
        wide, narrow = getattr(cpu, metric), getattr(gpu, metric)
        assert wide.p90 / wide.p50 > narrow.p90 / narrow.p50


@pytest.mark.parametrize("stated", [*backends.KNOWN, *backends.ALIASES, "CUDA 12.4", "Vulkan", "", None])
def test_an_api_that_is_known_needs_no_word_and_another_gets_one(stated: str | None) -> None:
    assert backends.strangers(stated) == ()
    (note,) = backends.strangers("abacus")
    assert "abacus" in note
