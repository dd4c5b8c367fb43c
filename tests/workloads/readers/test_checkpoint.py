"""Folders of Hugging Face: the bytes of their files are the bytes of the footprint.

Names, dtypes and packing of tensors: huggingface/safetensors tensor.rs, AutoGPTQ's
qlinear modules, NVIDIA Model Optimizer's unified checkpoint, DeepSeek-V3's
inference/README (weight_scale_inv), openai/gpt-oss model cards (blocks and scales).
"""

import json
from pathlib import Path

import pytest

from tonnage.errors import FileProblem, FormatError, InvalidInput, UnknownName
from workloads import footprint, formats, models
from workloads.stored import stored_format

from .safetensors_files import (
    LLAMA_8B,
    LLAMA_70B,
    fp8_block,
    gptq,
    llama_linears,
    llama_rest,
    nvfp4,
    plain,
    stored_bytes,
    write,
)

LLAMA_8B_TOTAL = 16_060_522_496
"""total_size of meta-llama/Llama-3.1-8B's own index."""
LLAMA_70B_NVFP4_TOTAL = 42_709_045_632
"""total_size of nvidia/Llama-3.3-70B-Instruct-NVFP4's own index."""


def llama(config, linear, dtype="BF16"):
    linears = [tensor for one in llama_linears(config) for tensor in linear(*one)]
    return [*linears, *llama_rest(config, dtype)]


PACKED = {
    "gptq": (gptq, {"quant_method": "gptq", "bits": 4, "group_size": 128}, "GPTQ_INT4_G128", 4.16),
    "fp8": (
        fp8_block,
        {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]},
        "FP8_BLOCK128",
        8.002,
    ),
    "nvfp4": (nvfp4, {"quant_method": "modelopt", "quant_algo": "NVFP4"}, "NVFP4_W4A4", 4.5),
    "plain": (plain, None, "BF16", 16.0),
}


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("kind", PACKED)
def test_the_footprint_is_the_bytes_of_the_files(kind, parts, tmp_path):
    linear, stated, expected, bits = PACKED[kind]
    config = LLAMA_8B | ({"quantization_config": stated} if stated else {})
    tensors = llama(LLAMA_8B, linear)
    folder = write(tmp_path / "m", config, tensors, parts=parts)
    for path in (str(folder), str(folder / "config.json")):
        found, model = formats.get(path), models.get(path)
        assert found.id == expected
        assert found.bits_per_weight == pytest.approx(bits, rel=2e-3)
        assert footprint.weight_bytes(model, found) == pytest.approx(stored_bytes(tensors), rel=1e-12)
        assert (found.embedding.format, found.head.format) == ("BF16", "BF16")


def test_a_plain_checkpoint_has_the_published_total(tmp_path):
    tensors = llama(LLAMA_8B, plain)
    assert stored_bytes(tensors) == LLAMA_8B_TOTAL
    path = str(write(tmp_path / "m", LLAMA_8B, tensors))
    assert footprint.weight_bytes(models.get(path), formats.get(path)) == LLAMA_8B_TOTAL
    assert models.get(path).total_params() == models.get("llama-3.1-8b").total_params()


def test_an_nvfp4_checkpoint_against_the_published_total(tmp_path):
    """Biases of rounding aside, the files hold scales of the FP8 cache as well."""
    beside = {
        "hf_quant_config": {
            "producer": {"name": "modelopt", "version": "0.23.0"},
            "quantization": {
                "quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8", "group_size": 16,
                "exclude_modules": ["lm_head"],
            },
        }
    }  # fmt: skip
    path = str(write(tmp_path / "m", LLAMA_70B, llama(LLAMA_70B, nvfp4), **beside))
    found = formats.get(path)
    assert found.id == "NVFP4_W4A4"
    counted = footprint.weight_bytes(models.get(path), found)
    assert counted == pytest.approx(LLAMA_70B_NVFP4_TOTAL, rel=1e-6)


