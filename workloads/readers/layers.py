"""Equal layers of a model, put together into groups."""

from collections import Counter
from collections.abc import Callable

from tonnage.errors import FormatError
from workloads.architecture import Block

MAX_LAYERS = 4096
"""More layers than any model has; a file that claims more is refused before they are built."""


def grouped(count: int, layer: Callable[[int], Block], *, where: str) -> tuple[Block, ...]:
    """Build `layer(0)` to `layer(count - 1)` and count the equal ones.

    Raises
    ------
    FormatError
        If there are more than `MAX_LAYERS`.
    """
    if count > MAX_LAYERS:
        raise FormatError(f"{where}: {count} layers are more than the {MAX_LAYERS} this reader takes")
    kinds = Counter(layer(index) for index in range(count))
    return tuple(block.model_copy(update={"count": number}) for block, number in kinds.items())
