"""NVIDIA devices as the kernel driver shows them in /proc, and Jetson modules by their device tree."""

import re

from hw_targets.facts import Facts, Sighting
from hw_targets.host import Host, whole
from hw_targets.probes.pci import ADDRESS

DRIVER = "/proc/driver/nvidia"
TEGRA = "tegra"
"""Where the GPU of a Jetson module is: on no bus."""
VGPU = re.compile(r"(?P<card>.+)-(?:\d+-)?(?P<gib>\d{1,3})(?P<series>[ABCQ])\Z")
"""A vGPU names its frame buffer in GB and its licence series: "NVIDIA L40S-24Q"
(NVIDIA vGPU documentation, "Virtual GPU Types")."""
_FIELD = re.compile(r"^([^:\n]+):[ \t]*(.*)$", re.MULTILINE)


def probe(host: Host) -> Facts:
    """Read /proc/driver/nvidia; MIG instances by the capabilities the driver lists."""
    found: list[Sighting] = []
    for address in host.names(f"{DRIVER}/gpus"):
        if ADDRESS.fullmatch(address.lower()):
            found += _gpu(host, address)
    return Facts(devices=(*found, *_jetson(host)))


def driver_version(host: Host) -> str | None:
    """Return the version of the loaded driver."""
    text = host.line(f"{DRIVER}/version") or ""
    version = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)?)\b", text)
    return version[1] if version else host.line("/sys/module/nvidia/version")


def slice_of_name(name: str | None) -> tuple[str | None, int | None]:
    """Return slice and memory [bytes] of a vGPU by its name, or nothing for a whole device."""
    found = VGPU.fullmatch(name or "")
    if not found:
        return None, None
    return f"vGPU {found['gib']}{found['series']}", int(found["gib"]) * 2**30


def _gpu(host: Host, address: str) -> list[Sighting]:
    text = host.text(f"{DRIVER}/gpus/{address}/information") or ""
    told = {key.strip(): value.strip() for key, value in _FIELD.findall(text)}
    minor = whole(told.get("Device Minor"))
    name = told.get("Model") or None
    part_of_card, memory_bytes = slice_of_name(name)
    whole_gpu = Sighting(
        place=address.lower(),
        part=0 if part_of_card else None,
        slice=part_of_card,
        name=name,
        vendor="NVIDIA",
        kind="gpu",
        pci_address=address.lower(),
        driver="nvidia",
        memory_bytes=memory_bytes,
        uuid=told.get("GPU UUID") or None,
        refusal=_refusal(host, told, minor),
    )
    return [whole_gpu, *_mig(host, address.lower(), minor)]


def _refusal(host: Host, told: dict[str, str], minor: int | None) -> str | None:
    if told.get("GPU Excluded", "").lower() == "yes":
        return "the driver excludes it (NVreg_ExcludedGpus)"
    if minor is None or not host.names("/dev"):
        return None
    node = f"/dev/nvidia{minor}"
    if not host.exists(node):
        return f"no device node {node}: not passed into this container, or not made yet"
    if host.may_open(node) is False:
        return f"{node} may not be opened by this user"
    return None


def _mig(host: Host, address: str, minor: int | None) -> list[Sighting]:
    """Return one sighting for each compute instance: the unit that CUDA sees."""
    if minor is None:
        return []
    base = f"{DRIVER}/capabilities/gpu{minor}/mig"
    found = [
        f"{gpu_instance}/{compute}"
        for gpu_instance in host.names(base)
        if re.fullmatch(r"gi\d{1,4}", gpu_instance)
        for compute in host.names(f"{base}/{gpu_instance}")
        if re.fullmatch(r"ci\d{1,4}", compute)
    ]
    return [
        Sighting(place=address, part=part, slice=f"MIG {name}", driver="nvidia")
        for part, name in enumerate(found)
    ]


def _jetson(host: Host) -> list[Sighting]:
    """Return the integrated GPU of a Jetson module, which no PCI bus shows."""
    model = host.line("/proc/device-tree/model") or ""
    compatible = host.text("/proc/device-tree/compatible") or ""
    if "nvidia,tegra" not in compatible:
        return []
    node = next((one for one in ("/dev/nvhost-gpu", "/dev/nvgpu/igpu0/power") if host.exists(one)), None)
    return [
        Sighting(
            place=TEGRA,
            name=model.replace("Developer Kit", "").strip() or "NVIDIA Tegra",
            vendor="NVIDIA",
            kind="apu",
            driver="nvgpu",
            shares_host_memory=True,
            refusal=None if node or not host.names("/dev") else "no device node of the integrated GPU",
        )
    ]