def test_an_index_alone_gives_the_total(tmp_path):
    config = LLAMA_70B | {"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}
    folder = write(tmp_path / "m", config, llama(LLAMA_70B, nvfp4), parts=2)
    index = folder / "model.safetensors.index.json"
    index.write_text(
        json.dumps({**json.loads(index.read_text()), "metadata": {"total_size": LLAMA_70B_NVFP4_TOTAL}})
    )
    for part in folder.glob("*.safetensors"):
        part.unlink()
    found = formats.get(str(folder))
    assert footprint.weight_bytes(models.get(str(folder)), found) == pytest.approx(LLAMA_70B_NVFP4_TOTAL)
    assert "index" in found.notes


def test_a_total_that_cannot_be_of_the_linear_layers_is_left_aside(tmp_path):
    folder = write(tmp_path / "m", LLAMA_8B, llama(LLAMA_8B, plain), parts=2)
    index = folder / "model.safetensors.index.json"
    data = json.loads(index.read_text()) | {"metadata": {"total_size": 3 * LLAMA_8B_TOTAL}}
    index.write_text(json.dumps(data))
    for part in folder.glob("*.safetensors"):
        part.unlink()
    assert formats.get(str(folder)) == formats.get("BF16")


def test_a_config_alone_gives_the_format_it_states(tmp_path):
    folder = write(tmp_path / "m", LLAMA_8B | {"torch_dtype": "float16"}, llama(LLAMA_8B, plain))
    (folder / "model.safetensors").unlink()
    assert formats.get(str(folder)) == formats.get("F16")


def test_tensors_beat_the_dtype_that_a_config_states(tmp_path):
    folder = write(tmp_path / "m", LLAMA_8B | {"torch_dtype": "float32"}, llama(LLAMA_8B, plain))
    assert formats.get(str(folder)).id == "BF16"


def gpt_oss_tensors(layers):
    tensors = [
        ("model.embed_tokens.weight", "BF16", (201088, 2880)),
        ("lm_head.weight", "BF16", (201088, 2880)),
        ("model.norm.weight", "BF16", (2880,)),
    ]
    for i in range(layers):
        layer = f"model.layers.{i}"
        for name, outputs, inputs in (
            ("q", 4096, 2880),
            ("k", 512, 2880),
            ("v", 512, 2880),
            ("o", 2880, 4096),
        ):
            tensors.append((f"{layer}.self_attn.{name}_proj.weight", "BF16", (outputs, inputs)))
            tensors.append((f"{layer}.self_attn.{name}_proj.bias", "BF16", (outputs,)))
        tensors += [
            (f"{layer}.self_attn.sinks", "BF16", (64,)),
            (f"{layer}.input_layernorm.weight", "BF16", (2880,)),
            (f"{layer}.post_attention_layernorm.weight", "BF16", (2880,)),
            (f"{layer}.mlp.router.weight", "BF16", (32, 2880)),
            (f"{layer}.mlp.router.bias", "BF16", (32,)),
            (f"{layer}.mlp.experts.gate_up_proj_blocks", "U8", (32, 5760, 90, 16)),
            (f"{layer}.mlp.experts.gate_up_proj_scales", "U8", (32, 5760, 90)),
            (f"{layer}.mlp.experts.gate_up_proj_bias", "BF16", (32, 5760)),
            (f"{layer}.mlp.experts.down_proj_blocks", "U8", (32, 2880, 90, 16)),
            (f"{layer}.mlp.experts.down_proj_scales", "U8", (32, 2880, 90)),
            (f"{layer}.mlp.experts.down_proj_bias", "BF16", (32, 2880)),
        ]  # fmt: skip
    return tensors


def test_experts_are_told_from_what_stands_beside_them(tmp_path):
    config = {
        "model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 24,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201088,
        "num_local_experts": 32, "num_experts_per_tok": 4, "sliding_window": 128, "attention_bias": True,
        "tie_word_embeddings": False, "max_position_embeddings": 131072,
        "layer_types": ["sliding_attention", "full_attention"] * 12,
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]},
    }  # fmt: skip
    tensors = gpt_oss_tensors(24)
    path = str(write(tmp_path / "m", config, tensors))
    found, model = formats.get(path), models.get(path)
    assert (found.id, found.bits_per_weight) == ("MXFP4_W4A16", 4.25)
    assert found.beside_experts.format == "BF16"
    assert found.beside_experts.bits == pytest.approx(16)
    assert footprint.weight_bytes(model, found) == pytest.approx(stored_bytes(tensors), rel=1e-12)
    assert stored_bytes(tensors) == pytest.approx(13.76e9, rel=1e-3), "the published size of gpt-oss-20b"


def test_what_stands_beside_the_language_model_is_counted_apart(tmp_path):
    extra = [
        ("model.vision_tower.encoder.layers.0.self_attn.q_proj.weight", "BF16", (1152, 1152)),
        ("multi_modal_projector.linear_1.weight", "BF16", (4096, 1152)),
        ("model.layers.32.mlp.up_proj.weight", "BF16", (14336, 4096)),
        ("mtp.layers.0.mlp.up_proj.weight", "BF16", (14336, 4096)),
    ]
    text = llama(LLAMA_8B, plain)
    path = str(write(tmp_path / "m", LLAMA_8B, [*text, *extra]))
    model, found = models.get(path), formats.get(path)
    assert model.vision_params == 1152 * 1152 + 4096 * 1152
    expected = stored_bytes(text) + stored_bytes(extra[:2])
    assert footprint.weight_bytes(model, found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("stated", "expected", "bits"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"}, "AWQ_INT4_G128", 4.1562),
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, "GPTQ_INT4_G128", 4 + 20 / 32),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, "GPTQ_INT4_G128", 4.0),
        ({"quant_method": "gptq", "bits": 8, "group_size": 128}, "INT8_W8A16", 8.0),
        ({"quant_method": "fp8"}, "FP8_W8A8", 8.0),
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
            "BNB_NF4",
            None,
        ),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "BNB_INT8", None),
        (
            {"quant_method": "modelopt", "producer": {}, "quantization": {"quant_algo": "FP8"}},
            "FP8_W8A8_TENSOR",
            8.0,
        ),
    ],
)
def test_stated_formats(stated, expected, bits, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA_8B | {"quantization_config": stated}))
    found = formats.get(str(path))
    assert found.id == expected
    assert bits is None or found.bits_per_weight == pytest.approx(bits)


