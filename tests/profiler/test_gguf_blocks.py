"""What stored blocks stand for, against the `gguf` package, and random ones of the right size."""

import numpy as np
import pytest

from profiler.kernels import gguf_blocks

QUANTIZED = sorted(set(gguf_blocks.LAYOUTS) - {"F16"})


@pytest.mark.parametrize("kind", QUANTIZED)
def test_blocks_stand_for_what_the_gguf_package_says(kind):
    gguf = pytest.importorskip("gguf", reason="needs the extra 'llama'")
    rows = gguf_blocks.random_blocks(kind, 8, 1024, np.random.default_rng(3))
    expected = gguf.quants.dequantize(rows, gguf.GGMLQuantizationType[kind])
    assert np.allclose(gguf_blocks.dequantize(kind, rows), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", sorted(gguf_blocks.LAYOUTS))
def test_random_weights_have_the_size_that_keeps_activations(kind):
    rows = gguf_blocks.random_blocks(kind, 32, 2048, np.random.default_rng(0))
    assert rows.nbytes == gguf_blocks.size_bytes(kind, 32, 2048)
    values = gguf_blocks.dequantize(kind, rows)
    assert values.shape == (32, 2048)
    assert 0.5 < np.sqrt(np.square(values).mean() * 2048) < 1.5


def test_a_block_written_by_hand():
    """Q8_0: a scale of one half, codes -16 ... 15."""
    codes = np.arange(-16, 16, dtype=np.int8)
    row = np.concatenate([np.array([0.5], np.float16).view(np.uint8), codes.view(np.uint8)])[None]
    assert gguf_blocks.dequantize("Q8_0", row)[0].tolist() == (codes / 2).tolist()
