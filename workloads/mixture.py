"""Several kinds of requests in one stream: each arrival is of a kind with its share of the rate."""

from collections.abc import Iterator, Sequence

import numpy as np

from tonnage.errors import InvalidInput
from workloads.arrivals import CHUNK, arrival_times, draw
from workloads.requests import Requests
from workloads.streams import stream
from workloads.traffic import Arrivals, Traffic


def draw_mixture(kinds: Sequence[Traffic], rows: int, *, seed: int, chunk: int = CHUNK) -> Iterator[Requests]:
    """Draw `rows` requests of all kinds together; `klass` is the number of the kind.

    Notes
    -----
    The superposition of Poisson processes is one of their total rate whose points are of
    a kind independently, with probability in proportion to its rate.

    Raises
    ------
    InvalidInput
        If several kinds are mixed and one is not Poisson.
    """
    if len(kinds) == 1:
        yield from draw(kinds[0], rows, seed=seed, chunk=chunk)
        return
    if any(kind.arrivals.process != "poisson" for kind in kinds):
        raise InvalidInput(
            "traffic classes are mixed as Poisson processes; give each class process 'poisson'"
        )
    rates = np.array([kind.arrivals.requests_per_s for kind in kinds])
    times = arrival_times(Arrivals(requests_per_s=float(rates.sum())), seed, chunk=chunk)
    which = stream(seed, "kinds")
    lengths = [draw(kind, rows, seed=seed, chunk=chunk) for kind in kinds]
    for start in range(0, rows, chunk):
        size = min(chunk, rows - start)
        klass = which.choice(len(kinds), size=size, p=rates / rates.sum())
        drawn = [next(each) for each in lengths]
        pick = np.arange(size)
        yield Requests(
            arrival_s=next(times)[:size],
            prompt_tokens=np.stack([each.prompt_tokens for each in drawn])[klass, pick],
            output_tokens=np.stack([each.output_tokens for each in drawn])[klass, pick],
            klass=klass.astype(np.int64),
        )
