r"""Measured points of the user's own: a Bayesian update of predictions, in the logs.

Prior: the log errors of TPOT, TTFT and of what else moves the throughput are three independent
Gaussian processes over deployments and loads; their standard deviations are those of the calibrated
intervals. The throughput's own error follows from Little's law, rate = users / (TTFT + o TPOT):

.. math:: e_{rate} = -(w\,e_{TPOT} + (1 - w)\,e_{TTFT}) + e_{own},
          \qquad w = o\,TPOT / (TTFT + o\,TPOT)

Correlation of two settings: what a new device, model, engine or run brings (the parts of the
calibrated variance that stand for it) is common to all cases on it and fades slowly with the load; the
rest is shared by settings alike, less by every mismatch, and fades fast:

.. math:: \rho = 0.87\,(s_{known}\,\rho_{setup}\,2^{-d/1.9} + s_{new}\,2^{-d/11.4}), \quad
          d = |\Delta\log_2 users| + |\Delta\log_2 isl| + |\Delta\log_2 osl|

Two cases share at most the smaller of their variances, so that no error grows on its way. Each factor
is a positive definite kernel, and so are products and sums of them.

The fast numbers were read off a variogram of the residuals of 2,667 published runs against the shipped
coefficients: runs of equal settings correlate at 0.6-0.9, one octave away at 0.6-0.85, two at 0.35-0.6,
four at 0-0.3; runs that differ in one of model, device, engine, weights or cut at -0.1 to 0.4. The slow
one was chosen among 1, 3 and 6 times the fast one by the errors of devices left out of the fit
(`benchmarks/anchor_error.py`). What two runs of equal settings do not share (0.13 of the variance) is
noise that no anchor removes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case
from planner.figures import Figures
from planner.serving.coefficients import CoefficientFile
from planner.serving.intervals import added, unseen
from planner.serving.placed import Placed

Array = NDArray[np.float64]

SAME_SETTING = 0.87
OCTAVES = 1.9 / np.log(2.0)
"""Octaves after which correlation has fallen by e."""
OCTAVES_NEW = 6.0 * OCTAVES
"""The same for what a new device, model or engine brings: a wrong ceiling is wrong at every load."""
MISMATCH = {"device": 0.10, "model": 0.10, "weights": 0.10, "engine": 0.05, "cut": 0.20, "kv": 0.50}
"""Share of a setup's own error that a setup with one other name still shows."""
METRICS = ("tpot_s", "ttft_s", "output_tokens_per_s")
_PARTS = (
    frozenset({"new_model"}),
    frozenset({"new_device", "new_stack"}),
    frozenset({"new_engine", "new_platform"}),
    frozenset({"new_run", "new_source"}),
)
"""What is shared by cases of one model, of one device and engine, of one engine, of one run."""
OWN_FLOOR = 0.02
"""Log error of a rate beside those of its times: clocks and counts differ a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is predicted of cases before any anchor: medians and log sigmas by metric, shape (cases,)."""

    cases: Sequence[Case]
    placed: Sequence[Placed]
    median: dict[str, Array]
    sigma: dict[str, Array]
    decode_share: Array
    """w: share of a request's time that is spent after its first token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What anchors do to predictions, shape (cases,).

    Attributes
    ----------
    shift : dict
        To add to the log of each metric's median.
    sigma : dict
        Log standard deviation that is left.
    nearness : ndarray
        Correlation with the nearest anchor over that of an equal setting: 1 is the very setting.
    """

    shift: dict[str, Array]
    sigma: dict[str, Array]
    nearness: Array


def update(targets: Outlook, anchors: Outlook, measured: Sequence[Figures], file: CoefficientFile) -> Moved:
    """Condition predictions on measured figures.

    Parameters
    ----------
    targets : Outlook
        What is asked.
    anchors : Outlook
        Predictions of the very runs that were measured, made in the same way.
    measured : sequence of Figures
        One per anchor; figures that are None are left out.
    file : CoefficientFile
        Whose spreads say which part of a variance is new and therefore shared.

    Returns
    -------
    Moved
        Gaussian posterior: shift K_ta K_aa^-1 r, variance K_tt - K_ta K_aa^-1 K_at.
    """
    seen = [(i, k, value) for i, one in enumerate(measured) for k, value in _values(anchors.cases[i], one)]
    which = np.array([i for i, _, _ in seen], dtype=np.intp)
    kinds = np.array([k for _, k, _ in seen], dtype=np.intp)
    surprise = np.array([np.log(value / anchors.median[METRICS[k]][i]) for i, k, value in seen])
    weights, seen_weights = _weights(targets), _weights(anchors)[:, which, kinds]
    far, seen_far = _distance(targets, anchors), _distance(anchors, anchors)
    size, count = len(targets.cases), which.size
    cross, among = np.zeros((3, size, count)), np.zeros((count, count))
    nearness = np.zeros(size)
    for part, metric in enumerate(METRICS):
        alike = _alike(targets, anchors, metric, file, far)
        nearness = np.maximum(nearness, alike[:, which].max(axis=1))
        common = (alike * _common(targets, anchors, part))[:, which] * seen_weights[part]
        cross += weights[part].T[:, :, None] * common[None]
        known = _alike(anchors, anchors, metric, file, seen_far) * _common(anchors, anchors, part)
        among += known[np.ix_(which, which)] * np.outer(seen_weights[part], seen_weights[part])
    diagonal = np.maximum(np.diag(among), 1e-8)
    among *= SAME_SETTING
    np.fill_diagonal(among, diagonal)
    cross *= SAME_SETTING
    gain = np.linalg.solve(among, cross.reshape(3 * size, count).T).T.reshape(3, size, count)
    shift, left = gain @ surprise, np.einsum("mtn,mtn->mt", gain, cross)
    prior = np.maximum(np.einsum("ptm,pt->mt", weights**2, _sizes(targets) ** 2), 1e-16)
    share = np.sqrt(np.maximum(1.0 - left / prior, 0.5 * (1.0 - SAME_SETTING)))
    sigma = share * np.array([targets.sigma[metric] for metric in METRICS])
    return Moved(
        shift=dict(zip(METRICS, shift, strict=True)),
        sigma=dict(zip(METRICS, sigma, strict=True)),
        nearness=nearness,
    )


