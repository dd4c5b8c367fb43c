"""Devices and rentable hosts as data: every figure with its source, the unknown left out.

devices/*.toml    devices by vendor          instances/*.toml  rentable hosts by provider
sources.toml      where figures were read
declared          one block of a file -> one record, in SI units
shelf             the files, and the user's own over them
resolve           free text -> one device
check             what is wrong with a file, by line and key
"""

from hw_targets.catalog.resolve import resolve
from hw_targets.catalog.shelf import (
    Source,
    by_pci,
    get,
    instances,
    matching,
    names,
    source,
    user_folders,
    why_not,
)

__all__ = [
    "Source",
    "by_pci",
    "get",
    "instances",
    "matching",
    "names",
    "resolve",
    "source",
    "user_folders",
    "why_not",
]
