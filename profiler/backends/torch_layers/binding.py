"""What a binder gets and returns: a point's inputs become one call on tensors."""

from collections.abc import Callable, Mapping
from typing import Any

from profiler.kernels.kernel import Arrays, Point

Bound = Callable[[], Mapping[str, Any]]
"""One call; returns output tensors by name."""

ToTensor = Callable[[Any, str], Any]
"""Copies an array to a tensor of a dtype (fp32, bf16 ...) where the backend's device is."""

Binder = Callable[[Point, Arrays, ToTensor], Bound]
"""Binds the inputs of a point to one call."""
