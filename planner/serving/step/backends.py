"""Which compute API an engine goes through, and what a system on a chip is to its processor cores."""

from dataclasses import replace
from functools import lru_cache

from planner.serving.step.peaks import BALANCE_FLOP_PER_BYTE
from planner.serving.step.target import Target, target
from tonnage.errors import UnknownName
from tonnage.evidence import Evidence, weakest

NATIVE = {"nvidia": "cuda", "apple": "metal"}
"""API of a vendor's devices where there is one that everybody takes."""
MANY = frozenset({"llama.cpp", "ik_llama.cpp", "mlc-llm"})
"""Engines that reach the devices of a vendor in several ways; the others have one each."""
UNSTATED = "unstated"
CORES = "cpu"
ALIASES = {
    "hip": "rocm",
    "mtl": "metal",
    "hipblas": "rocm",
    "cublas": "cuda",
    "blas": CORES,
    "oneapi": "sycl",
}
KNOWN = ("cuda", "metal", "vulkan", "rocm", "sycl", "opencl", CORES)
CORES_SHARE = 0.25
"""ASSUMED share of the memory bandwidth of a system on a chip that its processor cores draw: 0.15 to
0.42 of it by published runs of llama.cpp on Apple M2 Max and Ultra, Jetson AGX Orin and Ryzen AI Max."""


def check_known(name: str) -> None:
    """Refuse an API that no engine goes through.

    Raises
    ------
    UnknownName
        Listing the near names.
    """
    if _plain(name) not in KNOWN:
        raise UnknownName("backend", name, (*KNOWN, *ALIASES))


def strangers(stated: str | None) -> tuple[str, ...]:
    """Return a note on an API that nobody knows: it is timed as one of which nothing was measured."""
    if stated is None or not stated.strip() or _plain(stated) in KNOWN:
        return ()
    return (f"backend '{stated}' is none of {', '.join(KNOWN)}: nothing is known of it",)


def _plain(stated: str) -> str:
    """Spell an API without versions, drivers and further ones."""
    words = stated.strip().lower().replace("+", ",").replace(" ", ",").split(",")
    return ALIASES.get(words[0], words[0])


def backend(stated: str | None, *, engine: str, on: Target) -> str:
    """Return the compute API, `unstated` where an engine has several and none is named.

    Examples
    --------
    >>> from planner.serving.step.target import target
    >>> backend("Vulkan", engine="llama.cpp", on=target("amd-rx-7900-xtx"))
    'vulkan'
    >>> backend(None, engine="llama.cpp", on=target("apple-m2-max"))
    'metal'
    """
    if stated is not None and stated.strip():
        return _plain(stated)
    if on.kind == "cpu":
        return CORES
    if on.vendor in NATIVE:
        return NATIVE[on.vendor]
    return UNSTATED if engine in MANY else on.vendor


@lru_cache(maxsize=512)
def cores(device: str) -> Target:
    """Return a system on a chip as its processor cores alone see it; processors and profiles as they are."""
    return on_cores(target(device))


def on_cores(device: Target) -> Target:
    """Return what is left of a target without its accelerator.

    A card has no processor cores. Those of its host would do the work, of which nothing is known: it
    stays what it is, and says so.
    """
    if device.kind == "cpu" or device.is_measured:
        return device
    if device.kind != "apu":
        note = f"backend '{CORES}' on {device.name}, which has no processor cores: its own API assumed"
        return replace(device, notes=(*device.notes, note))
    bandwidth = CORES_SHARE * device.bandwidth_bytes_per_s
    note = (
        f"on the processor cores of {device.name}: {CORES_SHARE:.0%} of its memory bandwidth and "
        f"{BALANCE_FLOP_PER_BYTE['cpu']:g} flop per byte of it assumed"
    )
    return replace(
        device,
        kind="cpu",
        memory_class="ddr",
        bandwidth_bytes_per_s=bandwidth,
        peak={"fp32": BALANCE_FLOP_PER_BYTE["cpu"] * bandwidth},
        generation="-",
        strain=0.0,
        evidence=weakest([device.evidence, Evidence.ASSUMED]),
        notes=(*device.notes, note),
    )