def _values(case: Case, measured: Figures) -> list[tuple[int, float]]:
    """Return measured metrics by position in `METRICS`; a rate of requests stands in for one of tokens."""
    found = {k: value for k, name in enumerate(METRICS) if (value := getattr(measured, name)) is not None}
    if measured.requests_per_s is not None:
        found.setdefault(2, measured.requests_per_s * case.osl * case.mean_length_frac)
    return list(found.items())


def _weights(outlook: Outlook) -> Array:
    """Return how each metric's error is made of the independent ones, shape (parts, cases, metrics).

    A rate that is given, because the deployment keeps up with it, has no error.
    """
    out = np.zeros((3, len(outlook.cases), 3))
    moves = outlook.sigma["output_tokens_per_s"] > 0.0
    out[0, :, 0] = out[1, :, 1] = 1.0
    out[0, :, 2], out[1, :, 2] = -outlook.decode_share * moves, (outlook.decode_share - 1.0) * moves
    out[2, :, 2] = moves
    return out


def _sizes(outlook: Outlook) -> Array:
    """Return the standard deviation of each independent error, shape (parts, cases).

    A throughput follows Little's law even where its own interval is narrower than that of its times.
    """
    first, later, rate = (outlook.sigma[name] for name in ("ttft_s", "tpot_s", "output_tokens_per_s"))
    by_times = (outlook.decode_share * later) ** 2 + ((1.0 - outlook.decode_share) * first) ** 2
    return np.array([later, first, np.sqrt(np.maximum(rate**2 - by_times, OWN_FLOOR**2))])


def _common(a: Outlook, b: Outlook, part: int) -> Array:
    """Return the variance that two cases can share, shape (cases of a, cases of b).

    The smaller of the two: an error is never made larger on its way to a case that is known less
    well. min(s, t) is a positive definite kernel (the covariance of Brownian motion).
    """
    return np.asarray(np.minimum.outer(_sizes(a)[part] ** 2, _sizes(b)[part] ** 2))


def _distance(a: Outlook, b: Outlook) -> Array:
    """Octaves between loads, shape (cases of a, cases of b)."""
    distance = np.zeros((len(a.cases), len(b.cases)))
    for name in ("concurrency", "isl", "osl", "context", "requests_per_s"):
        rows, columns = (
            np.array([np.log2(1.0 + float(getattr(case, name) or 0.0)) for case in one.cases])
            for one in (a, b)
        )
        distance += np.abs(rows[:, None] - columns[None, :])
    kinds = np.array([case.load.value for case in a.cases])[:, None]
    distance += 2.0 * (kinds != np.array([case.load.value for case in b.cases])[None, :])
    return distance


def _alike(a: Outlook, b: Outlook, metric: str, file: CoefficientFile, far: Array) -> Array:
    """Correlation by setup and by distance of loads, shape (cases of a, cases of b)."""
    ours, theirs = _names(a.placed), _names(b.placed)
    same = {name: _equal(ours[name], theirs[name]) for name in MISMATCH}
    setup = np.ones((len(a.cases), len(b.cases)))
    for name, share in MISMATCH.items():
        setup *= np.where(same[name], 1.0, share)
    rows, columns = _shares(a.placed, metric, file), _shares(b.placed, metric, file)
    own = np.outer(rows[0], columns[0]) * setup
    new = np.outer(rows[1], columns[1]) * same["model"]
    new += np.outer(rows[2], columns[2]) * (same["device"] & same["engine"])
    new += np.outer(rows[3], columns[3]) * same["engine"]
    runs = ([one.groups.run for one in side.placed] for side in (a, b))
    new += np.outer(rows[4], columns[4]) * _equal(*runs)
    return np.asarray(own * np.exp(-far / OCTAVES) + new * np.exp(-far / OCTAVES_NEW))


def _names(placed: Sequence[Placed]) -> dict[str, list[object]]:
    return {
        "device": [one.target.id for one in placed],
        "model": [one.cut.model for one in placed],
        "weights": [one.cut.weights for one in placed],
        "engine": [one.groups.engine for one in placed],
        "cut": [one.cut.shard for one in placed],
        "kv": [one.kv.id for one in placed],
    }


def _equal(ours: Sequence[object], theirs: Sequence[object]) -> NDArray[np.bool_]:
    codes: dict[object, int] = {}
    rows, columns = (np.array([codes.setdefault(one, len(codes)) for one in side]) for side in (ours, theirs))
    return np.asarray(rows[:, None] == columns[None, :])


def _shares(placed: Sequence[Placed], metric: str, file: CoefficientFile) -> Array:
    """Square roots of the parts of the variance: known, new model, device, engine and run; (5, cases)."""
    spread = file.spread["throughput" if metric == "output_tokens_per_s" else metric.removesuffix("_s")]
    out = np.zeros((5, len(placed)))
    for i, one in enumerate(placed):
        new = frozenset() if one.target.is_measured else unseen(one, file)
        sizes = [added(spread, new & part) for part in _PARTS]
        sigma = np.array([spread.known, *sizes])
        out[:, i] = sigma / max(float(np.linalg.norm(sigma)), 1e-12)
    return out
