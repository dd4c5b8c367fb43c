"""Points that stay laid out between passes, as far as memory allows."""

from dataclasses import dataclass

from profiler.backends.backend import Prepared

WORTH_S = 0.03
"""What is laid out faster than this is laid out anew: other places in memory are then part of its spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A point that was checked, and what it takes to have it so.

    Attributes
    ----------
    prepared : Prepared or None
        None once it has been let go.
    """

    prepared: Prepared | None
    error: float
    copies: int
    size_bytes: float
    setup_s: float


class Kept:
    """Checked points by trial; those that are cheapest to lay out anew per byte go first.

    Parameters
    ----------
    limit_bytes : float
        Of all operands together. 0 keeps none.
    """

    def __init__(self, limit_bytes: float) -> None:
        self.limit_bytes = limit_bytes
        self._ready: dict[str, Ready] = {}

    def get(self, key: str) -> Ready | None:
        """Return what is known of a trial: laid out still, or only that it was checked."""
        return self._ready.get(key)

    def put(self, key: str, ready: Ready) -> None:
        """Keep a trial; lay others aside where there is no room for all."""
        worth = ready.setup_s > WORTH_S and ready.size_bytes <= self.limit_bytes
        self._ready[key] = ready if worth else _laid_aside(ready)
        held = {name: one for name, one in self._ready.items() if one.prepared is not None}
        size = sum(one.size_bytes for one in held.values())
        for name in sorted(held, key=lambda name: held[name].setup_s / max(held[name].size_bytes, 1.0)):
            if size <= self.limit_bytes:
                return
            size -= held[name].size_bytes
            self._ready[name] = _laid_aside(held[name])

    def again_s(self, key: str) -> float:
        """Return what laying a trial out again will take at most; 0 where it still is, or is unknown [s]."""
        ready = self._ready.get(key)
        return 0.0 if ready is None or ready.prepared is not None else ready.setup_s


def _laid_aside(ready: Ready) -> Ready:
    return Ready(
        prepared=None, error=ready.error, copies=ready.copies, size_bytes=ready.size_bytes,
        setup_s=ready.setup_s,
    )  # fmt: skip
