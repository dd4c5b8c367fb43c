"""A record that is written and read back is the same record, and a file of the future is refused."""

import dataclasses
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw_targets.device import Device
from hw_targets.machine import Machine
from planner.deployment import Case, Deployment
from planner.fleet.records.plan_record import Plan
from planner.imports.measured import Measured
from planner.laws.cost_model import CostModel
from planner.prediction import Prediction
from profiler.profile import Measurement, Profile
from tests.strategies import records
from tonnage.errors import FormatError
from tonnage.files import FileRecord, Record, read_record, upgraded, write_record
from workloads.architecture import Architecture
from workloads.ops import Op, OpKind
from workloads.scenario import Scenario

CROSSING = (
    Device, Machine, Measurement, Profile, CostModel, Deployment, Case, Prediction, Scenario, Plan,
    Measured,
)  # fmt: skip
FILES = tuple(record for record in CROSSING if issubclass(record, FileRecord))


@pytest.mark.parametrize("record", CROSSING, ids=lambda record: record.__name__)
@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_json_round_trip_changes_nothing(record: type[Record], data: st.DataObject) -> None:
    one = data.draw(records(record))
    assert record.parse(json.loads(one.to_json()), where="round trip") == one


@pytest.mark.parametrize("record", FILES, ids=lambda record: record.__name__)
@settings(max_examples=5, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_file_round_trip_changes_nothing(
    tmp_path_factory, record: type[FileRecord], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("record") / "one.json"
    one = data.draw(records(record))
    write_record(path, one)
    assert read_record(path, record) == one


@pytest.mark.parametrize("record", FILES, ids=lambda record: record.__name__)
def test_a_newer_version_and_another_format_are_refused(record: type[FileRecord]) -> None:
    with pytest.raises(FormatError, match="newer than this Tonnage reads"):
        upgraded({"format": record.FORMAT, "version": record.VERSION + 1}, record, where="x.json")
    with pytest.raises(FormatError, match=f"expected a {record.FORMAT} file"):
        upgraded({"format": "something.else", "version": 1}, record, where="x.json")


@given(amounts=st.lists(st.floats(0, 1e18), min_size=5, max_size=5), kind=st.sampled_from(OpKind))
def test_op_round_trip_changes_nothing(amounts: list[float], kind: OpKind) -> None:
    flop, weights, activations, cache, message = amounts
    one = Op(
        kind=kind, name="x", flop=flop, weight_bytes=weights, activation_bytes=activations,
        cache_bytes=cache, message_bytes=message,
    )  # fmt: skip
    assert Op(**json.loads(json.dumps(dataclasses.asdict(one)))) == one
    assert math.isclose(float(one.bytes), weights + activations + cache)


def test_architecture_round_trip_changes_nothing() -> None:
    from workloads import models

    for name in models.names():
        one = models.get(name)
        assert Architecture.parse(json.loads(one.to_json()), where=name) == one
