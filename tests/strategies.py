"""Hypothesis strategies for records, read off their own field types and limits."""

import math
import types
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types as limits
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from planner.deployment import Case
from tonnage.evidence import Quantiles
from workloads.scenario import Scenario, TrafficClass
from workloads.tasks import Success

NAMES = st.text("abcdefgh-0123456789. é", min_size=1, max_size=12)


def quantiles() -> st.SearchStrategy[Quantiles]:
    """Three ordered positive numbers."""
    numbers = st.lists(st.floats(1e-9, 1e12), min_size=3, max_size=3).map(sorted)
    return numbers.map(lambda three: Quantiles(p10=three[0], p50=three[1], p90=three[2]))


def _floats(metadata: list[Any]) -> st.SearchStrategy[float]:
    low, high = -1e18, 1e18
    for limit in metadata:
        if isinstance(limit, limits.Gt):
            low = max(low, math.nextafter(float(limit.gt), math.inf))
        elif isinstance(limit, limits.Ge):
            low = max(low, float(limit.ge))
        elif isinstance(limit, limits.Le):
            high = min(high, float(limit.le))
        elif isinstance(limit, limits.Lt):
            high = min(high, math.nextafter(float(limit.lt), -math.inf))
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


def _values(kind: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of(*[_values(one, metadata) for one in inner])
    if origin is tuple:
        least = max([limit.min_length for limit in metadata if isinstance(limit, limits.MinLen)], default=0)
        return st.lists(_values(inner[0], []), min_size=least, max_size=max(2, least)).map(tuple)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is dict:
        return st.dictionaries(_values(inner[0], []), _values(inner[1], []), max_size=2)
    if kind is type(None):
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is float:
        return _floats(metadata)
    if kind is int:
        return _floats(metadata).map(math.ceil) if metadata else st.integers(-(2**53), 2**53)
    if kind is str:
        return NAMES
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return records(kind)
    raise TypeError(f"no strategy for {kind}")


def _field(name: str, field: FieldInfo, model: type[BaseModel]) -> st.SearchStrategy[Any]:
    if model is Success and name in ("all_of", "any_of"):
        return st.floats(0, 1).map(lambda share: {1: share})
    if model is Case and name == "length_spread":
        return st.sampled_from(["fixed", "uniform-0.8-1.0"])
    return _values(field.annotation, list(field.metadata))


def records(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Any record of a class: every field drawn within its own limits."""
    if model is Quantiles:
        return quantiles()
    fields = {
        name: _field(name, field, model)
        for name, field in model.model_fields.items()
        if name not in ("format", "version") or not hasattr(model, "FORMAT")
    }
    built = st.fixed_dictionaries(fields)
    if model is Scenario:
        classes = st.lists(records(TrafficClass), min_size=1, max_size=2, unique_by=lambda one: one.name)
        built = st.tuples(built, classes).map(lambda pair: {**pair[0], "classes": tuple(pair[1])})
    if model is Case:
        built = built.map(_with_one_spread)
    return built.map(lambda values: model(**values))


def _with_one_spread(case: dict[str, Any]) -> dict[str, Any]:
    """Lengths are drawn from a range or have a 95th percentile, never both."""
    return case if case["isl_p95"] is None else {**case, "length_spread": "fixed"}
