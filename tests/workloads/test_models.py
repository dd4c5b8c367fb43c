import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tonnage.errors import FileProblem, TonnageError, UnknownName
from workloads import models


def test_every_model_parses_and_names_its_sources() -> None:
    assert len(models.names()) == 179
    for name in models.names():
        model = models.get(name)
        assert model.id == name
        assert model.source
        assert model.params_source
        assert model.max_context


def test_an_unknown_model_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match=r"llama-3\.1-8b"):
        models.get("llama-3.1-8B-instruct")


def test_globs_match_ids() -> None:
    assert models.matching("llama-3.1-*") == ("llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b")


@pytest.mark.parametrize("path", ["nowhere/config.json", "nowhere/model.gguf"])
def test_a_missing_file_is_a_file_problem(path: str) -> None:
    with pytest.raises(FileProblem, match="nowhere"):
        models.get(path)


def test_a_look_up_needs_no_numpy() -> None:
    code = (
        "import sys; from workloads import models, formats, quality, offers;"
        "models.get('deepseek-v3').total_params(); formats.get('Q4_K_M'); formats.kv('FP8');"
        "quality.score('deepseek-v3', 'mmlu', weights='FP8'); offers.offers();"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "count", "kept"),
    [
        ("gemma-3-27b", 52, 1024),  # 62 layers, every 6th global
        ("gpt-oss-120b", 18, 128),
        ("gemma-2-9b", 21, 4096),
        ("command-r7b", 24, 4096),
    ],
)
def test_sliding_layers_are_as_many_as_their_pattern_says(name: str, count: int, kept: int) -> None:
    sliding = [
        block.count
        for block in models.get(name).blocks
        for mixer in block.mixers
        if getattr(mixer, "window", None) == kept
    ]
    assert sum(sliding) == count


@pytest.mark.parametrize(("name", "layers"), [("zamba2-7b", 81), ("nemotron-h-8b", 52), ("jamba-v0.1", 32)])
def test_layers_of_hybrids_are_counted_as_published(name: str, layers: int) -> None:
    assert models.get(name).layers == layers


@pytest.mark.parametrize("path", ["x" * 5000 + ".json", "x" * 5000 + ".gguf", "a\0b.json", "a\0b.gguf", "."])
def test_paths_that_cannot_be_are_refused_in_one_line(path: str) -> None:
    with pytest.raises(TonnageError):
        models.get(path)


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    config = {
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "vocab_size": 1000,
    }  # fmt: skip
    for layers, changed_ns in ((2, 10**18), (3, 2 * 10**18)):
        path.write_text(json.dumps({**config, "num_hidden_layers": layers}))
        os.utime(path, ns=(changed_ns, changed_ns))
        assert models.get(str(path)).layers == layers
