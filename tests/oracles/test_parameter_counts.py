"""Parameter counts that follow from the shapes, against the published ones."""

import pytest

from workloads import models
from workloads.architecture import Architecture

TOLERANCE = 0.02


def _resolution(published: float) -> float:
    """Half of the last digit that a rounded vendor figure shows, in billions or tenths of them."""
    digits = f"{published / 1e9:.6f}".rstrip("0").rstrip(".")
    decimals = len(digits.partition(".")[2])
    return 0.5 * 10.0 ** (9 - decimals)


@pytest.mark.parametrize("name", models.names())
def test_total_params_against_published(name: str) -> None:
    model = models.get(name)
    assert model.published_params is not None
    assert model.total_params() == pytest.approx(model.published_params, rel=TOLERANCE)


def _active_range(model: Architecture) -> tuple[float, float]:
    """Vendors count the token tables in, out, or (tied ones) twice."""
    active, table = model.active_params(), model.embedding_params()
    tables = 1 if model.tied else 2
    return active - tables * table, active + (table if model.tied else 0)


@pytest.mark.parametrize("name", [name for name in models.names() if models.get(name).has_experts])
def test_active_params_of_experts_against_published(name: str) -> None:
    model = models.get(name)
    published = model.published_active_params
    assert published is not None
    low, high = _active_range(model)
    half = _resolution(published)
    assert low * (1 - TOLERANCE) - half <= published <= high * (1 + TOLERANCE) + half


@pytest.mark.parametrize("name", [name for name in models.names() if not models.get(name).has_experts])
def test_every_parameter_of_a_model_without_experts_is_active(name: str) -> None:
    model = models.get(name)
    aside = model.vision_params + model.draft_params
    assert model.active_params() == pytest.approx(model.total_params() - aside, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        # Totals in the metadata of the safetensors files.
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-2-7b", 6_738_415_616),
        ("mistral-7b-v0.1", 7_241_732_096),
        ("mixtral-8x7b", 46_702_792_704),
        ("qwen3-30b-a3b", 30_532_122_624),
        ("mamba-130m", 129_135_360),
    ],
)
def test_total_params_against_safetensors_to_the_last_one(name: str, exact: int) -> None:
    assert models.get(name).total_params() == exact
