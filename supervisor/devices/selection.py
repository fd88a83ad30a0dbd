"""Which devices to use: `--devices` and CUDA_VISIBLE_DEVICES against what the machine has. Pure.

Workers are pinned by UUID: NVML and CUDA may number the same GPUs differently, and either may
change at a boot. The user's own CUDA_VISIBLE_DEVICES limits us as it would limit a CUDA program:
entries are indices or prefixes of UUIDs, the list ends at the first invalid entry, and an empty
value means no GPU. A GPU in MIG mode is replaced by its instances; a CUDA process can use one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..options.spec import Device

#: A worker is a process with a whole Triton core; more than this is a typing error.
MAX_CPU_WORKERS = 64

_CPU = re.compile(r"cpu(?::(\d+))?")


class DeviceError(Exception):
    """No device matches."""


@dataclass(frozen=True)
class Mig:
    """One MIG instance: its UUID, and the (GPU instance, compute instance) ids."""

    uuid: str
    gi: int
    ci: int
    name: str = ""


@dataclass(frozen=True)
class Gpu:
    """One physical GPU as NVML reports it. `index` is NVML's, which is PCI bus order."""

    index: int
    uuid: str
    name: str = ""
    pci: str = ""
    mig_enabled: bool = False
    migs: tuple[Mig, ...] = ()


@dataclass(frozen=True)
class Selection:
    """Chosen devices, in slot order, and what the user should know about the choice."""

    devices: tuple[Device, ...]
    notices: tuple[str, ...] = ()
    spares: tuple[Device, ...] = ()  # that no worker starts on


def select(
    wanted: str,
    gpus: Sequence[Gpu],
    problem: str,
    visible: str | None,
    order: str | None,
    spares: str = "",
) -> Selection:
    """Choose devices.

    `wanted`: "auto", "all", "cpu:N", or a comma-separated list of indices (into the visible
    devices, as CUDA counts them) and UUIDs or prefixes. `gpus`: from NVML; `problem` says why that
    list is empty. `visible` and `order`: CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER, None if unset.
    `spares`: a list of devices that no worker starts on, which "auto" and "all" leave out.
    Raises DeviceError, naming the entry.
    """
    wanted, spares = wanted.strip(), spares.strip()
    if match := _CPU.fullmatch(wanted):
        if spares:
            raise DeviceError(f"--spare-devices {spares}: the workers of {wanted} use no GPU")
        return Selection(_cpus(match.group(1)))
    everything = [device for gpu in gpus for device in _expand(gpu)]
    seen = everything if visible is None else _visible(visible, gpus)
    notices = _order_notices(gpus, visible, order)
    why = _why_none(gpus, problem, visible)
    idle = _listed("--spare-devices", spares, seen, gpus, why) if spares else ()
    if wanted not in ("auto", "all"):
        chosen = _listed("--devices", wanted, seen, gpus, why)
        if both := [device.label for device in idle if device in chosen]:
            raise DeviceError(f"--spare-devices {spares}: {both[0]} is in --devices {wanted}")
        return Selection(chosen, notices, idle)
    left = tuple(device for device in seen if device not in idle)
    if left:
        return Selection(left, notices, idle)
    if idle:
        raise DeviceError(f"--spare-devices {spares}: no GPU is left for a worker")
    if wanted == "all":
        raise DeviceError(f"--devices all: {why}")
    return Selection(_cpus("1"), (f"{why}; running one CPU worker",))


def needs_gpus(wanted: str) -> bool:
    """False if the answer does not depend on NVML (which may hang on a sick driver)."""
    return _CPU.fullmatch(wanted.strip()) is None


def _cpus(count: str | None) -> tuple[Device, ...]:
    number = int(count or "1")
    if not 1 <= number <= MAX_CPU_WORKERS:
        raise DeviceError(f"--devices cpu:{number}: the count is not in 1..{MAX_CPU_WORKERS}")
    return tuple(Device("cpu", index) for index in range(number))


def _expand(gpu: Gpu) -> list[Device]:
    if gpu.mig_enabled:
        return [Device("mig", gpu.index, mig.uuid, mig.name, gpu.pci) for mig in gpu.migs]
    return [Device("gpu", gpu.index, gpu.uuid, gpu.name, gpu.pci)]


def _visible(value: str, gpus: Sequence[Gpu]) -> list[Device]:
    """The devices that CUDA_VISIBLE_DEVICES leaves, in its order."""
    found: list[Device] = []
    for entry in value.split(","):
        matches = _match(entry.strip(), gpus)
        if not matches or any(device in found for device in matches):
            break  # CUDA ignores everything from the first invalid entry on
        found.extend(matches)
    return found


