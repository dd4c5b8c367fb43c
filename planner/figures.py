"""Figures that somebody measured of a deployment under a load."""

from pydantic import Field

from tonnage.files import Record

METRICS = ("ttft_s", "tpot_s", "output_tokens_per_s", "requests_per_s")


class Figures(Record):
    """Means over the requests of one run; None is not measured.

    Attributes
    ----------
    ttft_s, tpot_s : float or None
        Time to first token, and (end - first token) / (output tokens - 1). [s]
    output_tokens_per_s, requests_per_s : float or None
        Of the whole deployment.
    power_w : float or None
        Mean draw of all its devices together. [W]
    """

    ttft_s: float | None = Field(default=None, gt=0)
    tpot_s: float | None = Field(default=None, gt=0)
    output_tokens_per_s: float | None = Field(default=None, gt=0)
    requests_per_s: float | None = Field(default=None, gt=0)
    power_w: float | None = Field(default=None, gt=0)

    @property
    def is_empty(self) -> bool:
        """Nothing was measured that a prediction answers."""
        return all(getattr(self, name) is None for name in METRICS)


class Anchor(Figures):
    """A run of the case's own deployment; None where its load is the case's own."""

    isl: float | None = Field(default=None, ge=1, le=1e9)
    osl: float | None = Field(default=None, ge=1, le=1e9)
    context: float | None = Field(default=None, ge=0, le=1e9)
    concurrency: int | None = Field(default=None, ge=1, le=10**9)
