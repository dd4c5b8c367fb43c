"""A library's kernels on a CUDA or ROCm device, with the clock, rotation and replay of PyTorch's backend."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from profiler.backends.accelerator.libraries import Library
from profiler.backends.accelerator.platform import CUDA, Platform
from profiler.backends.backend import Feature
from profiler.backends.torch_accelerator import TorchAccelerator
from profiler.backends.torch_layers.binding import Binder
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point


class LibraryAccelerator(TorchAccelerator):
    """What one library gets on an accelerator."""

    def __init__(self, library: Library, platform: Platform = CUDA) -> None:
        super().__init__(platform)
        self.library = library
        self.name = library.name  # type: ignore[misc]
        self.modules = ("torch", library.module)
        families = {point.family for name in library.binders for point in KERNELS.get(name).points()}
        self.features = frozenset(  # type: ignore[misc]
            Feature(*family) for family in families if family[1] in library.dtypes
        )

    def why_not(self) -> str | None:
        """Return what is missing: the library, or what PyTorch needs itself."""
        if find_spec(self.library.module) is None:
            return f"{self.library.name} not installed: pip install {self.library.name}, on a host with a GPU"
        return self.platform.why_not()

    def runs(self, point: Point) -> bool:
        """Tell whether the library has a kernel for this point."""
        return Feature(*point.family) in self.features and self.library.takes(point)

    def versions(self) -> Mapping[str, str]:
        """Return the versions of torch and of the library."""
        try:
            return {**super().versions(), self.library.name: version(self.library.name)}
        except PackageNotFoundError:
            return super().versions()

    def _binder(self, point: Point) -> Binder:
        return self.library.binders[point.kernel]
