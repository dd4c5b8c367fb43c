"""Dotted settings on top of a scenario's TOML data: how flags beat the file."""

import copy
from collections.abc import Mapping
from typing import Any

from tonnage.errors import InvalidInput


def with_settings(data: Mapping[str, Any], settings: Mapping[str, object]) -> dict[str, Any]:
    """Return TOML data with dotted settings put in their places.

    A limit or floor that is set here also beats the classes' own.
    """
    merged: dict[str, Any] = copy.deepcopy(dict(data))
    for key, value in settings.items():
        *path, last = key.split(".")
        if path and path[0] in ("slo", "quality"):
            for own in _classes(merged):
                own.get(path[0], {}).pop(last, None)
        _table_at(merged, path, key)[last] = value
    return merged


def _classes(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    traffic = data.get("traffic")
    listed = traffic.get("class", []) if isinstance(traffic, dict) else []
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _table_at(data: dict[str, Any], path: list[str], key: str) -> dict[str, Any]:
    classes = _classes(data)
    if path == ["traffic"] and classes:
        if len(classes) > 1:
            names = ", ".join(str(item.get("name")) for item in classes)
            raise InvalidInput(
                f"{key} is set, but the scenario has several classes ({names}); name one: "
                f"traffic.class.NAME.{key.split('.')[-1]}"
            )
        return classes[0]
    if path[:2] == ["traffic", "class"] and len(path) > 2:
        for item in classes:
            if item.get("name") == path[2]:
                return _descend(item, path[3:], key)
        raise InvalidInput(f"{key}: no traffic class is named '{path[2]}'")
    return _descend(data, path, key)


def _descend(data: dict[str, Any], path: list[str], key: str) -> dict[str, Any]:
    for part in path:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            raise InvalidInput(f"{key}: '{part}' is no table")
    return data
