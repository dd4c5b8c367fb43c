"""Mixture of experts: choosing, gathering and summing back (routing), and the experts' grouped matmul."""

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import draw
from profiler.kernels.kernel import (
    DTYPE_BYTES,
    ESSENTIAL,
    EXTRA,
    WANTED,
    Arrays,
    Kernel,
    Point,
    Work,
    gap_error,
    gap_of_product,
    relative_error,
    rows_checked,
    signs,
)  # fmt: skip

SCORE_FLOP = 3
"""Exponential, sum, quotient per router score; the selection is not arithmetic."""
ROUTING_SEED = 7


def assignment(tokens: int, experts: int, top_k: int) -> NDArray[np.int64]:
    """Return the experts of each token, shape (tokens, top_k): distinct, uniform, the same each time.

    Work counts the experts that this draw touches, so it must not depend on
    the generator of the inputs.
    """
    rng = np.random.default_rng(ROUTING_SEED)
    return np.argsort(rng.random((tokens, experts)), axis=1)[:, :top_k].astype(np.int64)


def rows_of_experts(point: Point) -> NDArray[np.int64]:
    """Return how many token-expert pairs each expert gets, shape (experts,)."""
    s = point.shape
    return np.bincount(assignment(s["tokens"], s["experts"], s["top_k"]).ravel(), minlength=s["experts"])


class MoeRouting(Kernel):
    """Softmax of router scores, top k, tokens gathered in the order of experts, and their weighted sum.

    The experts themselves are left out: what comes back is what was gathered.
    """

    name = "moe_routing"
    rotated = ("x",)

    def points(self) -> tuple[Point, ...]:
        """Return routers of Mixtral 8x7B (2 of 8), Qwen3 30B-A3B (8 of 128), DeepSeek-V3 (8 of 256)."""
        rows = (
            (512, 8, 2, 4096, ESSENTIAL, True), (1, 8, 2, 4096, ESSENTIAL, False),
            (64, 128, 8, 2048, WANTED, False), (16, 8, 2, 4096, WANTED, False),
            (512, 128, 8, 2048, EXTRA, False), (64, 256, 8, 7168, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier, scout=scout,
                shape={"tokens": tokens, "experts": experts, "top_k": top_k, "width": width},
            )
            for tokens, experts, top_k, width, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Scores read once; each gathered row read and written, then read, weighted and added."""
        s = point.shape
        scores, gathered = s["tokens"] * s["experts"], s["tokens"] * s["top_k"] * s["width"]
        return Work(
            flop=float(SCORE_FLOP * scores + 2 * gathered),
            bytes=float(DTYPE_BYTES[point.dtype] * (scores + 4 * gathered)),
        )

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw scores (tokens, experts) whose best are `assignment`, and x (tokens, width)."""
        s = point.shape
        chosen = assignment(s["tokens"], s["experts"], s["top_k"])
        scores = draw(rng, (s["tokens"], s["experts"]), scale=0.5).clip(-1, 1)
        lead = 3 + np.arange(s["top_k"], 0, -1, dtype=np.float32) / s["top_k"]
        np.put_along_axis(scores, chosen, np.broadcast_to(lead, chosen.shape), axis=1)
        return {"scores": scores, "x": draw(rng, (s["tokens"], s["width"]))}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare gathered rows in the order of experts, and the sums."""
        s = point.shape
        chosen = assignment(s["tokens"], s["experts"], s["top_k"])
        order = np.argsort(chosen.ravel(), kind="stable") // s["top_k"]
        at, rows = rows_checked(len(order), s["width"]), rows_checked(s["tokens"], s["width"])
        weights = np.exp(inputs["scores"].astype(np.float64))
        weights /= weights.sum(axis=1, keepdims=True)
        kept = np.take_along_axis(weights, chosen, axis=1).sum(axis=1)
        return max(
            relative_error(output["gathered"][at], inputs["x"][order[at]].astype(np.float64)),
            relative_error(output["y"][rows], kept[rows, None] * inputs["x"][rows]),
        )

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding."""
        return 1e-5


class ExpertGemm(Kernel):
    """One matmul per touched expert over the rows that were routed to it: y = x W_e^T."""

    name = "expert_gemm"
    rotated = ("weight",)

    def points(self) -> tuple[Point, ...]:
        """Return 1 to 512 tokens: narrow experts like Qwen3 30B-A3B's, wide ones like Mixtral's.

        No engine keeps experts in float32: those come a tier later, and take longest to lay out.
        """
        rows = (
            (64, 64, 8, 768, 2048, ESSENTIAL, True), (1, 64, 8, 768, 2048, ESSENTIAL, True),
            (512, 8, 2, 3584, 1024, ESSENTIAL, False), (8, 64, 8, 768, 2048, WANTED, False),
            (512, 64, 8, 768, 2048, WANTED, False), (1, 8, 2, 3584, 1024, EXTRA, False),
            (16, 8, 2, 7168, 2048, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype=dtype, tier=tier + later, scout=scout,
                shape={"tokens": tokens, "experts": experts, "top_k": top_k, "n": n, "k": k},
            )
            for tokens, experts, top_k, n, k, tier, scout in rows
            for dtype, later in (("bf16", 0), ("fp32", 1))
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """2 n k per token-expert pair; weights of the distinct experts touched, rows in and out."""
        n, k = point.shape["n"], point.shape["k"]
        pairs = point.shape["tokens"] * point.shape["top_k"]
        touched = int(np.count_nonzero(rows_of_experts(point)))
        size = DTYPE_BYTES[point.dtype]
        return Work(flop=2.0 * pairs * n * k, bytes=float(size * (touched * n * k + pairs * (n + k))))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw x (pairs, k) in the order of experts, weight (experts, n, k); rows per expert."""
        s = point.shape
        return {
            "x": draw(rng, (s["tokens"] * s["top_k"], s["k"])),
            "weight": draw(rng, (s["experts"], s["n"], s["k"]), scale=s["k"] ** -0.5),
            "rows": rows_of_experts(point),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare all rows of all touched experts along one direction."""
        y, direction, ends = output["y"], signs(point.shape["n"]), np.cumsum(inputs["rows"])
        gaps = []
        for expert in np.flatnonzero(inputs["rows"]):
            rows = slice(ends[expert] - inputs["rows"][expert], ends[expert])
            through = np.einsum("nk,n->k", inputs["weight"][expert], direction, optimize=False)
            gaps.append(gap_of_product(y[rows], inputs["x"][rows], through))
        return gap_error(np.concatenate(gaps), y)

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the dtype."""
        return {"fp32": 1e-5, "bf16": 1e-2}[point.dtype]
