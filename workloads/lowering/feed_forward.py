"""Feed-forwards as ops: dense ones, and experts of which a batch touches only some."""

from collections.abc import Iterator

import numpy as np

from workloads.feed_forward import ChannelMix, Dense, FeedForward, MixtureOfExperts
from workloads.lowering.site import Site
from workloads.matrix import Matrix, Role
from workloads.ops import Amount, Op, OpKind

GATED_FLOP = 5.0
"""Per value of a gated activation: exponential, sum, quotient, two products."""
PLAIN_FLOP = 2.0
"""Per value of a squared or smooth ReLU, the cheapest form."""
ROUTING_FLOP = 3.0
"""Per router score: exponential, sum, quotient; the selection is not arithmetic."""


def distinct_experts(experts: float, per_token: float, tokens: Amount) -> Amount:
    """Return the expected number of distinct experts that a batch touches.

    Parameters
    ----------
    experts, per_token : float
        E experts, k of them per token, chosen uniformly.
    tokens : float or ndarray
        Tokens T in the batch.

    Notes
    -----
    E (1 - (1 - k/E)^T): each expert is missed by one token with probability
    1 - k/E. Skewed routers touch fewer.

    Examples
    --------
    >>> float(distinct_experts(8, 2, 1))
    2.0
    >>> round(float(distinct_experts(8, 2, 16)), 2)
    7.92
    """
    missed = 1.0 - per_token / experts
    return experts * (1.0 - np.power(missed, tokens))


def feed_forward_ops(part: FeedForward, site: Site) -> Iterator[Op]:
    """Yield the ops of one feed-forward, messages aside."""
    if isinstance(part, MixtureOfExperts):
        yield from _expert_ops(part, site)
        return
    for matrix in part.matrices(site.hidden, site.shard):
        yield site.matmul(matrix, site.step.tokens)
    yield _activation(part, site)


def _activation(part: Dense | ChannelMix, site: Site) -> Op:
    gated = isinstance(part, Dense) and part.gated
    return _activated(site, "mlp.activation", site.step.tokens * part.width / site.shard.tp, gated=gated)


def _activated(site: Site, name: str, values: Amount, *, gated: bool) -> Op:
    flop = GATED_FLOP if gated else PLAIN_FLOP
    return site.elementwise(name, values=values, flop=flop, moves=3.0 if gated else 2.0)


def _expert_ops(part: MixtureOfExperts, site: Site) -> Iterator[Op]:
    tokens = site.step.tokens
    for matrix in part.matrices(site.hidden, site.shard):
        if matrix.role is Role.EXPERT:
            yield _grouped_matmul(matrix, part, site)
        else:
            yield site.matmul(matrix, tokens)
        if matrix.role is Role.PLAIN:
            yield _routing(part, site)
        if matrix.name == "moe.up":
            used = matrix.used * site.instance_tokens
            width = part.width / site.shard.expert_cut[0]
            yield _activated(site, "moe.activation", used * width, gated=part.gated)
    if part.shared_width:
        values = tokens * part.shared_width / site.shard.tp
        yield _activated(site, "moe.shared_activation", values, gated=part.gated)


def _routing(part: MixtureOfExperts, site: Site) -> Op:
    """Turn scores into choices, gather the tokens of the experts held here, and sum them back."""
    tokens = site.step.tokens
    scores = tokens * part.experts
    pairs = part.per_token / site.shard.expert_cut[1] * site.instance_tokens
    gathered = pairs * (part.latent or site.hidden)
    return Op(
        kind=OpKind.ROUTING,
        name="moe.routing",
        calls=site.calls,
        flop=site.calls * (ROUTING_FLOP * scores + 2 * gathered),
        activation_bytes=site.activation(scores + 4 * gathered),
        dtype=site.weights.other_dtype,
        rows=tokens,
    )


def _grouped_matmul(matrix: Matrix, part: MixtureOfExperts, site: Site) -> Op:
    """One matmul per touched expert on this device; rows are token-expert pairs."""
    storage = site.stored(matrix)
    pairs = matrix.used * site.instance_tokens
    share = matrix.stored / part.experts
    touched = share * distinct_experts(part.experts, part.per_token, site.instance_tokens)
    return Op(
        kind=OpKind.EXPERT_MATMUL,
        name=matrix.name,
        calls=site.calls,
        flop=2 * site.calls * pairs * matrix.params,
        weight_bytes=site.calls * touched * storage.bytes_of(matrix.params),
        activation_bytes=site.activation(pairs * (matrix.inputs + matrix.outputs)),
        dtype=storage.dtype,
        weight_format=storage.format,
        rows=pairs,
    )
