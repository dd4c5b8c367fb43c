"""llama.cpp on the CPU, through the ggml library that llama-cpp-python ships: the nodes of its graphs."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from profiler.backends.backend import Backend, Feature, Prepared
from profiler.kernels.kernel import Arrays, Point

FORMATS = ("F16", "Q8_0", "Q4_0", "Q4_K", "Q6_K")


class LlamaCppBackend(Backend):
    """What llama.cpp runs, whatever other libraries could do: its own kernels, formats and layouts."""

    name = "llama.cpp"
    modules = ("llama_cpp", "gguf")
    features = frozenset(
        {
            Feature("ggml_matmul", "fp16", "F16"), Feature("ggml_matvecs", "fp16", "F16"),
            *(Feature("ggml_matmul", "int8", kind) for kind in FORMATS[1:]),
            *(Feature("ggml_matvecs", "int8", kind) for kind in FORMATS[1:]),
            Feature("ggml_attention", "fp16"), Feature("ggml_layer", "fp32"), Feature("ggml_mamba", "fp32"),
            Feature("ggml_step", "fp16"),
        }
    )  # fmt: skip

    def why_not(self) -> str | None:
        """Return what to install, or None if everything is there."""
        missing = [module for module in self.modules if find_spec(module) is None]
        if not missing:
            return None
        return (
            f"{' and '.join(missing)} not installed: pip install 'tonnage[llama]' (it compiles for minutes)"
        )

    def start(self, threads: int) -> None:
        """Load the library; OSError if it lacks what is used here."""
        from profiler.backends.ggml.library import silence

        self._threads = threads
        silence()

    def versions(self) -> Mapping[str, str]:
        """Return the version of llama-cpp-python, and how it lays weights out anew."""
        import llama_cpp

        from profiler.backends.ggml.library import packing_buffers

        layouts = "+".join(name for name, _ in packing_buffers()) or "as stored"
        return {"llama-cpp-python": llama_cpp.__version__, "ggml weight layouts": layouts}

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Build the graph of one point."""
        from profiler.backends.ggml import flash, layer, mul_mat, tiny_model

        prepare: Callable[[Point, Arrays, int, int], Prepared] = {
            "ggml_matmul": mul_mat.prepare,
            "ggml_matvecs": mul_mat.prepare_sequences,
            "ggml_attention": flash.prepare,
            "ggml_layer": layer.prepare_transformer,
            "ggml_mamba": layer.prepare_mamba,
            "ggml_step": tiny_model.prepare,
        }[point.kernel]
        return prepare(point, inputs, copies, self._threads)
