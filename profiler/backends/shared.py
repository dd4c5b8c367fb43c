"""Operands that several trials read: laid out once, held as long as one of them holds them."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from numpy.typing import NDArray

from profiler.kernels.drawn import identity

Laid = TypeVar("Laid")


class Shared(Generic[Laid]):
    """What drawn arrays became, by their numbers; nothing in it may be written to."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[tuple[object, ...], Laid] = WeakValueDictionary()

    def get(self, array: NDArray[Any], how: tuple[object, ...], make: Callable[[], Laid]) -> Laid:
        """Return what was made of the same numbers in the same way, or make it.

        Parameters
        ----------
        array : ndarray
            As drawn. One whose numbers nothing is known of is laid out anew.
        how : tuple
            What else tells results apart: format, layout, and which of the copies that are rotated it is.
        make : callable
        """
        name = identity(array)
        if name is None:
            return make()
        key = name, *how
        found = self._held.get(key)
        if found is None:
            found = self._held[key] = make()
        return found
