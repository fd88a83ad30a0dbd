"""CPUs of workers, GPUs in model configurations: rules on a made-up sysfs and repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tritonfrontend.supervisor.devices.affinity import (
    choose,
    numa_node,
    parse_cpus,
    share,
    sysfs_name,
)
from tritonfrontend.supervisor.options.spec import Device

GPUS = [
    Device("gpu", 0, "GPU-1", "", "00000000:3B:00.0"),
    Device("gpu", 1, "GPU-2", "", "00000000:AF:00.0"),
]
CPUS = [Device("cpu", 0), Device("cpu", 1)]


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    for name, cpus, node in (("0000:3b:00.0", "0-3,8-11\n", 0), ("0000:af:00.0", "4-7\n", 1)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "local_cpulist").write_text(cpus)
        (folder / "numa_node").write_text(f"{node}\n")
    return tmp_path


def test_gpu_workers_run_near_their_gpu(sysfs: Path) -> None:
    allowed = set(range(12))
    assert choose("auto", GPUS, 0, allowed, sysfs) == [0, 1, 2, 3, 8, 9, 10, 11]
    assert choose("auto", GPUS, 1, allowed, sysfs) == [4, 5, 6, 7]
    assert choose("none", GPUS, 1, allowed, sysfs) == []


def test_only_what_is_allowed(sysfs: Path) -> None:
    assert choose("auto", GPUS, 0, {2, 3, 4}, sysfs) == [2, 3]
    assert choose("auto", GPUS, 0, {4, 5}, sysfs) == []  # nothing near: anywhere
    assert choose("auto", GPUS, 0, {0, 1}, sysfs) == []  # everything near: no need to say


def test_unknown_place(sysfs: Path, tmp_path: Path) -> None:
    elsewhere = [Device("gpu", 0, "GPU-1", "", "00000000:00:00.0")]
    assert choose("auto", elsewhere, 0, {0, 1}, sysfs) == []
    assert numa_node("00000000:AF:00.0", sysfs) == 1
    assert numa_node("00000000:00:00.0", sysfs) is None
    (tmp_path / "0000:3b:00.0" / "numa_node").write_text("-1\n")
    assert numa_node("00000000:3B:00.0", sysfs) is None


def test_cpu_workers_share_only_when_told() -> None:
    assert choose("auto", CPUS, 0, {0, 1, 2}) == []
    assert choose("split", CPUS, 0, {0, 1, 2}) == [0]
    assert choose("split", CPUS, 1, {0, 1, 2}) == [1, 2]
    assert choose("split", CPUS, 1, {0}) == []


def test_shares_are_even_and_complete() -> None:
    cpus = [0, 2, 4, 6, 8, 10, 12]
    shares = [share(cpus, index, 3) for index in range(3)]
    assert [cpu for part in shares for cpu in part] == cpus
    assert {len(part) for part in shares} == {2, 3}


def test_spelling() -> None:
    assert sysfs_name("00000000:3B:00.0") == "0000:3b:00.0"
    assert sysfs_name("0001:3b:00.0") == "0001:3b:00.0"
    assert parse_cpus("0-2,7\n") == {0, 1, 2, 7}
    assert parse_cpus("\n") == set()
    with pytest.raises(ValueError, match="invalid literal"):
        parse_cpus("all")
