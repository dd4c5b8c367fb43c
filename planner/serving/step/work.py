"""The operations of a step, gathered by the law that times them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.ops import Amount, Op, OpKind

Array = NDArray[np.float64]

COLLECTIVES = frozenset({OpKind.ALL_REDUCE, OpKind.ALL_TO_ALL, OpKind.SEND_RECV})
MIXERS = frozenset({OpKind.ATTENTION_PREFILL, OpKind.ATTENTION_DECODE, OpKind.SCAN, OpKind.STATE_UPDATE})


class Term(NamedTuple):
    """What decides which law times an operation."""

    kind: OpKind
    dtype: str
    weight_format: str | None


@dataclass(slots=True)
class Work:
    """Calls, flop and bytes of all operations of one term; amounts broadcast over cases."""

    calls: Amount = 0.0
    flop: Amount = 0.0
    bytes: Amount = 0.0
    weight_bytes: Amount = 0.0
    cache_bytes: Amount = 0.0

    def add(self, op: Op) -> None:
        """Count one more operation."""
        self.calls = self.calls + op.calls
        self.flop = self.flop + op.flop
        self.bytes = self.bytes + op.bytes
        self.weight_bytes = self.weight_bytes + op.weight_bytes
        self.cache_bytes = self.cache_bytes + op.cache_bytes


class Route(NamedTuple):
    """A collective of one kind among so many devices."""

    kind: OpKind
    group: int


@dataclass(slots=True)
class Traffic:
    """Calls and payload [bytes] of the collectives on one route."""

    calls: Amount = 0.0
    message_bytes: Amount = 0.0

    def add(self, op: Op) -> None:
        """Count one more collective."""
        self.calls = self.calls + op.calls
        self.message_bytes = self.message_bytes + op.message_bytes


@dataclass(frozen=True, slots=True)
class StepWork:
    """One engine iteration on one device."""

    terms: dict[Term, Work]
    routes: dict[Route, Traffic]
    ops: tuple[Op, ...] = ()
    """What was gathered, in order: laws that go by rows and context need each on its own."""

    @classmethod
    def of(cls, ops: Iterable[Op]) -> "StepWork":
        """Gather operations; the totals over terms are those over the operations."""
        terms: dict[Term, Work] = {}
        routes: dict[Route, Traffic] = {}
        ops = tuple(ops)
        for op in ops:
            if op.kind in COLLECTIVES:
                routes.setdefault(Route(op.kind, op.group), Traffic()).add(op)
            else:
                terms.setdefault(Term(op.kind, op.dtype, op.weight_format), Work()).add(op)
        return cls(terms, routes, ops)

    def calls(self, kinds: frozenset[OpKind]) -> Amount:
        """Kernel calls of some kinds."""
        total: Amount = 0.0
        for term, work in self.terms.items():
            if term.kind in kinds:
                total = total + work.calls
        return total
