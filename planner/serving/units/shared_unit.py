"""A unit that serves several classes: how much the others stretch each one's time per output token.

Notes
-----
All sequences of a unit share its steps. With rates l_i, n_i = l_i o_i t sequences of class i decode at
a step time t that is their mean T over the batch, plus the prompts that come meanwhile:

    t = T(n) + s t sum_i l_i P_i

as in `open_load`, whose formulas these are for a single class. Prompts do not come evenly
(`between_tokens`): a class of short outputs suffers most from another's long prompts.
What is returned is the percentile in the mix over that of the class alone on an equally busy unit, so
that a class split in two equal ones stretches nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Deployment
from planner.serving import coefficients, intervals, open_load, placement, situation, steady_state
from planner.serving.between_tokens import between_tokens
from planner.serving.open_load import length_cv2
from planner.serving.placed import Placed
from planner.serving.situation import ALL_QUEUED, Demand
from planner.serving.steady_state import Service
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]
_POINTS, _ROUNDS = 5, 60
_PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
_NORMAL = {"mean": 0.0, "p50": 0.0, "p90": 1.2816, "p95": 1.6449, "p99": 2.3263}
"""Quantiles of the percentiles that limits are set on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedUnit:
    """One deployment and the classes that share it; arrays over the classes."""

    service: Service
    steps: Array
    prompt_cv2: Array
    """Squared coefficient of variation of each class's prompts."""
    sigma_log: float
    """Width of the prediction of times per output token."""

    def tpot_s(self, rates: Array, name: str) -> Array:
        """Return a percentile, or the mean, of the time per output token of each class [s]."""
        step_s, batch = self._steady(rates)
        decode_s = self._decode_s(rates, batch)
        tokens = between_tokens(
            step_s=np.asarray(step_s),
            decode_s=np.asarray(decode_s),
            load_frac=np.asarray(rates @ self.prompt_s),
            second_s=np.asarray(self._replicas * rates @ (self.prompt_s**2 * (1.0 + self.prompt_cv2))),
            own_s=self._replicas * self.prompt_s,
            steps=self.steps,
        )
        z = _NORMAL[name]
        return tokens.at(z, np.asarray(self._decode_s(rates, batch + z * np.sqrt(batch)) - decode_s))

    def alone_s(self, rates: Array, name: str) -> Array:
        """Return the same of each class at its rate if the others were not there [s]."""
        only = np.eye(len(rates)) * rates
        return np.array([self.tpot_s(row, name)[j] for j, row in enumerate(only)])

    def sized_s(self, rates: Array, name: str) -> Array:
        """Return the same of each class alone as units are sized by it, by the batch alone [s]."""
        state = open_load.at_rate(self.service, rates, prompt_cv2=self.prompt_cv2)
        return state.tpot_s if name == "mean" else state.tpot_at[_PERCENTILES[name]]

    @property
    def prompt_s(self) -> Array:
        """What one prompt of each class adds to steps, as far as decoding waits for it [s]."""
        return np.asarray(self.service.prompt_share * self.service.prompt_s / self._replicas)

    @property
    def _replicas(self) -> Array:
        return self.service.situation.replicas

    def _steady(self, rates: Array) -> tuple[float, float]:
        """Return the mean step time [s] and the sequences that decode."""
        low, high = 0.0, float(self.service.situation.limit.max())
        for _ in range(_ROUNDS):
            batch = 0.5 * (low + high)
            step_s = self._step_s(rates, batch, batch / max(float(rates @ self.steps), 1e-12))
            if batch > float(rates @ self.steps) * step_s:
                high = batch
            else:
                low = batch
        batch = 0.5 * (low + high)
        return batch / float(rates @ self.steps), batch

    def _step_s(self, rates: Array, batch: float, step_s: float) -> float:
        return self._decode_s(rates, batch) + step_s * float(rates @ self.prompt_s)

    def _decode_s(self, rates: Array, batch: float) -> float:
        part = rates * self.steps / float(rates @ self.steps)
        return float(part @ self.service.decode_s(np.full(len(rates), batch)))


def shared_unit(
    deployment: Deployment, classes: Sequence[TrafficClass], *, only_decodes: bool = False
) -> SharedUnit:
    """Return a unit that serves several classes.

    Parameters
    ----------
    only_decodes : bool
        Prompts are read elsewhere and delay no step.

    Raises
    ------
    TonnageError
        If a name of the deployment cannot be resolved.
    """
    file = coefficients.shipped()
    placed: list[Placed] = [placement.place(deployment)] * len(classes)
    output = np.array([each.output_tokens for each in classes])
    demand = Demand(
        prompt=np.array([each.prompt_tokens for each in classes]),
        output=output,
        context=np.zeros(len(classes)),
        users=np.full(len(classes), ALL_QUEUED),
        at_random=True,
    )
    where = situation.situation(placed, demand, points=_POINTS)
    values = placement.values(placed, file)
    if only_decodes:
        values["prefill_share"] = np.zeros_like(values["prefill_share"])
    return SharedUnit(
        service=steady_state.service(where, values),
        steps=np.maximum(output - 1.0, 1.0),
        prompt_cv2=np.array([length_cv2(each.prompt_tokens, each.prompt_tokens_p95) for each in classes]),
        sigma_log=intervals.sigma("tpot", placed[0], file),
    )
