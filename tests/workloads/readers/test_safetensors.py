"""Headers that contradict themselves are refused, in bounded time and memory, whatever they hold."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonnage.errors import FileProblem, FormatError, TonnageError
from workloads.readers import safetensors
from workloads.readers.checkpoint import read_weight_format
from workloads.readers.safetensors import read_header, read_index

from .safetensors_files import LLAMA_8B, header_bytes, llama_linears, nvfp4, write

GOOD = {"a": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}}


def file(tmp_path: Path, header: object, *, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_tensors_have_dtype_shape_and_bytes(tmp_path):
    tensors = nvfp4("model.layers.0.mlp.up_proj", 4096, 14336)
    path = tmp_path / "m.safetensors"
    path.write_bytes(header_bytes(tensors))
    found = {tensor.name: tensor for tensor in read_header(path)}
    assert [(t.name, t.dtype, t.shape) for t in found.values()] == list(tensors)
    assert found["model.layers.0.mlp.up_proj.weight"].size_bytes == 14336 * 2048


def test_data_and_padding_behind_the_header_do_not_matter(tmp_path):
    padded = json.dumps(GOOD).encode() + b"   "
    assert read_header(file(tmp_path, padded, data=b"0" * 12))[0].shape == (2, 3)


def test_an_empty_tensor_and_a_scalar_are_tensors(tmp_path):
    header = {
        "none": {"dtype": "F32", "shape": [0, 8], "data_offsets": [0, 0]},
        "one": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
    }
    assert [tensor.size_bytes for tensor in read_header(file(tmp_path, header))] == [0, 4]


def changed(**change: object) -> dict[str, object]:
    return {"a": GOOD["a"] | change}


BROKEN = {
    "unknown dtype": (changed(dtype="F7"), "unknown dtype 'F7'"),
    "no dtype": (changed(dtype=None), "unknown dtype"),
    "dtype list": (changed(dtype=["F16"]), "unknown dtype"),
    "negative length": (changed(shape=[-2, -3]), "no tensor has"),
    "float length": (changed(shape=[2.0, 3]), "no tensor has"),
    "true length": (changed(shape=[True, 6]), "no tensor has"),
    "huge length": (changed(shape=[2**63, 3]), "no tensor has"),
    "many dimensions": (changed(shape=[1] * 9), "no tensor has"),
    "backwards": (changed(data_offsets=[12, 0]), "byte range"),
    "three offsets": (changed(data_offsets=[0, 12, 24]), "byte range"),
    "huge offset": (changed(data_offsets=[0, 2**60]), "byte range"),
    "wrong size": (changed(shape=[2, 4]), "128 bits by dtype and shape, but 12 bytes"),
    "gap": (changed(data_offsets=[4, 16]), "gap at byte 0"),
    "overlap": (GOOD | {"b": GOOD["a"]}, "overlap"),
    "no object": ({"a": [1]}, "list, not an object"),
    "list": ([1, 2], "no JSON object"),
    "nothing": ({"__metadata__": {}}, "0 tensors"),
    "cut JSON": (b'{"a": ', "not valid JSON"),
    "no UTF-8": (b'{"\xff": 1}', "not valid JSON"),
    "digits": (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
    "deep": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not valid JSON"),
    "many": (b"[" + b"{}," * 900_000 + b"{}]", "more than the"),
}


@pytest.mark.parametrize(("header", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_header_is_refused(header, says, tmp_path):
    with pytest.raises(FormatError, match=says) as refused:
        read_header(file(tmp_path, header))
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "too few"),
        (b"1234567", "too few"),
        (struct.pack("<Q", 2**63) + b"{}", "not between"),
        (struct.pack("<Q", 0), "not between"),
        (struct.pack("<Q", 1000) + b"{}", "cut off"),
        (b"\x80\x02}q\x00." * 10, "not between"),
    ],
)
def test_what_is_no_safetensors_file_is_refused(content, says, tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=says):
        read_header(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileProblem, match=r"absent\.safetensors"):
        read_header(tmp_path / "absent.safetensors")
    with pytest.raises(FileProblem):
        read_header(tmp_path)
    with pytest.raises(FileProblem):
        read_index(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "weight_map"),
        ({}, "weight_map"),
        ({"weight_map": {}}, "weight_map"),
        ({"weight_map": {"a": 1}}, "no file beside it"),
        ({"weight_map": {"a": "../../secret.safetensors"}}, "no file beside it"),
        ({"weight_map": {"a": "/etc/x.safetensors"}}, "no file beside it"),
        ({"weight_map": {"a": "pickle.bin"}}, "no file beside it"),
        ({"weight_map": {str(i): f"{i}.safetensors" for i in range(3000)}}, "3000 parts"),
    ],
)
def test_a_broken_index_is_refused(data, says, tmp_path):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(data))
    with pytest.raises(FormatError, match=says):
        read_index(path)


@pytest.mark.parametrize("total", [None, -1, 0, "16", True, 2.5, 2**60])
def test_a_total_that_is_none_is_unknown(total, tmp_path):
    path = tmp_path / "index.json"
    path.write_text(json.dumps({"weight_map": {"a": "m.safetensors"}, "metadata": {"total_size": total}}))
    assert read_index(path).total_bytes is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(sorted(safetensors.DTYPE_BITS)) | json_values,
        "shape": st.lists(st.integers(-2, 2**70), max_size=9) | json_values,
        "data_offsets": st.lists(st.integers(-2, 2**70), max_size=3) | json_values,
    },
)
fuzzed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@fuzzed
@given(header=st.dictionaries(st.text(max_size=12), entries | json_values, max_size=4))
def test_any_header_is_read_or_refused(header, tmp_path):
    path = file(tmp_path, header)
    try:
        found = read_header(path)
    except FormatError:
        return
    for tensor in found:
        bits = safetensors.DTYPE_BITS[tensor.dtype]
        for length in tensor.shape:
            bits *= length
        assert bits == 8 * tensor.size_bytes


@fuzzed
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content, tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        read_header(path)


@fuzzed
@given(data=st.data())
def test_a_damaged_folder_is_read_or_refused(data, tmp_path):
    config = LLAMA_8B | {"num_hidden_layers": 1}
    tensors = [tensor for one in llama_linears(config) for tensor in nvfp4(*one)]
    folder = write(tmp_path / "m", config, tensors, parts=2, hf_quant_config={"quantization": {}})
    victim = data.draw(st.sampled_from(sorted(folder.iterdir())))
    whole = bytearray(victim.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole))) :]
    victim.write_bytes(bytes(whole))
    try:
        read_weight_format(folder / "config.json")
    except TonnageError as problem:
        assert len(str(problem)) < 600


@fuzzed
@given(stated=json_values | st.dictionaries(
    st.sampled_from(["quant_method", "quant_algo", "bits", "group_size", "config_groups", "quantization"]),
    json_values | st.sampled_from(["gptq", "awq", "fp8", "compressed-tensors", "bitsandbytes", "modelopt"]),
))  # fmt: skip
def test_any_stated_quantization_is_read_or_refused(stated, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA_8B | {"quantization_config": stated}))
    try:
        assert read_weight_format(path).bits_per_weight > 0
    except TonnageError as problem:
        assert len(str(problem)) < 600
