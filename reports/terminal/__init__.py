"""Records as text for people, one view per record; each is loaded when it is first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.terminal.machine import show_machine
    from reports.terminal.measured import show_measured
    from reports.terminal.model import show_cost_model
    from reports.terminal.plan import show_plan
    from reports.terminal.prediction import show_predictions
    from reports.terminal.profile import show_profile
    from reports.terminal.simulation import show_simulation

__all__ = [
    "show_cost_model",
    "show_machine",
    "show_measured",
    "show_plan",
    "show_predictions",
    "show_profile",
    "show_simulation",
]

_HOME = {
    "show_machine": "reports.terminal.machine",
    "show_measured": "reports.terminal.measured",
    "show_profile": "reports.terminal.profile",
    "show_cost_model": "reports.terminal.model",
    "show_predictions": "reports.terminal.prediction",
    "show_plan": "reports.terminal.plan",
    "show_simulation": "reports.terminal.simulation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
