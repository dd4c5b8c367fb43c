"""ONNX Runtime on the CPU (MLAS): fp32, int8 and 4-bit matmuls, one small graph each."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.backends.backend import Backend, Feature, Prepared, rotating
from profiler.kernels.kernel import Arrays, Point

OPSET = 21
CONTRIB = "com.microsoft"
INT8_ACTIVATIONS = 4
"""accuracy_level of MatMulNBits that lets it multiply in int8."""


class OnnxRuntimeBackend(Backend):
    """The CPU execution provider."""

    name = "onnxruntime"
    modules = ("onnxruntime", "onnx")
    features = frozenset(
        {
            Feature("gemm", "fp32"), Feature("gemm", "int8"), Feature("launch", "fp32"),
            Feature("quant_matmul", "int8", "INT8_W8A8"),
            Feature("quant_matmul", "int8", "INT4_G32"), Feature("quant_matmul", "int8", "INT4_G128"),
        }
    )  # fmt: skip

    def start(self, threads: int) -> None:
        """Let all sessions share one pool, or the pools of rotated copies would fight for the cores."""
        import onnxruntime

        onnxruntime.set_default_logger_severity(3)
        onnxruntime.set_global_thread_pool_sizes(threads, 1)

    def versions(self) -> Mapping[str, str]:
        """Return onnxruntime's version."""
        import onnxruntime

        return {"onnxruntime": onnxruntime.__version__}

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Build one session per copy: weights that are constants are packed by the runtime."""
        model, activations = _model(point, inputs)
        bound = [_bind(model, activations) for _ in range(copies)]
        run = rotating([call for call, _ in bound])

        def output() -> Arrays:
            call, result = bound[-1]
            call()
            return {"y": result.numpy()}

        return Prepared(run=run, output=output)


def _bind(model: bytes, activations: NDArray[Any]) -> tuple[Callable[[], object], Any]:
    """Return one call with its inputs and output bound, and the output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.use_per_session_threads = False
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(activations))
    binding.bind_output("y", "cpu")
    session.run_with_iobinding(binding)
    result = binding.get_outputs()[0]
    binding.clear_binding_outputs()
    binding.bind_ortvalue_output("y", result)
    return lambda: session.run_with_iobinding(binding), result


def _model(point: Point, inputs: Arrays) -> tuple[bytes, NDArray[Any]]:
    """Return a serialized graph with the weights inside, and its activations."""
    if point.kernel == "launch":
        return _addition(point.shape["elements"]), inputs["x"]
    if point.kernel == "gemm" and point.dtype == "fp32":
        weights = {"weight": inputs["weight"]}
        return _graph("Gemm", ["x", "weight"], weights, point, transB=1), inputs["x"]
    if point.kernel == "gemm":
        # Signed times signed takes a slow path: activations are shifted to unsigned around 128.
        weights = {"weight": np.ascontiguousarray(inputs["weight"].T), "zero": np.array(128, np.uint8)}
        shifted = (inputs["x"].astype(np.int16) + 128).astype(np.uint8)
        return _graph("MatMulInteger", ["x", "weight", "zero"], weights, point), shifted
    if point.format == "INT8_W8A8":
        weights = {"weight": np.ascontiguousarray(inputs["codes"].T), "scale": inputs["scales"].reshape(-1)}
        return _graph("DynamicQuantizeMatMul", ["x", "weight", "scale"], weights, point), inputs["x"]
    return _four_bit(point, inputs), inputs["x"]


def _four_bit(point: Point, inputs: Arrays) -> bytes:
    n, k = point.shape["n"], point.shape["k"]
    group = k // inputs["scales"].shape[1]
    codes = inputs["codes"].reshape(n, k // group, group)
    packed = codes[..., 0::2] | (codes[..., 1::2] << np.uint8(4))
    weights = {"weight": packed, "scale": inputs["scales"].reshape(-1)}
    attributes = {
        "K": k, "N": n, "bits": 4, "block_size": group, "accuracy_level": INT8_ACTIVATIONS,
    }  # fmt: skip
    return _graph("MatMulNBits", ["x", "weight", "scale"], weights, point, **attributes)


def _addition(elements: int) -> bytes:
    """Return the smallest graph: one node that adds one."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "one"], ["y"])],
        "addition",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [elements])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [elements])],
        [numpy_helper.from_array(np.ones(1, np.float32), "one")],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return model


def _graph(
    operator: str, names: list[str], weights: Mapping[str, NDArray[Any]], point: Point, **attributes: int
) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    integers = operator == "MatMulInteger"
    m, n, k = (point.shape[name] for name in "mnk")
    domain = CONTRIB if operator in ("DynamicQuantizeMatMul", "MatMulNBits") else ""
    node = helper.make_node(operator, names, ["y"], domain=domain, **attributes)
    x_type = TensorProto.UINT8 if integers else TensorProto.FLOAT
    y_type = TensorProto.INT32 if integers else TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        operator,
        [helper.make_tensor_value_info("x", x_type, [m, k])],
        [helper.make_tensor_value_info("y", y_type, [m, n])],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return model
