"""Traffic as the simulator takes it: a seed in, a feed of requests out.

All are values, so that other processes can take them.
"""

from dataclasses import dataclass

from planner.simulate.instance import Engine
from planner.simulate.run import Feed, feed
from planner.simulate.step_law import StepLaw
from workloads.arrivals import draw_sessions
from workloads.mixture import draw_mixture
from workloads.requests import Requests
from workloads.scenario import TrafficClass
from workloads.trace_scale import SCALINGS
from workloads.traffic import Arrivals, Length, Traffic


@dataclass(frozen=True, slots=True)
class Drawn:
    """Requests drawn from descriptions of traffic, one per class.

    Attributes
    ----------
    requests : int
        That count. Some come after them, so that the load stays up until the last of them has ended.
    ramp_s : float
        Time over which the users of a closed loop begin. [s]
    """

    kinds: tuple[Traffic, ...]
    requests: int
    ramp_s: float = 0.0

    def __call__(self, seed: int) -> Feed:
        """Return the feed of a seed."""
        first = self.kinds[0]
        if first.sessions is not None:
            conversations = max(round(self.requests / first.sessions.turns_mean), 1)
            return feed(draw_sessions(first, conversations, seed=seed))
        more = max(first.users, self.requests // 50) if first.arrivals.process != "at-once" else 0
        groups = sum(kind.shared_prefix_tokens > 0 for kind in self.kinds)
        return Feed(
            chunks=draw_mixture(self.kinds, self.requests + more, seed=seed),
            rows=self.requests,
            users=first.users,
            think_s=first.think_s,
            ramp_s=self.ramp_s,
            classes=len(self.kinds),
            groups=groups,
        )


@dataclass(frozen=True, slots=True)
class Replayed:
    """Logged requests: the same for every seed unless they are resampled to another rate."""

    log: Requests
    requests_per_s: float | None = None
    scaling: str = "resample"

    def __call__(self, seed: int) -> Feed:
        """Return the feed of a seed."""
        if self.requests_per_s is None:
            return feed(self.log)
        return feed(SCALINGS[self.scaling](self.log, self.requests_per_s, seed=seed))


def traffic_of(each: TrafficClass, requests_per_s: float) -> Traffic:
    """Return Poisson arrivals of a traffic class with its lengths, at a rate of one's own."""
    return Traffic(
        name=each.name,
        arrivals=Arrivals(requests_per_s=requests_per_s),
        prompt=Length.from_percentile(each.prompt_tokens, each.prompt_tokens_p95),
        output=Length.from_percentile(each.output_tokens, each.output_tokens_p95),
    )


def cycle_s(law: StepLaw, engine: Engine, *, users: int, prompt: float, output: float) -> float:
    """Estimate the time from one request of a user of a closed loop to the next [s]."""
    users = min(users, engine.max_sequences)
    cached = users * (prompt + output / 2)
    step_s = float(law.step_s(tokens=users, sequences=users, cached=cached))
    prompt_s = float(law.step_s(tokens=prompt, pairs=prompt**2 / 2)) - float(law.token_s[0])
    return output * step_s + users * prompt_s
