"""Laws of the error tree's messages."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_targets import catalog
from tonnage import errors
from workloads import formats, models

KINDS = [
    kind for kind in (getattr(errors, name) for name in errors.__all__) if kind is not errors.UnknownName
]


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text())
def test_a_message_is_one_printable_line_and_keeps_its_printable_text(
    kind: type[errors.TonnageError], text: str
) -> None:
    said = str(kind(text))
    assert said.isprintable()
    if text.isprintable():
        assert said == text


def test_a_name_with_a_line_break_does_not_break_the_line() -> None:
    assert str(errors.UnknownName("model", "a\nb")) == "unknown model 'a\\nb'"


def test_a_name_of_any_length_makes_a_message_that_fits_a_line_or_two() -> None:
    told = str(errors.UnknownName("device", "a" * 100_000, ["nvidia-l4"]))
    assert len(told) < 200 and "aaa...'" in told


@given(known=st.sets(st.text("abc-", min_size=3, max_size=12), min_size=1), data=st.data())
def test_a_part_of_a_name_finds_names_that_hold_it_first(known: set[str], data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(sorted(known)))
    near = errors.near_names(whole[:3], known)
    holding = [name for name in known if whole[:3] in name]
    assert set(near[: len(holding)]) <= set(holding) and len(near) <= 4
    assert len(near) >= min(len(holding), 4)


@pytest.mark.parametrize(
    ("read", "command"),
    [
        (catalog.get, "tonnage catalog devices"),
        (models.get, "tonnage catalog models"),
        (formats.get, "tonnage catalog formats"),
    ],
)
def test_a_name_that_is_like_none_says_where_the_names_are(
    read: Callable[[str], object], command: str
) -> None:
    with pytest.raises(errors.UnknownName, match=command):
        read("?!?!?!?!")
