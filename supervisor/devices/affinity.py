"""Which CPUs a worker should use: those near its GPU. Reads sysfs; sets nothing.

Memory is then taken near the GPU too (first touch), and the stubs of Python models inherit both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from ..options.spec import Device

_PCI = Path("/sys/bus/pci/devices")


def choose(
    mode: str, devices: Sequence[Device], slot: int, allowed: Collection[int], sysfs: Path = _PCI
) -> list[int]:
    """CPUs of the worker in `slot`; empty: all that are allowed.

    "auto": the GPU's own node, if it is known and leaves any of the allowed CPUs. "split": as well,
    and workers without a GPU share the allowed CPUs evenly, which keeps one from starving another
    but also from borrowing what is idle. "none": never.
    """
    if mode == "none":
        return []
    device = devices[slot]
    if device.pci:
        near = sorted(local_cpus(device.pci, sysfs) & set(allowed))
        return near if len(near) < len(allowed) else []
    if mode == "split":
        peers = [index for index, each in enumerate(devices) if not each.pci]
        return share(sorted(allowed), peers.index(slot), len(peers))
    return []


def local_cpus(pci: str, sysfs: Path = _PCI) -> set[int]:
    """CPUs near a PCI device; empty if the system does not say."""
    try:
        return parse_cpus((sysfs / sysfs_name(pci) / "local_cpulist").read_text())
    except (OSError, ValueError):
        return set()


def numa_node(pci: str, sysfs: Path = _PCI) -> int | None:
    """The NUMA node of a PCI device; None on machines with one node, or where it is not known."""
    try:
        node = int((sysfs / sysfs_name(pci) / "numa_node").read_text())
    except (OSError, ValueError):
        return None
    return node if node >= 0 else None


def sysfs_name(pci: str) -> str:
    """NVML writes the PCI domain with eight digits, the kernel with four: "0000:3b:00.0"."""
    domain, _, rest = pci.lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def parse_cpus(text: str) -> set[int]:
    """ "0-3,8" as numbers. ValueError if it is none."""
    found: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    return found


def share(cpus: Sequence[int], index: int, count: int) -> list[int]:
    """The `index`-th of `count` shares of nearly equal size; everything if there are too few."""
    if len(cpus) < count:
        return []
    return list(cpus[index * len(cpus) // count : (index + 1) * len(cpus) // count])
