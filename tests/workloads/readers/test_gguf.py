import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.errors import FileProblem, FormatError, TonnageError
from workloads import footprint, formats, models
from workloads.readers.gguf import read_parts
from workloads.readers.gguf_header import read_header

from .gguf_files import header_bytes, llama_metadata, llama_tensors, write


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    return write(folder / "llama.gguf", llama_metadata(), llama_tensors())


def test_a_model_is_read_as_the_catalog_has_it(llama: Path) -> None:
    read, known = models.get(str(llama)), models.get("llama-3.1-8b")
    assert read.total_params() == known.total_params()
    assert read.blocks == known.blocks
    assert (read.vocab, read.hidden, read.tied, read.max_context) == (128256, 4096, False, 131072)


def test_bytes_are_those_of_the_tensors_one_by_one(llama: Path) -> None:
    stored = sum(tensor.size_bytes for tensor in read_parts(llama).tensors.values())
    counted = footprint.weight_bytes(models.get(str(llama)), formats.get(str(llama)))
    assert counted == pytest.approx(stored, rel=1e-12)


def test_q4_k_m_against_the_file_average_that_llama_cpp_publishes(llama: Path) -> None:
    found, known = formats.get(str(llama)), formats.get("Q4_K_M")
    assert found.id == "Q4_K_M"
    assert found.file_bits_per_weight == pytest.approx(known.file_bits_per_weight, rel=2e-3)
    assert found.bits_per_weight == pytest.approx(known.bits_per_weight, rel=2e-3)
    assert found.head == known.head
    assert found.embedding == known.embedding


def test_experts_are_told_from_what_stands_beside_them(tmp_path: Path) -> None:
    metadata = {
        "general.architecture": "gpt-oss", "gpt-oss.block_count": 2, "gpt-oss.embedding_length": 2880,
        "gpt-oss.attention.head_count": 64, "gpt-oss.attention.head_count_kv": 8,
        "gpt-oss.attention.key_length": 64, "gpt-oss.attention.sliding_window": 128,
        "gpt-oss.expert_count": 32, "gpt-oss.expert_used_count": 4, "gpt-oss.rope.freq_base": 150000.0,
    }  # fmt: skip
    tensors = [("token_embd.weight", (2880, 201088), "Q8_0"), ("output.weight", (2880, 201088), "Q8_0")]
    for i in range(2):
        tensors += [
            (f"blk.{i}.attn_norm.weight", (2880,), "F32"),
            (f"blk.{i}.attn_q.weight", (2880, 4096), "Q8_0"),
            (f"blk.{i}.attn_q.bias", (4096,), "F32"),
            (f"blk.{i}.attn_k.weight", (2880, 512), "Q8_0"),
            (f"blk.{i}.attn_v.weight", (2880, 512), "Q8_0"),
            (f"blk.{i}.attn_output.weight", (4096, 2880), "Q8_0"),
            (f"blk.{i}.post_attention_norm.weight", (2880,), "F32"),
            (f"blk.{i}.ffn_gate_inp.weight", (2880, 32), "F32"),
            (f"blk.{i}.ffn_gate_exps.weight", (2880, 2880, 32), "MXFP4"),
            (f"blk.{i}.ffn_up_exps.weight", (2880, 2880, 32), "MXFP4"),
            (f"blk.{i}.ffn_up_exps.bias", (2880, 32), "F32"),
            (f"blk.{i}.ffn_down_exps.weight", (2880, 2880, 32), "MXFP4"),
        ]
    path = str(write(tmp_path / "oss.gguf", metadata, tensors))
    weights, model = formats.get(path), models.get(path)
    assert (weights.id, weights.bits_per_weight) == ("MXFP4", 4.25)
    assert weights.beside_experts is not None
    assert weights.beside_experts.bits == 8.5
    known = models.get("gpt-oss-20b")
    assert {block.feed_forwards for block in model.blocks} == {block.feed_forwards for block in known.blocks}
    assert {block.mixers[0].caches() for block in model.blocks} == {
        block.mixers[0].caches() for block in known.blocks
    }