def _match(entry: str, gpus: Sequence[Gpu]) -> list[Device]:
    """Devices that one entry of CUDA_VISIBLE_DEVICES names; empty if it is invalid."""
    if entry.isdigit():
        return [device for gpu in gpus if gpu.index == int(entry) for device in _expand(gpu)]
    if not entry.startswith(("GPU-", "MIG-")) or len(entry) == 4:
        return []
    found = _named(entry, gpus)
    if not found and entry.startswith("GPU-"):  # the parent of MIG instances
        parents = [gpu for gpu in gpus if gpu.uuid.startswith(entry)]
        return _expand(parents[0]) if len(parents) == 1 else []
    return found if len(found) == 1 else []


def _by_place(entry: str, gpus: Sequence[Gpu]) -> list[Device]:
    """MIG instances by "MIG-<UUID of the GPU>/<GPU instance>/<compute instance>": the spelling of
    drivers before 470, which later ones still read.
    """
    parent, gi, ci = entry.removeprefix("MIG-").split("/")
    return [
        Device("mig", gpu.index, mig.uuid, mig.name, gpu.pci)
        for gpu in gpus
        if gpu.uuid.startswith(parent)
        for mig in gpu.migs
        if (str(mig.gi), str(mig.ci)) == (gi, ci)
    ]


def _by_uuid(prefix: str, devices: Sequence[Device]) -> list[Device]:
    exact = [device for device in devices if device.uuid == prefix]
    return exact or [device for device in devices if device.uuid.startswith(prefix)]


def _listed(
    flag: str, wanted: str, seen: Sequence[Device], gpus: Sequence[Gpu], why: str
) -> tuple[Device, ...]:
    where, chosen = f"{flag} {wanted}", []
    for entry in (part.strip() for part in wanted.split(",")):
        device = _listed_one(entry, where, seen, gpus, why)
        if device in chosen:
            raise DeviceError(f"{where}: {entry} is listed twice")
        chosen.append(device)
    return tuple(chosen)


def _listed_one(
    entry: str, where: str, seen: Sequence[Device], gpus: Sequence[Gpu], why: str
) -> Device:
    if entry.isdigit():
        if not seen:
            raise DeviceError(f"{where}: {why}")
        if int(entry) >= len(seen):
            raise DeviceError(f"{where}: {entry} is not one of the devices 0..{len(seen) - 1}")
        return seen[int(entry)]
    if not entry.startswith(("GPU-", "MIG-")) or len(entry) == 4:
        also = "; also possible: auto, all, cpu:N" if where.startswith("--devices ") else ""
        raise DeviceError(
            f"{where}: {entry!r} is neither an index nor a GPU-... or MIG-... UUID{also}"
        )
    named = _named(entry, gpus)
    found = [device for device in named if device in seen]
    if len(found) > 1:
        raise DeviceError(f"{where}: {entry} fits {len(found)} devices")
    if not found:
        raise DeviceError(f"{where}: {entry} is {_why_not(entry, named, gpus, why)}")
    return found[0]


def _named(entry: str, gpus: Sequence[Gpu]) -> list[Device]:
    """Devices of the machine by UUID, by a prefix of it, or by the place of a MIG instance."""
    if entry.startswith("MIG-GPU-") and entry.count("/") == 2:
        return _by_place(entry, gpus)
    return _by_uuid(entry, [device for gpu in gpus for device in _expand(gpu)])


def _why_not(entry: str, named: Sequence[Device], gpus: Sequence[Gpu], why: str) -> str:
    if named:
        return "hidden by CUDA_VISIBLE_DEVICES"
    if any(gpu.mig_enabled and gpu.uuid.startswith(entry) for gpu in gpus):
        return "a GPU in MIG mode; name its instances (MIG-...)"
    return "not on this machine" + ("" if gpus else f" ({why})")


def _why_none(gpus: Sequence[Gpu], problem: str, visible: str | None) -> str:
    if not gpus:
        return problem or "no GPU found"
    if visible is not None:
        return f"CUDA_VISIBLE_DEVICES={visible!r} hides all {len(gpus)} GPUs"
    return "the GPUs are in MIG mode without an instance"


def _order_notices(gpus: Sequence[Gpu], visible: str | None, order: str | None) -> tuple[str, ...]:
    """CUDA's default numbering puts the fastest first; ours is by PCI bus."""
    mixed = len({gpu.name for gpu in gpus}) > 1
    by_index = visible is not None and any(part.strip().isdigit() for part in visible.split(","))
    if mixed and by_index and order != "PCI_BUS_ID":
        return ("CUDA_VISIBLE_DEVICES has indices and the GPUs differ: read in PCI bus order",)
    return ()
