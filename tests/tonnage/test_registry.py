"""A registry answers names, get and why_not; duplicates and unknown names are errors."""

import pytest

from tonnage.errors import InvalidInput, UnknownName
from tonnage.registry import Registry


@pytest.fixture
def fruit() -> Registry[int]:
    registry: Registry[int] = Registry("fruit", refusal=lambda price: "too dear" if price > 5 else None)
    registry.add("apple", 1)
    registry.add("mango", 9)
    return registry


def test_names_keep_their_order(fruit: Registry[int]) -> None:
    assert fruit.names() == ("apple", "mango")
    assert dict(fruit) == {"apple": 1, "mango": 9}


def test_a_duplicate_is_an_error(fruit: Registry[int]) -> None:
    with pytest.raises(InvalidInput, match="fruit 'apple' is registered twice"):
        fruit.add("apple", 2)


def test_an_unknown_name_lists_the_near_ones(fruit: Registry[int]) -> None:
    with pytest.raises(UnknownName, match="unknown fruit 'aple'; near names: apple"):
        fruit.get("aple")


def test_why_not_never_raises(fruit: Registry[int]) -> None:
    assert fruit.why_not("apple") is None
    assert fruit.why_not("mango") == "too dear"
    assert "unknown fruit" in str(fruit.why_not("stone"))
