"""The search for cycles of dead objects, paused while very many are made that are in none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the search, in the whole process.

    It looks at all live objects again and again: a third of the time of a large batch of predictions, a
    tenth of that of a plan. What is in no cycle is freed at once all the same.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
