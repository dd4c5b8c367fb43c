"""What every mixer answers: its matrices, its other parameters, and what it remembers."""

from tonnage.files import Record
from workloads.cache import Cache
from workloads.matrix import Matrix
from workloads.shard import WHOLE, Shard


class MixerRecord(Record):
    """A mixer of a layer; counts are those of one device of a shard."""

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return the weight matrices of one layer, in the order they are applied."""
        raise NotImplementedError

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Parameters outside the matrices: biases, norms, convolutions, decays."""
        raise NotImplementedError

    def caches(self, shard: Shard = WHOLE) -> tuple[Cache, ...]:
        """Return what grows with the sequence."""
        return ()

    def state_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Values of recurrent state per sequence: what does not grow."""
        return 0.0

    def conv_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Values of convolution or token-shift state per sequence."""
        return 0.0
