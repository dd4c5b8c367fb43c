"""Files of random weights that our reader and llama.cpp both take, a cache kept small, steps that run."""

import os

import numpy as np
import pytest

from profiler import whole_models
from profiler.backends import BACKENDS
from profiler.whole_models import Run, Runner
from tonnage.errors import UnknownName
from workloads.readers.gguf import read_architecture, read_weight_format

TINY = {
    "tiny": {
        "kind": "llama", "layers": 2, "hidden": 256, "inner": 512, "heads": 4, "kv_heads": 2, "vocab": 512,
    },
    "tiny-mamba": {"kind": "mamba", "layers": 2, "hidden": 256, "inner": 512, "vocab": 512},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    why = BACKENDS.why_not("llama.cpp")
    if why is not None:
        pytest.skip(why)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(whole_models, "MODELS", TINY)
    monkeypatch.setattr(whole_models, "LONGEST_S", 0.02)
    return whole_models.cache_folder()


@pytest.mark.parametrize("model", TINY)
def test_our_reader_counts_the_weights_that_were_written(folder, model):
    path = whole_models.model_file(model, "F16", threads=1)
    assert path.parent == folder
    shape = whole_models.shape_of(model)
    assert read_architecture(path).total_params() == shape.parameters
    assert path.stat().st_size > 2 * shape.parameters


def test_llama_cpp_quantizes_to_the_mixture_of_the_format(folder):
    path = whole_models.model_file("tiny", "Q4_K_M", threads=1)
    found = read_weight_format(path)
    assert found.id == "Q4_K_M"
    assert 4.5 <= found.bits_per_weight < 6.6
    assert found.head.format == "Q6_K"


@pytest.mark.parametrize("model", TINY)
def test_every_step_runs_and_a_filled_cache_is_taken_over(folder, model):
    runs = (Run(tokens=40, depth=0), Run(tokens=1, depth=100), Run(tokens=1, depth=64, batch=3))
    runner = Runner(threads=1)
    for file_type in ("F16", "Q8_0"):
        found = list(runner.measure(model, file_type, runs))
        assert [one.kernel for one in found] == [run.kernel for run in runs]
        assert all(sample_s > 0 for one in found for sample_s in one.samples_s)


def test_a_saved_state_gives_the_same_logits_as_computing_it(folder):
    from profiler.backends.ggml.whole_model import WholeModel

    whole = WholeModel(whole_models.model_file("tiny", "F16", threads=1), threads=1)
    computed = whole.session(depth=70, new=1, batch=1)
    state = computed.fill()
    taken = whole.session(depth=70, new=1, batch=1)
    taken.fill(state)
    logits = []
    for session in (computed, taken):
        session.run([7], [(0, 70, True)])
        logits.append(session.logits(0))
    assert np.allclose(*logits, rtol=1e-3, atol=1e-3)
    assert np.abs(logits[0]).max() > 0.1


def test_the_cache_forgets_what_was_not_used_for_longest(tmp_path):
    for age, name in enumerate("abc"):
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1e9 - age, 1e9 - age))
    whole_models.trim(tmp_path, keep=tmp_path / "c.gguf", limit_bytes=200)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["a", "c"]


def test_an_unknown_model_or_format_names_those_that_there_are():
    with pytest.raises(UnknownName, match=r"transformer-0\.3b"):
        whole_models.chosen(["transformer-0.3"], None, quick=False)
    with pytest.raises(UnknownName, match=r"transformer-0\.3b, transformer-1b, mamba-0\.2b"):
        whole_models.chosen(["nothing"], None, quick=False)
    with pytest.raises(UnknownName, match="Q8_0"):
        whole_models.chosen(None, ["Q8_1"], quick=False)
