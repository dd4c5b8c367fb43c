"""A clock that moves only when a fake kernel runs or the clock itself is read."""

from collections.abc import Callable, Iterator


class FakeTime:
    """Nanoseconds that a test advances.

    Parameters
    ----------
    read_ns : int
        What one reading of the clock costs.
    """

    def __init__(self, read_ns: int = 0) -> None:
        self.now_ns = 0
        self.read_ns = read_ns

    def __call__(self) -> int:
        self.now_ns += self.read_ns
        return self.now_ns

    def kernel(self, durations_ns: Iterator[int]) -> Callable[[], None]:
        """Return a kernel that takes the next of `durations_ns` at each call."""

        def run() -> None:
            self.now_ns += next(durations_ns)

        return run
