import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.errors import FileProblem, FormatError, TonnageError
from workloads import models
from workloads.readers.fields import Fields
from workloads.readers.hf_config import READERS, from_fields
from workloads.readers.hf_transformer import FAMILIES

LLAMA: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 1000,
}  # fmt: skip


def _read(config: dict[str, Any]) -> Any:
    return from_fields(Fields(config, where="config.json"), name="m")


def test_every_missing_key_is_named_at_once() -> None:
    with pytest.raises(FormatError, match=r"missing hidden_size or .*, vocab_size, intermediate_size"):
        _read({"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 2})


def test_an_unknown_family_says_what_it_would_need() -> None:
    with pytest.raises(FormatError, match=r"missing .*vocab_size.*'novel' is not known"):
        _read({"model_type": "novel", "hidden_size": 64})


def test_an_unknown_family_with_experts_is_not_guessed() -> None:
    with pytest.raises(FormatError, match="'novel' is not known, and its num_experts"):
        _read({**LLAMA, "model_type": "novel", "num_experts": 8})


def test_an_unknown_family_with_common_keys_is_read_and_says_so() -> None:
    model = _read({**LLAMA, "model_type": "novel"})
    assert model.blocks == _read(LLAMA).blocks
    assert "novel" in model.notes


def test_no_model_type_is_refused() -> None:
    with pytest.raises(FormatError, match="missing model_type"):
        _read({"hidden_size": 64})


@pytest.mark.parametrize("value", [0, -1, 1.5, "64", True, [64], 2**60, float("nan"), float("inf")])
def test_counts_that_cannot_be_are_refused(value: object) -> None:
    with pytest.raises(FormatError, match="hidden_size"):
        _read({**LLAMA, "hidden_size": value})


def test_a_claim_of_many_layers_is_refused() -> None:
    with pytest.raises(FormatError, match="1099511627776 layers"):
        _read({**LLAMA, "num_hidden_layers": 2**40})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[1]", FormatError),
        ("{", FormatError),
        ("[" * 100_000, FormatError),
        ("[" + "9" * 5000 + "]", FormatError),
        (None, FileProblem),
    ],
)
def test_files_that_are_no_config_are_refused(tmp_path: Path, text: str | None, error: type) -> None:
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=r"config\.json"):
        models.get(str(path))


def test_layer_types_decide_which_layers_slide() -> None:
    kinds = ["sliding_attention", "full_attention"]
    model = _read({**LLAMA, "layer_types": kinds, "sliding_window": 16})
    assert sorted(str(block.mixers[0].window) for block in model.blocks) == ["16", "None"]


def test_the_config_inside_an_mlc_chat_config_is_read() -> None:
    outer = {"model_type": "llama", "quantization": "q4f16_1", "context_window_size": 4096}
    inner = {key: value for key, value in LLAMA.items() if key != "model_type"}
    assert _read({**outer, "model_config": inner}).blocks == _read(LLAMA).blocks


_KEYS = st.sampled_from(
    [*LLAMA, "num_key_value_heads", "head_dim", "num_experts", "num_experts_per_tok", "kv_lora_rank",
     "layer_types", "sliding_window", "n_routed_experts", "text_config", "quantization_config",
     "hybrid_override_pattern", "mamba_n_heads", "mamba_d_state", "attn_layer_period", "time_step_rank",
     "state_size", "attn_layer_indices", "mlp_only_layers", "num_local_experts", "intermediate_size_mlp",
     "linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim", "use_bias", "torch_dtype"]
)  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    changes=st.dictionaries(_KEYS, _JSON, max_size=4),
    kind=st.sampled_from([*FAMILIES, *READERS, "novel"]),
)
def test_any_config_is_read_or_refused_never_worse(changes: dict[str, Any], kind: str) -> None:
    try:
        _read(json.loads(json.dumps({**LLAMA, "model_type": kind, **changes})))
    except TonnageError as problem:
        assert "\n" not in str(problem)
