"""Files that lie, break off or hold nonsense: one clear line each, in bounded time."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.imports.read import read_files
from planner.imports.told import Told
from tonnage.errors import TonnageError

FILES = Path(__file__).parent / "files"
TOLD = Told(device="nvidia-h100-sxm5-80gb", model="llama-3.1-8b", isl=128)
NAMES = sorted(path.name for path in FILES.iterdir() if path.suffix in (".json", ".jsonl", ".csv", ".txt"))


def attempt(path):
    """Read a file; what is wrong with it is one line, whatever it holds."""
    try:
        return read_files([path], TOLD)
    except TonnageError as problem:
        assert "\n" not in str(problem)
        assert len(str(problem)) < 1200
        return None


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "{", "[]", "{}", "null", "[[[", "[" * 100_000, '{"a": 1e999}', "a,b\n1,2\n", "\x00\x01",
        '{"benchmarks": [{"metrics": {"inter_token_latency_ms": 3}}]}', "MLPerf Results Summary\n",
        "layer,tokens,time_us\nqkv_proj,1,-5\n", "layer,tokens,time_us\nqkv_proj,1\n",
        "layer,tokens,time_us\nqkv_proj,99999999999999999999,1\n", "device,model,tp,median_ms\n",
        "layer,tokens,time_us\n" + "x" * 200_000 + ",1,1\n",
    ],
)  # fmt: skip
def test_nonsense_is_refused(tmp_path, text):
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    assert attempt(path) is None


def test_missing_binary_and_folder_are_refused(tmp_path):
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00{")
    for path in (tmp_path / "none.json", tmp_path / "b.json", tmp_path):
        assert attempt(path) is None
    with pytest.raises(TonnageError):
        read_files([tmp_path / "silicon_sample.csv"], TOLD)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_file_cut_off_or_scrambled_never_crashes(tmp_path_factory, name, data):
    text = (FILES / name).read_text()
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 400)))
    middle = data.draw(
        st.sampled_from(["", "-1", "1e400", "null", "NaN", '"', "{", "9" * 30, "é", "\x00", "true"])
    )
    path = tmp_path_factory.mktemp("cut") / name
    path.write_text(text[:start] + middle + text[end:], encoding="utf-8")
    attempt(path)


VALUES = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5), st.just([]), st.just({}),
    st.just([[1]]), st.just({"avg": "x", "unit": 3}), st.just(2**70),
)  # fmt: skip


def places(node, at=()):
    """All paths into a JSON value."""
    yield at
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from places(value, (*at, key))


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".json")])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_value_replaced_by_any_other_never_crashes(tmp_path_factory, name, data):
    whole = json.loads((FILES / name).read_text())
    at = data.draw(st.sampled_from([path for path in places(whole) if path]))
    node = whole
    for key in at[:-1]:
        node = node[key]
    node[at[-1]] = data.draw(VALUES)
    path = tmp_path_factory.mktemp("swap") / name
    path.write_text(json.dumps(whole), encoding="utf-8")
    found = attempt(path)
    if found is not None:
        for run in found.runs:
            assert all(value is None or 0 < value < 1e30 for value in run.measured.model_dump().values())
