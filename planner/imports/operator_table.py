"""Rows of an operator table on their way to measurements: what they name, and what is left out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from planner.imports import kernels
from planner.imports.kernels import Heads, Timed
from profiler.profile import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Dimensions of one transformer layer on one device of `tp`."""

    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    width: int
    gated: bool
    tp: int = 1
    vocab: int | None = None

    @property
    def local(self) -> Heads:
        """Heads of one device; keys are replicated where tp exceeds them."""
        return Heads(
            heads=max(1, self.heads // self.tp),
            kv_heads=max(1, self.kv_heads // self.tp),
            head_dim=self.head_dim,
        )

    @property
    def qkv(self) -> tuple[int, int]:
        """Outputs and inputs of the fused query-key-value projection."""
        local = self.local
        return (local.heads + 2 * local.kv_heads) * self.head_dim, self.hidden

    @property
    def out(self) -> tuple[int, int]:
        """Outputs and inputs of the attention's output projection."""
        return self.hidden, self.local.heads * self.head_dim

    @property
    def up(self) -> tuple[int, int]:
        """Outputs and inputs of the up projection, with its gate."""
        return (2 if self.gated else 1) * self.width // self.tp, self.hidden

    @property
    def down(self) -> tuple[int, int]:
        """Outputs and inputs of the down projection."""
        return self.hidden, self.width // self.tp

    @property
    def head(self) -> tuple[int, int] | None:
        """Outputs and inputs of the language model's head."""
        return None if self.vocab is None else (self.vocab // self.tp, self.hidden)

    def elementwise(self, name: str) -> tuple[int, float] | None:
        """Values per token and how often each is read or written, for the elementwise ops of a layer."""
        if name in ("input_layernorm", "post_attention_layernorm", "layernorm", "post_layernorm"):
            return self.hidden, 4.0  # input and residual in, both out
        if name == "add":
            return self.hidden, 3.0
        if name in ("mlp_act", "act_fn"):
            return self.width // self.tp, 3.0 if self.gated else 2.0
        return None


@dataclass(slots=True)
class Table:
    """What was read of one table, and counts of what was not, by reason."""

    found: list[Measurement] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def skip(self, why: str) -> None:
        """Leave a row out."""
        self.left_out[why] += 1

    def add_layer(self, timed: Timed, layer: Layer, name: str, tokens: int, matrix: str | None) -> None:
        """Add one op of a layer over so many tokens.

        Parameters
        ----------
        name : str
            In the table's words.
        matrix : str or None
            The `Layer` property that holds its matrix; None for elementwise work.
        """
        if matrix is None:
            moved = layer.elementwise(name)
            if moved is None:
                self.skip(f"op '{name}' has no law of its own")
                return
            self.found.append(kernels.move(timed, values=moved[0] * tokens, moves=moved[1]))
            return
        shape = getattr(layer, matrix)
        if shape is None or min(shape) < 1:
            self.skip(f"op '{name}' of unknown size")
            return
        self.found.append(kernels.matmul(timed, tokens, *shape))

    def notes(self, file: str) -> Iterable[str]:
        """Say what was left out."""
        for why, count in self.left_out.most_common():
            yield f"{file}: {count} rows left out: {why}"
