import pytest

from tonnage.errors import UnknownName
from workloads import formats
from workloads.matrix import Role
from workloads.readers.gguf_types import TENSOR_TYPES

NARROW = {"fp32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "fp4": 4}


def test_all_formats_parse_and_name_a_source() -> None:
    assert (len(formats.names()), len(formats.kv_names())) == (86, 9)
    for name in formats.names():
        assert formats.get(name).source
    for name in formats.kv_names():
        assert formats.kv(name).bytes_per_value > 0


@pytest.mark.parametrize("name", formats.names())
def test_what_a_format_stores_its_parts_in_is_a_format(name: str) -> None:
    form = formats.get(name)
    parts = (form.embedding, form.head, form.plain, form.beside_experts, form.latent)
    assert [part.format for part in parts if part is not None and not formats.has(part.format)] == []


@pytest.mark.parametrize(
    ("alias", "name", "dtype"),
    [
        ("BF16", "BF16", "bf16"), ("FP8", "FP8_W8A8", "fp8"), ("INT8", "INT8_W8A16", "bf16"),
        ("NVFP4", "NVFP4_W4A4", "fp4"), ("INT4", "GPTQ_INT4_G128", "bf16"), ("MXFP4", "MXFP4", "int8"),
        ("q4_k_m", "Q4_K_M", "int8"),
    ],
)  # fmt: skip
def test_short_names_stand_for_formats(alias: str, name: str, dtype: str) -> None:
    found = formats.get(alias)
    assert (found.id, found.activation_dtype) == (name, dtype)


@pytest.mark.parametrize(
    ("alias", "width"), [(None, 2), ("BF16", 2), ("FP8", 1), ("q8_0", 1.0625), ("KV_Q4_0", 0.5625)]
)
def test_cache_formats_have_their_width(alias: str | None, width: float) -> None:
    assert formats.kv(alias).bytes_per_value == width


@pytest.mark.parametrize(("ask", "near"), [(formats.get, "Q4_K_M"), (formats.kv, "KV_Q4_0")])
def test_unknown_formats_list_near_ones(ask: object, near: str) -> None:
    with pytest.raises(UnknownName, match=near):
        ask(near + "X")  # type: ignore[operator]


@pytest.mark.parametrize("name", formats.names())
def test_weights_are_never_wider_than_their_arithmetic(name: str) -> None:
    found = formats.get(name)
    storages = [found.linear, found.embedding, found.head, found.plain]
    for stored in storages:
        assert stored.bits <= NARROW[stored.dtype] * 1.15
    assert found.linear.bits <= found.plain.bits


@pytest.mark.parametrize("kind", list(TENSOR_TYPES.values()), ids=lambda kind: kind.name)
def test_tensor_types_against_the_bits_of_the_catalog(kind: object) -> None:
    """Two sources of one figure: block sizes of ggml, bits per weight of the format tables."""
    bits = kind.block_bytes * 8 / kind.block_weights  # type: ignore[attr-defined]
    stored = [
        part.bits
        for name in formats.names()
        for part in (formats.get(name).embedding, formats.get(name).head)
        if part.format == kind.name  # type: ignore[attr-defined]
    ]
    assert all(found == bits for found in stored)


def test_experts_alone_are_quantized_where_the_format_says_so() -> None:
    found = formats.get("MXFP4_W4A16")
    assert found.storage(Role.EXPERT, has_experts=True).bits == 4.25
    assert found.storage(Role.LINEAR, has_experts=True).bits == 16
    assert found.storage(Role.LINEAR, has_experts=False).bits == 4.25
    assert found.storage(Role.PLAIN, has_experts=True).bits == 16


def test_latent_attention_stays_as_it_is_where_checkpoints_leave_it() -> None:
    found = formats.get("NVFP4")
    assert found.storage(Role.LATENT, has_experts=True).bits == 16
    assert found.storage(Role.LINEAR, has_experts=True).bits == 4.5
    assert found.storage(Role.LATENT_OUT, has_experts=True).bits == 4.5
    for role in (Role.LATENT, Role.LATENT_OUT):
        assert formats.get("FP8").storage(role, has_experts=True).bits == 8
