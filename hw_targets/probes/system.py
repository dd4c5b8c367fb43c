"""The host as a whole: name, maker, virtual machine, container, cloud instance, by the marks they leave."""

import platform
import re

from hw_targets.facts import Facts, SystemFacts
from hw_targets.host import TABLE_BYTES, Host

DMI = "/sys/class/dmi/id"
HYPERVISORS = {
    "QEMU": "KVM", "KVM": "KVM", "Amazon EC2": "Amazon EC2", "Google": "Google Compute Engine",
    "Microsoft Corporation": "Hyper-V", "VMware, Inc.": "VMware", "Xen": "Xen", "innotek GmbH": "VirtualBox",
    "Parallels": "Parallels", "OpenStack Foundation": "OpenStack", "Red Hat": "KVM",
    "DigitalOcean": "DigitalOcean", "Alibaba Cloud": "Alibaba Cloud",
    "Nebius": "Nebius", "Apple Inc.": "Apple",
}  # fmt: skip
"""DMI system makers of virtual machines, as systemd's detect-virt knows them."""
ALSO_REAL = frozenset({"Microsoft Corporation", "Google", "Apple Inc.", "Red Hat", "Nebius"})
"""Makers that build computers as well: their name alone proves nothing."""
VIRTUAL_PRODUCTS = ("virtual machine", "kvm", "compute engine", "vmware", "hvm domu", "virtualization")
RUNTIMES = (
    ("kubepods", "kubernetes"), ("docker", "docker"), ("libpod", "podman"), ("crio", "cri-o"),
    ("containerd", "containerd"), ("lxc", "lxc"), ("machine.slice", "systemd-nspawn"),
)  # fmt: skip
_EC2_TYPE = re.compile(r"[a-z0-9-]+\.(?:metal(?:-\d+xl)?|\d*x?large|medium|small|micro|nano)")


def probe(host: Host) -> Facts:
    """Read the marks of host, virtual machine, container and cloud."""
    maker = host.line(f"{DMI}/sys_vendor")
    product = host.line(f"{DMI}/product_name") or host.line("/proc/device-tree/model")
    hypervisor = _hypervisor(host, maker, product)
    runtime = _container(host)
    instance = product if maker == "Amazon EC2" and _EC2_TYPE.fullmatch(product or "") else None
    return Facts(
        system=SystemFacts(
            hostname=platform.node() or None if host.live else _captured_name(host),
            os=_os(host),
            maker=maker,
            product=product,
            virtualized=hypervisor is not None,
            hypervisor=hypervisor,
            container=runtime is not None,
            container_runtime=runtime,
            cloud_instance=f"AWS/{instance}" if instance else None,
        )
    )


def _captured_name(host: Host) -> str | None:
    return host.line("/proc/sys/kernel/hostname") or host.line("/etc/hostname")


def _os(host: Host) -> str | None:
    release = host.text("/etc/os-release") or host.text("/usr/lib/os-release") or ""
    pretty = re.search(r'^PRETTY_NAME="?([^"\n]+)', release, re.MULTILINE)
    kernel = host.line("/proc/sys/kernel/osrelease")
    words = [pretty[1] if pretty else None, f"Linux {kernel}" if kernel else None]
    told = ", ".join(word for word in words if word)
    return told or (platform.platform() if host.live else None)


def _hypervisor(host: Host, maker: str | None, product: str | None) -> str | None:
    """Return the hypervisor below a virtual machine, or None on bare metal."""
    info = host.text("/proc/cpuinfo", max_bytes=2**14) or ""
    flagged = re.search(r"^flags\s*:.*\bhypervisor\b", info, re.MULTILINE) is not None
    if (host.line("/proc/sys/kernel/osrelease") or "").lower().endswith("microsoft-standard-wsl2"):
        return "WSL2"
    xen = host.line("/sys/hypervisor/type")
    if xen == "xen" and (flagged or "flags" not in info):
        return "Xen"
    known = HYPERVISORS.get(maker or "")
    if maker == "Amazon EC2" and ".metal" in (product or ""):
        return None
    named = any(word in (product or "").lower() for word in VIRTUAL_PRODUCTS)
    if known and (named or flagged or maker not in ALSO_REAL):
        return known
    return "unknown hypervisor" if flagged else None


def _container(host: Host) -> str | None:
    """Return the container runtime around this process, or None."""
    if host.exists("/.dockerenv"):
        return "docker"
    if host.exists("/run/.containerenv"):
        return "podman"
    if host.exists("/var/run/secrets/kubernetes.io") or host.exists("/run/secrets/kubernetes.io"):
        return "kubernetes"
    groups = host.text("/proc/self/cgroup", max_bytes=2**16) or ""
    mounts = host.text("/proc/self/mountinfo", max_bytes=TABLE_BYTES) or ""
    for mark, runtime in RUNTIMES[:-1]:
        if re.search(rf"[/:.-]{mark}[/.-]", groups + "\n"):
            return runtime
    root = re.search(r"^\d+ \d+ \S+ \S+ / .* - overlay ", mounts, re.MULTILINE)
    return "unknown runtime" if root else None
