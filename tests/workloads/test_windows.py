"""Models whose sliding windows an engine leaves aside."""

from workloads import models
from workloads.windows import all_windowed, without_windows


def test_only_models_whose_every_layer_has_a_window_count():
    found = {
        name: all_windowed(models.get(name)) for name in ("mistral-7b-v0.1", "gemma-3-27b", "mamba-2.8b")
    }
    assert found == {"mistral-7b-v0.1": True, "gemma-3-27b": False, "mamba-2.8b": False}


def test_without_windows_nothing_else_changes():
    windowed, plain = models.get("mistral-7b-v0.1"), models.get("mistral-7b-v0.3")
    assert without_windows(windowed).blocks[0].mixers == plain.blocks[0].mixers
    assert without_windows(windowed).total_params() == windowed.total_params()
    assert without_windows(plain) == plain
