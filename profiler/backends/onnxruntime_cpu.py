"""ONNX Runtime on the CPU (MLAS): fp32, int8 and 4-bit matmuls, one small graph each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.backends.backend import Backend, Feature, Prepared, rotating
from profiler.backends.shared import Shared
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
        """Bind one session per copy: weights that are constants are packed by the runtime."""
        activations = _activations(point, inputs)
        bound = [_bind(session, activations) for session in _sessions(point, inputs, copies)]
        run = rotating([call for call, _ in bound])

        def output() -> Arrays:
            call, result = bound[-1]
            call()
            return {"y": result.numpy()}

        return Prepared(run=run, output=output)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class _Session:
    """A session and the weights that it reads where they lie.

    Attributes
    ----------
    weights : mapping of str to ndarray
        To be kept as long as the session is.
    """

    session: Any
    weights: Mapping[str, NDArray[Any]]


_shared: Shared[_Session] = Shared()
"""Sessions take any number of rows: whoever multiplies the same matrix uses the same ones."""


def _sessions(point: Point, inputs: Arrays, copies: int) -> list[_Session]:
    """Return `copies` sessions whose weights lie in different places."""
    model = cache(lambda: _model(point, inputs))
    matrix = inputs[_MATRIX[point.kernel]]
    return [_shared.get(matrix, (*point.family, copy), lambda: _start(*model())) for copy in range(copies)]


def _start(model: bytes, weights: Mapping[str, NDArray[Any]]) -> _Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.use_per_session_threads = False
    own = {name: array.copy() for name, array in weights.items()}
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in own.values()]
    options.add_external_initializers(list(own), values)
    started = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return _Session(started, own)


def _bind(held: _Session, activations: NDArray[Any]) -> tuple[Callable[[], object], Any]:
    """Return one call with its inputs and output bound, and the output."""
    import onnxruntime

    session = held.session
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(activations))
    binding.bind_output("y", "cpu")
    session.run_with_iobinding(binding)
    result = binding.get_outputs()[0]
    binding.clear_binding_outputs()
    binding.bind_ortvalue_output("y", result)
    return lambda: held.session.run_with_iobinding(binding), result


_MATRIX = {"gemm": "weight", "quant_matmul": "codes", "launch": "x"}
"""Which input tells a session from others of its family."""


def _activations(point: Point, inputs: Arrays) -> NDArray[Any]:
    """Return x as the operator takes it."""
    if point.kernel == "gemm" and point.dtype == "int8":
        # Signed times signed takes a slow path: activations are shifted to unsigned around 128.
        return (inputs["x"].astype(np.int16) + 128).astype(np.uint8)
    return np.ascontiguousarray(inputs["x"])


def _model(point: Point, inputs: Arrays) -> tuple[bytes, Mapping[str, NDArray[Any]]]:
    """Return a serialized graph, and the weights that it takes from elsewhere."""
    if point.kernel == "launch":
        return _addition(point.shape["elements"]), {}
    if point.kernel == "gemm" and point.dtype == "fp32":
        weights = {"weight": inputs["weight"]}
        return _graph("Gemm", ["x", "weight"], weights, point, transB=1), weights
    if point.kernel == "gemm":
        weights = {"weight": np.ascontiguousarray(inputs["weight"].T), "zero": np.array(128, np.uint8)}
        return _graph("MatMulInteger", ["x", "weight", "zero"], weights, point), weights
    if point.format == "INT8_W8A8":
        weights = {"weight": np.ascontiguousarray(inputs["codes"].T), "scale": inputs["scales"].reshape(-1)}
        return _graph("DynamicQuantizeMatMul", ["x", "weight", "scale"], weights, point), weights
    return _four_bit(point, inputs)


def _four_bit(point: Point, inputs: Arrays) -> tuple[bytes, Mapping[str, NDArray[Any]]]:
    n, k = point.shape["n"], point.shape["k"]
    group = k // inputs["scales"].shape[1]
    codes = inputs["codes"].reshape(n, k // group, group)
    packed = codes[..., 0::2] | (codes[..., 1::2] << np.uint8(4))
    weights = {"weight": packed, "scale": inputs["scales"].reshape(-1)}
    attributes = {
        "K": k, "N": n, "bits": 4, "block_size": group, "accuracy_level": INT8_ACTIVATIONS,
    }  # fmt: skip
    return _graph("MatMulNBits", ["x", "weight", "scale"], weights, point, **attributes), weights


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
    from onnx import TensorProto, helper

    integers = operator == "MatMulInteger"
    n, k = point.shape["n"], point.shape["k"]
    domain = CONTRIB if operator in ("DynamicQuantizeMatMul", "MatMulNBits") else ""
    node = helper.make_node(operator, names, ["y"], domain=domain, **attributes)
    x_type = TensorProto.UINT8 if integers else TensorProto.FLOAT
    y_type = TensorProto.INT32 if integers else TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        operator,
        [helper.make_tensor_value_info("x", x_type, ["m", k])],
        [helper.make_tensor_value_info("y", y_type, ["m", n])],
        [_from_elsewhere(name, array) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return model


def _from_elsewhere(name: str, array: NDArray[Any]) -> Any:
    """Declare a constant whose numbers the session is given: to write them into the graph takes longest."""
    from onnx import TensorProto, helper

    declared = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype))
    declared.dims.extend(array.shape)
    declared.data_location = TensorProto.EXTERNAL
    place = declared.external_data.add()
    place.key, place.value = "location", "memory"
    return declared
