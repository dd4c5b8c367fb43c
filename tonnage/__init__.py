"""What can this machine do, and what should run where, to serve a load within a budget.

`tonnage.probe()`, `bench()`, `fit()`, `predict()`, `compare()`, `plan()`, `report()`,
`simulate()` return the records that the commands of the same names print; `deploy()` writes a
plan as files to run.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonnage.version import __version__

if TYPE_CHECKING:
    from tonnage.api import (
        audit,
        bench,
        break_even,
        cascade,
        compare,
        deploy,
        fit,
        import_results,
        plan,
        predict,
        predict_batch,
        probe,
        report,
        simulate,
        verify,
    )

__all__ = [
    "__version__",
    "audit",
    "bench",
    "break_even",
    "cascade",
    "compare",
    "deploy",
    "fit",
    "import_results",
    "plan",
    "predict",
    "predict_batch",
    "probe",
    "report",
    "simulate",
    "verify",
]

_SIBLINGS = ("hw_targets", "workloads", "profiler", "planner", "reports")


def _check_siblings() -> None:
    """Refuse to run with another project's package of the same top-level name."""
    home = Path(__file__).parents[1]
    for name in _SIBLINGS:
        spec = find_spec(name)
        found = Path(spec.origin).parents[1] if spec and spec.origin else None
        if found != home:
            raise ImportError(
                f"Tonnage's package '{name}' should be in {home}, but Python finds it in {found}: "
                "another package of that name is in the way; install Tonnage in an environment of its own"
            )


_check_siblings()


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("tonnage.api"), name)
    raise AttributeError(f"module 'tonnage' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