GROUP = {"num_bits": 8, "type": "float", "strategy": "channel", "symmetric": True}
FOUR = {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16}


@pytest.mark.parametrize(
    ("weights", "inputs", "expected"),
    [
        (GROUP, GROUP | {"strategy": "token"}, "FP8_W8A8"),
        (GROUP | {"strategy": "block"}, GROUP | {"strategy": "token"}, "FP8_BLOCK128"),
        (GROUP, None, "FP8_W8A16"),
        (GROUP | {"type": "int"}, GROUP | {"type": "int"}, "INT8_W8A8"),
        (GROUP | {"type": "int"}, None, "INT8_W8A16"),
        ({"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}, None, "GPTQ_INT4_G128"),
        (FOUR, FOUR, "NVFP4_W4A4"),
        (FOUR | {"group_size": 32}, None, "MXFP4_W4A16"),
    ],
)
def test_compressed_tensors(weights, inputs, expected, tmp_path):
    group = {"targets": ["Linear"], "weights": weights, "input_activations": inputs}
    stated = {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": group},
        "ignore": ["lm_head"],
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA_8B | {"quantization_config": stated}))
    assert formats.get(str(path)).id == expected


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"quant_method": "aqlm"}, "'aqlm' is not known"),
        ({"quant_method": "gptq", "bits": 2}, "gptq of 2 bits"),
        ({"quant_method": "modelopt", "quant_algo": "W2A2"}, "W2A2"),
        ({"quant_method": "gptq"}, "missing bits"),
        ({"quant_method": "compressed-tensors"}, "missing config_groups"),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {}}}}, "missing num_bits"),
        ({"quant_method": 7}, "quant_method"),
        ({}, "not known"),
    ],
)
def test_an_unknown_quantization_is_named(stated, says, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA_8B | {"quantization_config": stated}))
    with pytest.raises(FormatError, match=says):
        formats.get(str(path))


def test_a_checkpoint_without_its_linear_layers_is_refused(tmp_path):
    folder = write(tmp_path / "m", LLAMA_8B, llama_rest(LLAMA_8B, "BF16"))
    with pytest.raises(FormatError, match="weights in linear tensors, the files none"):
        formats.get(str(folder))


def test_a_changed_folder_is_read_again(tmp_path):
    folder = write(tmp_path / "m", LLAMA_8B, llama(LLAMA_8B, plain))
    assert formats.get(str(folder)).id == "BF16"
    write(
        folder,
        LLAMA_8B | {"quantization_config": PACKED["nvfp4"][1]},
        llama(LLAMA_8B, nvfp4),
    )
    (folder / "new").touch()
    assert formats.get(str(folder)).id == "NVFP4_W4A4"


def test_the_format_when_nobody_names_one(tmp_path):
    folder = write(tmp_path / "m", LLAMA_8B, llama(LLAMA_8B, plain))
    assert stored_format(str(folder)) == str(folder)
    assert stored_format("x.gguf") == "x.gguf"
    assert stored_format("deepseek-v3") == "FP8_BLOCK128"
    with pytest.raises(InvalidInput, match="ternary"):
        stored_format("bitnet-b1.58-2b")
    with pytest.raises(UnknownName):
        stored_format("no-such-model")


def test_every_model_of_the_catalog_has_a_format_or_says_which_it_lacks():
    lacking = []
    for name in models.names():
        try:
            assert formats.get(stored_format(name))
        except InvalidInput:
            lacking.append(name)
    assert set(lacking) == {"bitnet-b1.58-2b", "deepseek-v4-flash", "deepseek-v4-pro", "kimi-k2.5"}


def test_a_folder_without_a_config_is_no_model(tmp_path):
    with pytest.raises(UnknownName):
        models.get(str(tmp_path))
    with pytest.raises(FileProblem):
        formats.get(str(tmp_path / "config.json"))


def test_paths_of_a_relative_folder(tmp_path, monkeypatch):
    write(tmp_path / "m", LLAMA_8B, llama(LLAMA_8B, plain))
    monkeypatch.chdir(tmp_path)
    assert formats.get("m").id == "BF16"
    assert models.get(str(Path("m"))).layers == 32
