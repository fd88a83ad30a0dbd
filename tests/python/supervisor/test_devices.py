"""`--devices` and CUDA_VISIBLE_DEVICES, on an invented machine."""

from __future__ import annotations

import pytest

from tritonfrontend.supervisor.devices.selection import DeviceError, Gpu, Mig, needs_gpus, select
from tritonfrontend.supervisor.options.spec import Device

A, B, C, M = "GPU-aaaa1111", "GPU-aaaa2222", "GPU-cccc3333", "GPU-dddd4444"
GPUS = (
    Gpu(0, A, "H100", "0:1"),
    Gpu(1, B, "H100", "0:2"),
    Gpu(2, C, "H100", "0:3"),
    Gpu(3, M, "H100", "0:4", True, (Mig("MIG-1111", 1, 0), Mig("MIG-2222", 2, 0))),
)


def chosen(wanted: str, visible: str | None = None, gpus: tuple[Gpu, ...] = GPUS) -> list[str]:
    found = select(wanted, gpus, "no GPU found", visible, None).devices
    return [device.uuid or device.label for device in found]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("auto", [A, B, C, "MIG-1111", "MIG-2222"]),
        ("all", [A, B, C, "MIG-1111", "MIG-2222"]),
        ("0", [A]),
        ("2,0", [C, A]),
        (" 1 , 2 ", [B, C]),
        (C, [C]),
        ("GPU-cccc", [C]),
        (f"{B},0", [B, A]),
        ("MIG-2222", ["MIG-2222"]),
        ("3,4", ["MIG-1111", "MIG-2222"]),
        (f"MIG-{M}/2/0,MIG-GPU-dddd/1/0", ["MIG-2222", "MIG-1111"]),
        ("cpu:3", ["cpu:0", "cpu:1", "cpu:2"]),
        ("cpu", ["cpu:0"]),
    ],
)
def test_choice(wanted: str, expected: list[str]) -> None:
    assert chosen(wanted) == expected


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("0,2", [A, C]),
        ("2,0", [C, A]),
        ("0,2,-1,1", [A, C]),  # the list ends at the first invalid entry
        ("0,x,1", [A]),
        ("0,9,1", [A]),
        ("0,0,1", [A]),
        ("", []),
        ("-1", []),
        ("GPU-cccc", [C]),
        ("GPU-aaaa", []),  # two fit
        (f"{B}, 0", [B, A]),
        ("MIG-2222", ["MIG-2222"]),
        (f"MIG-{M}/1/0", ["MIG-1111"]),
        (f"MIG-{M}/9/0", []),
        ("3", ["MIG-1111", "MIG-2222"]),
        (M, ["MIG-1111", "MIG-2222"]),
        ("GPU-", []),
    ],
)
def test_visible_devices(visible: str, expected: list[str]) -> None:
    assert chosen("auto", visible) == (expected or ["cpu:0"])


def test_indices_count_the_visible_devices() -> None:
    assert chosen("1", "2,0") == [A]


@pytest.mark.parametrize(
    ("wanted", "visible", "text"),
    [
        ("5", None, "5 is not one of the devices 0..4"),
        ("0,0", None, "0 is listed twice"),
        (f"0,{A}", None, "is listed twice"),
        ("GPU-aaaa", None, "GPU-aaaa fits 2 devices"),
        ("GPU-ffff", None, "GPU-ffff is not on this machine"),
        (C, "0,1", "hidden by CUDA_VISIBLE_DEVICES"),
        (f"MIG-{M}/2/0", "MIG-1111", "hidden by CUDA_VISIBLE_DEVICES"),
        (f"MIG-{M}/9/0", None, "not on this machine"),
        (M, None, f"{M} is a GPU in MIG mode; name its instances (MIG-...)"),
        ("all", "", "CUDA_VISIBLE_DEVICES='' hides all 4 GPUs"),
        ("gpu0", None, "'gpu0' is neither an index nor a GPU-... or MIG-... UUID"),
        ("", None, "'' is neither"),
        ("0,", None, "'' is neither"),
        ("-1", None, "'-1' is neither"),
        ("cpu:0", None, "not in 1..64"),
        ("cpu:65", None, "not in 1..64"),
    ],
)
def test_refusals_name_the_entry(wanted: str, visible: str | None, text: str) -> None:
    with pytest.raises(DeviceError) as caught:
        chosen(wanted, visible)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "spares", "left", "idle"),
    [
        ("auto", "2", [A, B, "MIG-1111", "MIG-2222"], [C]),
        ("all", "MIG-1111, 0", [B, C, "MIG-2222"], ["MIG-1111", A]),
        ("0,1", C, [A, B], [C]),
    ],
)
def test_spare_devices_get_no_worker(
    wanted: str, spares: str, left: list[str], idle: list[str]
) -> None:
    found = select(wanted, GPUS, "", None, None, spares)
    assert [device.uuid for device in found.devices] == left
    assert [device.uuid for device in found.spares] == idle


@pytest.mark.parametrize(
    ("wanted", "spares", "visible", "text"),
    [
        ("0,1", "1", None, "--spare-devices 1: gpu:1 is in --devices 0,1"),
        ("auto", "0,1", "0,1", "--spare-devices 0,1: no GPU is left for a worker"),
        ("auto", "2", "0,1", "--spare-devices 2: 2 is not one of the devices 0..1"),
        ("auto", "0,0", None, "--spare-devices 0,0: 0 is listed twice"),
        ("cpu:2", "0", None, "--spare-devices 0: the workers of cpu:2 use no GPU"),
        ("0", "all", None, "--spare-devices all: 'all' is neither an index nor"),
    ],
)
def test_spare_devices_that_cannot_be(
    wanted: str, spares: str, visible: str | None, text: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        select(wanted, GPUS, "", visible, None, spares)
    assert text in str(caught.value)
    assert "auto, all" not in str(caught.value)


def test_no_gpu() -> None:
    selection = select("auto", (), "no GPU found (NVML: driver not loaded)", None, None)
    assert selection.devices == (Device("cpu", 0),)
    assert selection.notices == ("no GPU found (NVML: driver not loaded); running one CPU worker",)
    with pytest.raises(DeviceError, match="driver not loaded"):
        select("0", (), "no GPU found (NVML: driver not loaded)", None, None)
    with pytest.raises(DeviceError, match="driver not loaded"):
        select(A, (), "no GPU found (NVML: driver not loaded)", None, None)


def test_notice_about_the_order_of_different_gpus() -> None:
    mixed = (Gpu(0, A, "T4"), Gpu(1, B, "H100"))
    assert select("auto", mixed, "", "0", None).notices
    assert not select("auto", mixed, "", "0", "PCI_BUS_ID").notices
    assert not select("auto", mixed, "", A, None).notices
    assert not select("auto", GPUS, "", "0", None).notices


def test_cpu_workers_need_no_driver() -> None:
    assert not needs_gpus("cpu:4")
    assert needs_gpus("auto")


def test_a_cpu_worker_sees_no_gpu_and_a_gpu_worker_its_own() -> None:
    assert Device("cpu", 0).visible == ""
    assert Device("gpu", 1, B).visible == B
