"""Several kinds of requests in one stream: each arrival is of a kind with its share of the rate."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

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
        If several kinds are mixed and one is not Poisson, or has sessions or users.
    """
    if len(kinds) == 1:
        yield from draw(kinds[0], rows, seed=seed, chunk=chunk)
        return
    if any(kind.arrivals.process != "poisson" for kind in kinds):
        raise InvalidInput(
            "traffic classes are mixed as Poisson processes; give each class process 'poisson'"
        )
    if any(kind.sessions is not None or kind.users for kind in kinds):
        raise InvalidInput("sessions and closed loops are simulated one class at a time")
    rates = np.array([kind.arrivals.requests_per_s for kind in kinds])
    times = arrival_times(Arrivals(requests_per_s=float(rates.sum())), seed, chunk=chunk)
    which = stream(seed, "kinds")
    lengths = [draw(kind, rows, seed=seed, chunk=chunk) for kind in kinds]
    for start in range(0, rows, chunk):
        size = min(chunk, rows - start)
        klass = which.choice(len(kinds), size=size, p=rates / rates.sum())
        drawn = [next(each) for each in lengths]
        yield _picked(kinds, drawn, klass.astype(np.int64), next(times)[:size])


def _picked(
    kinds: Sequence[Traffic],
    drawn: Sequence[Requests],
    klass: NDArray[np.int64],
    arrival_s: NDArray[np.float64],
) -> Requests:
    """Take each row from the kind it is of; each shared prefix is a group of its own."""
    pick = np.arange(len(klass))
    shared = np.array([kind.shared_prefix_tokens for kind in kinds])
    group = np.where(shared > 0, np.cumsum(shared > 0) - 1, -1)
    some = bool(shared.any())
    return Requests(
        arrival_s=arrival_s,
        klass=klass,
        prompt_tokens=np.stack([each.prompt_tokens for each in drawn])[klass, pick],
        output_tokens=np.stack([each.output_tokens for each in drawn])[klass, pick],
        level=np.array([kind.priority for kind in kinds])[klass],
        group=group[klass] if some else None,
        prefix_tokens=shared[klass] if some else None,
        keep_tokens=shared[klass] if some else None,
    )
