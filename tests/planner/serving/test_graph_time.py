"""A step by tables of llama.cpp's nodes: closed forms on flat tables."""

from pathlib import Path

import numpy as np
import pytest

from planner.deployment import Case
from planner.laws.cost_model import CostModel
from planner.laws.curves import Curve, Table
from planner.laws.fit import fit_profile
from planner.serving.predict import predict
from planner.serving.step.graph_time import Tables
from profiler.profile import Profile
from tonnage.files import read_record, write_record
from workloads import formats, models
from workloads.lower import lower
from workloads.ops import OpKind, Step

RATE = {"Q4_K": 1e-12, "Q6_K": 3e-12, "F16": 5e-12}
STEP_S = 1e-4


def flat(kernel: str, rate: float, form: str | None = None) -> Table:
    curve = Curve(key=1.0, x=(1.0,), seconds_per_unit=(rate,))
    return Table(kernel=kernel, backend="llama.cpp", format=form, curves=(curve,), sigma_log=0.1)


@pytest.fixture
def tables() -> Tables:
    parts = [flat("ggml_matmul", rate, form) for form, rate in RATE.items()]
    parts += [flat("ggml_attention", 1e-11), flat("ggml_layer", 1e-10), flat("ggml_mamba", 1e-9)]
    return Tables(parts, STEP_S)


def ops_of(model: str, weights: str, step: Step):
    return lower(models.get(model), step, weights=formats.get(weights), kv=formats.kv())


def test_flat_tables_give_units_times_rate(tables):
    ops = ops_of("llama-2-7b", "F16", Step(decode_sequences=1.0, decode_context=255.0))
    time = tables.step(ops)
    weights = sum(op.flop for op in ops if op.kind is OpKind.MATMUL) / 2
    attended = sum(op.flop for op in ops if op.kind is OpKind.ATTENTION_DECODE)
    assert float(time.seconds["matmul"]) == pytest.approx(weights * RATE["F16"])
    assert float(time.seconds["attention"]) == pytest.approx(attended * 1e-11)
    assert float(time.total_s) == pytest.approx(sum(map(float, time.seconds.values())))
    assert float(time.seconds["step"]) == STEP_S


def test_a_token_attends_to_what_is_there(tables):
    """llama.cpp hands over whole pages of the cache, and its kernel skips what is masked of them."""

    def attention_s(context: float) -> float:
        ops = ops_of("llama-2-7b", "F16", Step(decode_sequences=1.0, decode_context=context))
        return float(tables.step(ops).seconds["attention"])

    assert attention_s(511.0) == pytest.approx(2 * attention_s(255.0))


def by_size(form: str) -> Table:
    """Return a table whose rate halves from a quarter million weights to four million."""
    curves = tuple(
        Curve(key=4.0**i, x=(1.0,), seconds_per_unit=(2.0 ** (11 - i) * 1e-12,)) for i in (9, 10, 11)
    )
    return Table(kernel="ggml_matmul", backend="llama.cpp", format=form, curves=curves, sigma_log=0.1)


def test_matrices_of_one_op_are_multiplied_one_by_one():
    """Queries, keys and values, gate and up: each at the rate of its own size."""
    tables = Tables([by_size("F16"), flat("ggml_attention", 1e-30), flat("ggml_layer", 1e-30)], 0.0)
    ops = ops_of("llama-3.2-1b", "F16", Step(decode_sequences=1.0))
    sizes = [2048 * 2048] * 2 + [512 * 2048] * 2 + [8192 * 2048] * 3
    rates = [max(min(2.0 ** (11 - np.log2(size) / 2), 4.0), 1.0) * 1e-12 for size in sizes]
    layers = 16 * sum(size * rate for size, rate in zip(sizes, rates, strict=True))
    head = 128256 * 2048 * 1e-12
    assert float(tables.step(ops).seconds["matmul"]) == pytest.approx(layers + head)


