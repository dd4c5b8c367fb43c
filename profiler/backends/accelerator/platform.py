"""A kind of accelerator as torch knows it: whether it can be used here, and its clock, cache and graphs."""

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from profiler.backends.accelerator.device_clock import Events, HostEvents


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One of torch's device types.

    Attributes
    ----------
    name : str
        Torch's word for it; ROCm devices go by `cuda`.
    builds : tuple of str
        Names in torch/version.py of which one must be set in the installed build; none for MPS and CPU.
    label : str
        For people.
    nodes : tuple of str
        Device nodes on Linux, one of which must be there.
    """

    name: str
    builds: tuple[str, ...]
    label: str
    nodes: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """Return the first device: `cuda:0`; `cpu` has no number."""
        return self.name if self.name == "cpu" else f"{self.name}:0"

    def why_not(self) -> str | None:
        """Return why it cannot be used as far as can be told without importing torch, or None."""
        found = find_spec("torch")
        if found is None or found.origin is None:
            return "torch not installed: pip install 'tonnage[bench]'"
        if self.name == "mps" and sys.platform != "darwin":
            return "Metal is on macOS only"
        if not self.builds:
            return None
        built = build_of(Path(found.origin).with_name("version.py"))
        if not any(built.get(name) for name in self.builds):
            version = built.get("__version__") or "here"
            return (
                f"torch {version} is built without {self.label}; install the build for it "
                "(https://pytorch.org/get-started/locally)"
            )
        if self.nodes and sys.platform == "linux" and not any(Path(node).exists() for node in self.nodes):
            return f"no device node {' or '.join(self.nodes)}: the driver is missing, or not passed in here"
        return None

    def refusal(self) -> str | None:
        """Return what torch says, once imported, against using it; None if a device answers."""
        if self.name == "cpu":
            return None
        api = self._api()
        try:
            if not api.is_available():
                return f"torch sees no {self.label} device: driver, device node or permission is missing"
            api.synchronize()
        except (RuntimeError, AssertionError, AttributeError) as problem:
            return f"torch cannot use the {self.label} device: {problem}"
        return None

    def events(self) -> Events:
        """Return the device's clock."""
        return HostEvents() if self.name == "cpu" else TorchEvents(self._api())

    def cache_bytes(self) -> int | None:
        """Return the size of the last cache before memory; None where torch does not tell."""
        if self.name not in ("cuda", "xpu"):
            return None
        with suppress(RuntimeError, AttributeError):
            told = self._api().get_device_properties(0)
            return int(getattr(told, "L2_cache_size", 0) or getattr(told, "last_level_cache_size", 0)) or None
        return None

    def memory_bytes(self) -> float | None:
        """Return the memory that is free on the device; None where torch does not tell."""
        if self.name in ("cuda", "xpu"):
            with suppress(RuntimeError, AttributeError):  # some drivers of XPU do not tell
                free, _ = self._api().mem_get_info(0)
                return float(free)
        return None

    def device_count(self) -> int:
        """Return how many devices torch sees."""
        return 1 if self.name == "cpu" else int(self._api().device_count())

    def has_graphs(self) -> bool:
        """Tell whether calls can be captured and replayed."""
        return self.name == "cuda"

    def versions(self) -> dict[str, str]:
        """Return torch's version, and those of what it was built with."""
        import torch

        told = {"torch": torch.__version__, "cuda": torch.version.cuda, "hip": torch.version.hip}
        return {name: str(version) for name, version in told.items() if version}

    def synchronize(self) -> None:
        """Wait until the device has done all."""
        if self.name != "cpu":
            self._api().synchronize()

    def _api(self) -> Any:
        import torch

        return getattr(torch, self.name)


@dataclass(frozen=True, slots=True)
class TorchEvents:
    """Events of torch.cuda, torch.xpu or torch.mps."""

    api: Any

    def record(self) -> Any:
        """Put a mark into the queue of the device."""
        event = self.api.Event(enable_timing=True)
        event.record()
        return event

    def elapsed_s(self, start: Any, end: Any) -> float:
        """Wait for both marks; return the time between them."""
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e-3


def build_of(version_file: Path) -> Mapping[str, str | None]:
    """Read what a torch build has, without importing it: `cuda`, `hip`, `xpu`, `__version__`.

    Examples
    --------
    `cuda: Optional[str] = '12.8'` becomes {"cuda": "12.8"}; None stays None.
    """
    try:
        text = version_file.read_text(encoding="utf-8")
    except OSError:
        return {}
    line = re.compile(r"^(\w+)(?:: [\w\[\]]+)? = (?:'([^'\n]*)'|None|\w+)$", re.MULTILINE)
    return {name: value or None for name, value in line.findall(text)}


CUDA = Platform(
    name="cuda",
    builds=("cuda", "hip"),
    label="CUDA or ROCm",
    nodes=("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/dev/nvhost-gpu"),
)
XPU = Platform(name="xpu", builds=("xpu",), label="XPU", nodes=("/dev/dri", "/dev/dxg"))
MPS = Platform(name="mps", builds=(), label="Metal (MPS)")
PLATFORMS = (CUDA, XPU, MPS)
