"""Who builds accelerators: the vendors of makers.toml, read one at a time as they are met."""

from functools import cache
from pathlib import Path

from pydantic import Field

from tonnage.blocks import Blocks
from tonnage.files import Record

TABLE = Path(__file__).with_suffix(".toml")


class Maker(Record):
    """One vendor's accelerators on the PCI bus; see the head of makers.toml for the keys."""

    name: str
    kind: str
    drivers: tuple[str, ...]
    nodes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    products: dict[str, str] = Field(default_factory=dict)
    product_kinds: dict[str, str] = Field(default_factory=dict)

    def builds(self, device: str, class_code: str) -> bool:
        """Tell whether a PCI function of this vendor is an accelerator."""
        return device in self.products or any(class_code.startswith(prefix) for prefix in self.classes)


@cache
def _table() -> Blocks:
    return Blocks.read(TABLE)


@cache
def maker(vendor: str) -> Maker | None:
    """Return the maker behind a PCI vendor id such as `10de`, or None."""
    table = _table()
    return Maker.parse(table[vendor], where=f"{TABLE.name} [{vendor}]") if vendor in table else None