def test_mamba_is_read_from_its_tensors(tmp_path: Path) -> None:
    known = models.get("mamba-130m")
    metadata = {
        "general.architecture": "mamba", "mamba.block_count": 24, "mamba.embedding_length": 768,
        "mamba.ssm.conv_kernel": 4, "mamba.ssm.inner_size": 1536, "mamba.ssm.state_size": 16,
        "mamba.ssm.time_step_rank": 48,
    }  # fmt: skip
    tensors = [("token_embd.weight", (768, 50280), "F16"), ("output_norm.weight", (768,), "F32")]
    for i in range(24):
        tensors += [
            (f"blk.{i}.attn_norm.weight", (768,), "F32"),
            (f"blk.{i}.ssm_in.weight", (768, 3072), "F16"),
            (f"blk.{i}.ssm_x.weight", (1536, 80), "F16"),
            (f"blk.{i}.ssm_dt.weight", (48, 1536), "F16"),
            (f"blk.{i}.ssm_out.weight", (1536, 768), "F16"),
        ]
    read = models.get(str(write(tmp_path / "mamba.gguf", metadata, tensors)))
    assert read.blocks == known.blocks
    assert read.tied


def test_parts_of_a_split_file_are_read_together(tmp_path: Path) -> None:
    tensors = llama_tensors(layers=4)
    metadata = llama_metadata(layers=4)
    write(tmp_path / "m-00001-of-00002.gguf", metadata, tensors[:10])
    path = tmp_path / "m-00001-of-00002.gguf"
    with pytest.raises(FileProblem, match="00002-of-00002"):
        models.get(str(path))
    write(tmp_path / "m-00002-of-00002.gguf", {}, tensors[10:])
    assert models.get(str(path)).layers == 4


def test_a_tokenizer_of_a_quarter_million_is_passed_over_quickly(tmp_path: Path) -> None:
    path = write(tmp_path / "big.gguf", llama_metadata(tokens=262_144, layers=1), llama_tensors(layers=1))
    header = read_header(path)
    assert header.lengths["tokenizer.ggml.tokens"] == 262_144
    assert "tokenizer.ggml.tokens" not in header.metadata


def _refused(path: Path) -> str:
    with pytest.raises(FormatError) as caught:
        read_parts(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "too few"),
        (b"GGUF", "too few"),
        (b"GGML" + bytes(40), "GGUF"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0), "tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63), "values"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**63), "claims"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, 2**62), "strings"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 10, 2**61), "claims"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 1), "unknown type"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<I", 99), "unknown type"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2) + b"\xff\xfe" + struct.pack("<IB", 7, 1), "UTF-8"),
    ],
)
def test_hostile_counts_are_refused_in_one_line(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    assert word in _refused(path)


@pytest.mark.parametrize("shape", [(0, 4), (2**41, 2), (4097, 4)])
def test_shapes_that_cannot_be_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write(tmp_path / "bad.gguf", {}, [("token_embd.weight", shape, "Q4_K")])
    assert "shape" in _refused(path)


def test_every_cut_of_a_header_is_refused(tmp_path: Path) -> None:
    whole = header_bytes(llama_metadata(layers=1, tokens=3), llama_tensors(layers=1))
    path = tmp_path / "cut.gguf"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        _refused(path)


def test_a_claim_of_many_layers_is_refused(tmp_path: Path) -> None:
    metadata = {**llama_metadata(layers=1, tokens=3), "llama.block_count": 2**31}
    path = write(tmp_path / "many.gguf", metadata, llama_tensors(layers=1))
    with pytest.raises(FormatError, match="layers"):
        models.get(str(path))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_changed_bytes_are_read_or_refused_never_worse(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = bytearray(header_bytes(llama_metadata(layers=2, tokens=3), llama_tensors(layers=2)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "m.gguf"
    path.write_bytes(bytes(whole))
    for read in (models.get, formats.get):
        try:
            read(str(path))
        except TonnageError as problem:
            assert "\n" not in str(problem)