def test_sequences_of_a_recurrent_model_are_multiplied_one_by_one_where_that_was_measured(tables):
    def matmul_s(step: Step, given: Tables) -> float:
        return float(given.step(ops_of("mamba-2.8b", "F16", step)).seconds["matmul"])

    apart = flat("ggml_matvecs", 3 * RATE["F16"], "F16")
    all_tables = [table for kinds in tables.by_kernel.values() for table in kinds.values()]
    both = Tables([*all_tables, apart], STEP_S)
    alone, many = Step(decode_sequences=1.0), Step(decode_sequences=8.0)
    prompt = Step(prefill_sequences=1.0, prefill_tokens=64.0)
    assert matmul_s(alone, both) == matmul_s(alone, tables)
    assert matmul_s(prompt, both) == matmul_s(prompt, tables)
    head = 2560 * 50280 * RATE["F16"]
    layers = matmul_s(many, tables) - head
    assert matmul_s(many, both) == pytest.approx(3 * layers + head)


def test_a_mixture_lies_between_its_types_by_bits(tables):
    ops = [op for op in ops_of("llama-2-7b", "Q4_K_M", Step(decode_sequences=1.0)) if op.name == "mlp.up"]
    bits = 8 * ops[0].weight_bytes / (ops[0].flop / 2)
    share = (bits - 4.5) / (6.5625 - 4.5)
    expected = ops[0].flop / 2 * ((1 - share) * RATE["Q4_K"] + share * RATE["Q6_K"])
    assert 0 < share < 1
    assert float(tables.step(ops).seconds["matmul"]) == pytest.approx(expected)


def test_cases_are_answered_side_by_side(tables):
    contexts = np.array([0.0, 600.0, 5000.0])
    together = tables.step(
        ops_of("llama-2-7b", "Q4_K_M", Step(decode_sequences=np.ones(3), decode_context=contexts))
    )
    alone = [
        float(
            tables.step(ops_of("llama-2-7b", "Q4_K_M", Step(decode_sequences=1.0, decode_context=c))).total_s
        )
        for c in contexts
    ]
    assert together.total_s.tolist() == pytest.approx(alone)


def test_a_recurrent_model_costs_the_same_at_any_depth(tables):
    times = [
        float(tables.step(ops_of("mamba-2.8b", "F16", Step(decode_sequences=2.0, decode_context=c))).total_s)
        for c in (0.0, 1e5)
    ]
    assert times[0] == times[1] > STEP_S


def test_what_it_covers(tables):
    dense = ops_of("llama-2-7b", "F16", Step(decode_sequences=1.0))
    mixture = ops_of("mixtral-8x7b", "F16", Step(decode_sequences=1.0))
    assert tables.covers(dense)
    assert not tables.covers(mixture)
    assert not Tables([], 0.0).covers(dense)


CAPTURE = Path(__file__).parents[2] / "captures" / "profiles" / "llama-nodes-1-thread.json"


@pytest.mark.parametrize("context", [0, 3000])
def test_a_prediction_on_a_profiled_machine_goes_by_its_nodes(context):
    """One user's time per token is the decode step of the tables, plus what the engine itself adds."""
    model = fit_profile(read_record(CAPTURE, Profile), name="capture")
    case = Case(
        id="x", device=str(CAPTURE), model="llama-3.2-1b", weights="Q8_0", engine="llama.cpp", isl=1,
        osl=2, context=context,
    )  # fmt: skip
    step = Step(decode_sequences=1.0, decode_context=float(context + 2))
    nodes = Tables(model.tables, model.step_s or 0.0).step(ops_of("llama-3.2-1b", "Q8_0", step))
    found = predict(case).tpot_s
    assert found is not None
    assert float(nodes.total_s) == pytest.approx(found.p50, rel=0.05)


def test_tables_survive_the_file_of_a_cost_model(tmp_path):
    model = fit_profile(read_record(CAPTURE, Profile), name="capture")
    assert {table.kernel for table in model.tables} == {
        "ggml_matmul", "ggml_attention", "ggml_layer", "ggml_mamba",
    }  # fmt: skip
    write_record(tmp_path / "model.json", model)
    assert read_record(tmp_path / "model.json", CostModel) == model
