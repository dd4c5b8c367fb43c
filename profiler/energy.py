"""Energy of the CPU packages, as RAPL counts it; where it cannot be read, the reason."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_MICRO = 1e-6


@dataclass(frozen=True, slots=True)
class Domain:
    """One package's counter, which starts anew at `range_j`."""

    counter: Path
    range_j: float | None


class EnergyMeter:
    """Reads what all packages of this host have used.

    Attributes
    ----------
    domains : tuple of Domain
        Whole packages; cores and memory within them are not counted twice.
    why_not : str or None
        Why nothing can be read.

    Notes
    -----
    RAPL: Intel Software Developer's Manual, volume 3B, section 15.10; Linux
    shows it, and AMD's counters like it, as `intel-rapl:N` below powercap.
    """

    def __init__(self, root: Path = POWERCAP) -> None:
        self.domains, self.why_not = _packages(root)
        self._last_j = self._read_j()

    @property
    def source(self) -> str | None:
        """Return what it reads, or None."""
        return f"RAPL, {len(self.domains)} packages" if self.domains else None

    def used_j(self) -> float | None:
        """Return the energy since the last call [J]; None where it cannot be told."""
        earlier, now = self._last_j, self._read_j()
        self._last_j = now
        if not self.domains or earlier is None or now is None:
            return None
        used = 0.0
        for domain, before, after in zip(self.domains, earlier, now, strict=True):
            if after < before and domain.range_j is None:
                return None
            used += after - before + (domain.range_j or 0.0 if after < before else 0.0)
        return used

    def _read_j(self) -> tuple[float, ...] | None:
        try:
            return tuple(int(one.counter.read_text(encoding="ascii")) * _MICRO for one in self.domains)
        except (OSError, ValueError):
            return None


def _packages(root: Path) -> tuple[tuple[Domain, ...], str | None]:
    if not root.is_dir():
        return (), f"{root} is missing: a virtual machine, or a kernel without powercap"
    found, locked = [], None
    for folder in sorted(root.glob("intel-rapl:[0-9]*")):
        # intel-rapl:0 is a package; intel-rapl:0:0 is a part of it.
        if folder.name.count(":") > 1:
            continue
        counter = folder / "energy_uj"
        try:
            int(counter.read_text(encoding="ascii"))
        except PermissionError:
            locked = counter
        except (OSError, ValueError):
            continue
        else:
            found.append(Domain(counter, _range_j(folder)))
    if locked is not None:
        return (), f"{locked} is readable by root only; allow it with chmod a+r"
    return tuple(found), None if found else f"{root} has no package counter"


def _range_j(folder: Path) -> float | None:
    with suppress(OSError, ValueError):
        return int((folder / "max_energy_range_uj").read_text(encoding="ascii")) * _MICRO
    return None
