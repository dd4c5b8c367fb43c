"""Operator tables: the work of each row by hand, and laws that predict from them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.deployment import Case
from planner.imports import kernels
from planner.imports.fit import fit_measured
from planner.imports.kernels import Heads, Timed
from planner.imports.measured import Measured
from planner.imports.read import read_files
from planner.imports.thin import thinned
from planner.imports.told import Told
from planner.serving.predict import predict
from tonnage.errors import FitRejected, InvalidInput
from tonnage.files import read_record, write_record

FILES = Path(__file__).parent / "files"
A100 = "nvidia-a100-sxm4-80gb"


def of(measured, kernel):
    return [one for one in measured.kernels if one.kernel == kernel]


def test_vidur_rows_hold_the_work_of_their_dimensions():
    measured = read_files([FILES / "vidur_mlp.csv"], Told(device=A100))
    one = [m for m in of(measured, "gemm") if m.shape["m"] == 1]
    # Llama-2-70B: qkv 8192 -> (64 + 2 x 8) x 128, out 8192 -> 8192, up 8192 -> 2 x 28672, down back.
    assert {(m.shape["n"], m.shape["k"]) for m in one} == {
        (10240, 8192), (8192, 8192), (57344, 8192), (8192, 28672),
    }  # fmt: skip
    up = next(m for m in one if m.shape["n"] == 57344)
    assert up.flop == 2 * 57344 * 8192
    assert up.bytes == 2 * (57344 * 8192 + 8192 + 57344)
    quarter = [m for m in of(measured, "gemm") if m.shape["m"] == 72]
    assert (14336, 8192) in {(m.shape["n"], m.shape["k"]) for m in quarter}
    assert of(measured, "copy")[0].bytes == 2 * 8192 * 4  # one token through a norm with its residual


def test_vidur_times_never_beat_the_datasheet():
    measured = read_files([FILES / "vidur_mlp.csv"], Told(device=A100))
    for one in of(measured, "gemm"):
        assert one.flop / one.time_s.p50 < 312e12
        assert one.bytes / one.time_s.p50 < 2.04e12


def test_llmservingsim_needs_the_model_and_reads_its_path(tmp_path):
    told = Told(device=A100)
    with pytest.raises(InvalidInput, match="--model"):
        read_files([FILES / "llmservingsim_dense.csv"], told)
    place = tmp_path / "RTX4090" / "meta-llama" / "Llama-3.1-8B" / "bf16" / "tp1"
    place.mkdir(parents=True)
    (place / "dense.csv").write_text((FILES / "llmservingsim_dense.csv").read_text())
    measured = read_files([place / "dense.csv"], Told())
    assert measured.device == "nvidia-rtx-4090"
    (one, _) = of(measured, "gemm")
    assert one.shape == {"m": 1, "n": 6144, "k": 4096}  # (32 + 2 x 8) x 128
    assert one.time_s.p50 == pytest.approx(20.4373e-6)


def test_llmservingsim_attention_leaves_mixed_batches_out():
    measured = read_files([FILES / "llmservingsim_attention.csv"], Told(device=A100, model="llama-3.1-8b"))
    decode = of(measured, "attention_decode")
    assert [m.shape["context"] for m in decode] == [128, 256, 128]
    assert decode[0].flop == 4 * 128 * 32 * 128
    (prefill,) = of(measured, "attention_prefill")
    assert prefill.flop == 4 * 32 * 128 * (512 * 2048 + 512 * 513 / 2)
    assert any("mixed" in note for note in measured.notes)


def test_an_operator_table_becomes_a_device_that_predicts(tmp_path):
    measured = read_files([FILES / "vidur_mlp.csv"], Told(device=A100))
    write_record(tmp_path / "m.json", measured)
    assert read_record(tmp_path / "m.json", Measured) == measured
    model = fit_measured(measured, name="m.json")
    law = next(law for law in model.laws if law.kernel == "gemm")
    assert law.loo_median_error_frac < 0.25
    write_record(tmp_path / "a100.json", model)
    case = {"id": "x", "model": "llama-2-7b", "weights": "F16", "engine": "vllm", "isl": 512, "osl": 128}
    own = predict(Case.parse({**case, "device": str(tmp_path / "a100.json")}, where="x"))
    sheet = predict(Case.parse({**case, "device": A100}, where="x"))
    assert 0.5 < own.tpot_s.p50 / sheet.tpot_s.p50 < 2


def test_runs_alone_cannot_be_fitted():
    runs = read_files([FILES / "vllm_bench.json"], Told(device=A100))
    with pytest.raises(FitRejected, match="--anchor"):
        fit_measured(runs, name="runs.json")


def test_two_devices_do_not_share_laws(tmp_path):
    paths = []
    for device in ("RTX4090", "RTX3090"):
        place = tmp_path / device / "meta-llama" / "Llama-3.1-8B" / "bf16" / "tp1"
        place.mkdir(parents=True)
        paths.append(place / "dense.csv")
        paths[-1].write_text((FILES / "llmservingsim_dense.csv").read_text())
    with pytest.raises(InvalidInput, match="one device at a time"):
        read_files(paths, Told())


def test_a_folder_stands_for_the_tables_below_it(tmp_path):
    place = tmp_path / "RTX4090" / "meta-llama" / "Llama-3.1-8B" / "bf16" / "tp1"
    place.mkdir(parents=True)
    (place / "skew.csv").write_text("something,else\n")
    with pytest.raises(InvalidInput, match="0 operator tables"):
        read_files([tmp_path], Told())
    for name in ("dense", "attention"):
        (place / f"{name}.csv").write_text((FILES / f"llmservingsim_{name}.csv").read_text())
    measured = read_files([tmp_path], Told())
    assert {m.kernel for m in measured.kernels} == {"gemm", "copy", "attention_decode", "attention_prefill"}


def test_parquet_tables_of_aiconfigurator(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    row = {
        "framework": "VLLM",
        "version": "0.24.0",
        "device": "NVIDIA H100 80GB HBM3",
        "op_name": "gemm",
        "kernel_source": "torch.nn.functional.linear",
        "n": 4096,
        "k": 4096,
        "latency": 0.05,
    }
    rows = [{**row, "m": m, "gemm_dtype": kind} for m in (1, 64, 512) for kind in ("bfloat16", "fp8", "odd")]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "gemm_perf.parquet")
    measured = read_files([tmp_path / "gemm_perf.parquet"], Told())
    assert measured.device == "nvidia-h100-sxm5-80gb"
    assert len(of(measured, "gemm")) == 3
    narrow = of(measured, "quant_matmul")
    assert {m.dtype for m in narrow} == {"fp8"}
    assert narrow[0].bytes == 4096 * 4096 + 1 * 4096 + 2 * 4096
    assert any("odd" in note for note in measured.notes)
    (tmp_path / "broken").mkdir()
    broken = tmp_path / "broken" / "gemm_perf.parquet"
    broken.write_bytes((tmp_path / "gemm_perf.parquet").read_bytes()[:200])
    with pytest.raises(InvalidInput):
        read_files([broken], Told())
    with pytest.raises(InvalidInput, match="no law of its own"):
        read_files([tmp_path / "moe_perf.parquet"], Told())


timed = Timed(backend="x", device="y", dtype="bf16", time_s=1.0)
counts = st.integers(1, 64)


@given(counts, counts, counts, counts)
def test_prefill_in_two_chunks_does_the_flop_of_one(batch, first, second, heads):
    local = Heads(heads=heads, kv_heads=1, head_dim=8)
    one = kernels.prefill(timed, local, batch=batch, tokens=first + second, cached=0)
    a = kernels.prefill(timed, local, batch=batch, tokens=first, cached=0)
    b = kernels.prefill(timed, local, batch=batch, tokens=second, cached=first)
    assert a.flop + b.flop == pytest.approx(one.flop)


@given(counts, counts)
def test_decode_reads_the_cache_of_every_sequence(batch, cached):
    local = Heads(heads=4, kv_heads=2, head_dim=8)
    one = kernels.decode(timed, local, batch=1, cached=cached)
    many = kernels.decode(timed, local, batch=batch, cached=cached)
    assert (many.flop, many.bytes) == (batch * one.flop, batch * one.bytes)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4096), st.integers(1, 4096)), min_size=1, max_size=120),
    st.integers(4, 40),
)
def test_thinning_keeps_members_the_range_and_the_promise(shapes, most):
    group = [kernels.matmul(timed, m, n, 64) for m, n in shapes]
    kept = thinned(group, most)
    assert 1 <= len(kept) <= max(most, 1)
    assert all(any(one is member for member in group) for one in kept)
    if len(group) <= most:
        assert kept == group
    flop = np.log([one.flop for one in group])
    spread = np.ptp(np.log([one.flop for one in kept]))
    assert spread <= np.ptp(flop) + 1e-9
