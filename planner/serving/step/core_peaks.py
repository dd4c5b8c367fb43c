"""Peak rates of processors of which none are published: cores x width of their vectors x an assumed clock."""

from hw_targets.device import Device

CLOCK_HZ = 3.5e9
"""ASSUMED clock of all cores at work: servers run at 2.5 to 3.5 GHz, desktops at 4 to 5."""
FP32_PER_CYCLE = (("avx512f", 64.0), ("avx2", 32.0), ("sve2", 32.0), ("sve", 32.0), ("asimd", 16.0))
"""Multiply-adds count two: two 512-bit units, two of 256 bits (x86, Neoverse V1), four of 128 bits
(Neoverse V2), two of 128 bits (Neoverse N1); vendors' optimization guides."""
DOUBLE_PUMPED = ("zen 4",)
"""Cores that run 512-bit instructions on 256-bit units (AMD, Software Optimization Guide for Zen 4)."""
NARROWER = {
    "bf16": (("avx512_bf16", 2.0), ("bf16", 2.0)),
    "int8": (("avx512_vnni", 4.0), ("avx_vnni", 4.0), ("i8mm", 4.0)),
}
"""Rates of narrower numbers over that of fp32, by the extension that has them."""


def core_peaks(device: Device) -> dict[str, float]:
    """Return peaks by dtype [flop/s] of one socket; empty where cores or vectors are not known.

    Matrix units (AMX, SME) are left out: few engines use them for language models.

    Examples
    --------
    >>> from hw_targets import catalog
    >>> core_peaks(catalog.get("amd-epyc-9654"))["fp32"] == 96 * 32 * CLOCK_HZ
    True
    """
    has = set(device.isa_features)
    width = next((flop for feature, flop in FP32_PER_CYCLE if feature in has), None)
    if device.cores is None or width is None:
        return {}
    if any(name in (device.architecture or "").lower() for name in DOUBLE_PUMPED):
        width = min(width, 32.0)
    fp32 = device.cores * width * CLOCK_HZ
    found = {"fp32": fp32}
    for dtype, extensions in NARROWER.items():
        ratio = next((factor for feature, factor in extensions if feature in has), None)
        if ratio is not None:
            found[dtype] = ratio * fp32
    return found
