"""Names as people and drivers write them lead to one device, or to the candidates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_targets import catalog
from tonnage.errors import InvalidInput, TonnageError, UnknownName


@pytest.mark.parametrize(
    ("text", "device_id"),
    [
        ("RTX 4090 24GB", "nvidia-rtx-4090"),
        ("H100 SXM", "nvidia-h100-sxm5-80gb"),
        ("MI300X OAM", "amd-mi300x"),
        ("NVIDIA H100 80GB HBM3", "nvidia-h100-sxm5-80gb"),
        ("NVIDIA H100 PCIe", "nvidia-h100-pcie-80gb"),
        ("NVIDIA A100-SXM4-80GB", "nvidia-a100-sxm4-80gb"),
        ("NVIDIA A100 80GB PCIe", "nvidia-a100-pcie-80gb"),
        ("Tesla V100-SXM2-16GB", "nvidia-v100-sxm2-16gb"),
        ("Tesla T4", "nvidia-t4"),
        ("NVIDIA GeForce RTX 3090", "nvidia-rtx-3090"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "nvidia-rtx-4070-ti-super"),
        ("NVIDIA RTX 6000 Ada Generation", "nvidia-rtx-6000-ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "nvidia-rtx-pro-6000-blackwell-server"),
        ("AMD Radeon RX 7900 XTX", "amd-rx-7900-xtx"),
        ("AMD Instinct MI250X", "amd-mi250x"),
        ("Apple M2", "apple-m2"),
        ("Apple M2 Ultra", "apple-m2-ultra"),
        ("TPU v5e", "google-tpu-v5e"),
        ("gaudi 3", "intel-gaudi3"),
        ("n300", "tenstorrent-wormhole-n300"),
        ("Strix Halo", "amd-ryzen-ai-max-plus-395"),
        ("Intel(R) Xeon(R) Platinum 8480+", "intel-xeon-8480plus"),
        ("nvidia-l40s", "nvidia-l40s"),
    ],
)
def test_text_means_one_device(text: str, device_id: str) -> None:
    assert catalog.resolve(text).id == device_id


def test_ambiguous_text_lists_the_candidates() -> None:
    with pytest.raises(InvalidInput, match="nvidia-h200-sxm-141gb, nvidia-h200-nvl-141gb"):
        catalog.resolve("H200")


@pytest.mark.parametrize("text", ["RTX 4090 48GB", "H100 SXM 40GB", "quantum 9000", "", "GPU"])
def test_no_device_becomes_another(text: str) -> None:
    with pytest.raises((UnknownName, InvalidInput)):
        catalog.resolve(text)


def test_unknown_text_lists_the_nearest() -> None:
    with pytest.raises(UnknownName, match="aws-trainium1"):
        catalog.resolve("trainium")


@pytest.mark.parametrize("device_id", catalog.names())
def test_every_name_leads_back_to_its_device(device_id: str) -> None:
    """The catalog's own name means the device, or at least has it among the candidates."""
    try:
        assert catalog.resolve(catalog.get(device_id).name).id == device_id
    except InvalidInput as several:
        assert device_id in str(several)


@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    try:
        assert catalog.resolve(text).id in catalog.names()
    except TonnageError as refusal:
        assert str(refusal)
