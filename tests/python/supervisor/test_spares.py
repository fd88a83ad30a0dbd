"""`--spare-devices`, end to end through `serve` on the fake driver library; stand-in workers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from closed_loop import Load
from fault_report import FaultReport
from instance import DEADLINE, FAKE, Instance, command, get, running, until
from test_gpu_faults import States
from test_nvml import MACHINE, MIG, ONE, TWO, libraries, machine  # noqa: F401 - fixtures
from upgrading import upgrade, upgraded

from tritonfrontend.supervisor.devices.gpu_watch import Admission
from tritonfrontend.supervisor.group.spares import Spares
from tritonfrontend.supervisor.options.spec import Device

DEVICE = Device("gpu", 1, TWO)
Machine = dict[str, str]
FULL = "".join(f"mem {uuid} 45000 81920\n" for uuid in (ONE, TWO, MIG))


def uuids(status: dict[str, Any]) -> list[str]:
    return [worker["gpu"]["uuid"] for worker in status["workers"]]


def idle(status: dict[str, Any]) -> list[str]:
    return [spare["uuid"] for spare in status["supervisor"]["spare_devices"]]


def visible(instance: Instance, slot: int) -> str:
    """What the present worker of a slot sees of the GPUs."""
    told = Path(f"/proc/{instance.worker(slot)['pid']}/environ").read_text().split("\0")
    return next(each for each in told if each.startswith("CUDA_VISIBLE_DEVICES=")).partition("=")[2]


@contextmanager
def late_on_the_spare(tmp_path: Path, **env: str) -> Iterator[tuple[Instance, Path]]:
    """GPU 0 with one worker, GPU 1 spare: a worker there waits for the file before it begins."""
    go, script = tmp_path / "go", tmp_path / "late.sh"
    script.write_text(
        f'test "$CUDA_VISIBLE_DEVICES" = {ONE} || until [ -e {go} ]; do sleep 0.05; done\n'
        f'exec {sys.executable} {FAKE} "$@"\n'
    )
    (tmp_path / "models").mkdir()
    flags = (
        f"--worker-command=sh {script}",
        f"--model-repository={tmp_path / 'models'}",
        "--devices=0",
        "--spare-devices=1",
        "--gpu-quarantine-timeout=600",
    )
    with running(tmp_path, *flags, fake=False, **env) as instance:
        yield instance, go


@pytest.mark.parametrize("strategy", ["spare", "auto"])
def test_reload_of_the_only_worker_on_a_full_gpu(
    tmp_path: Path,
    machine: Machine,  # noqa: F811
    strategy: str,
    fault_report: FaultReport,
) -> None:
    """Without a spare device this one is refused: the models fit once."""
    Path(machine["FAKE_NVML"]).write_text(MACHINE + f"mem {ONE} 45000 81920\n")
    flags = ("--devices=0", "--spare-devices=1", f"--reload-strategy={strategy}")
    with running(tmp_path, *flags, **machine) as instance:
        first = instance.wait_ready()
        assert (uuids(first), idle(first)) == ([ONE], [TWO])
        instance.wait("samples", lambda s: s["workers"][0]["gpu"].get("mem_total"))
        states = States(instance)
        with Load(instance.port("http"), 4) as load, states.watched():
            done = command(tmp_path, "reload", "--force")
            load.more(50)
        fault_report.load(f"reload on a spare GPU ({strategy})", load, least_ready=states.least)
        assert done.returncode == 0, done.stdout + done.stderr
        assert load.results.keys() == {"ok"}
        assert states.of_slot[0] == {"READY"}
        then = instance.wait_ready()
        assert (uuids(then), idle(then)) == ([TWO], [ONE])
        assert visible(instance, 0) == TWO
        assert f'gpu_uuid="{TWO}"' in get(instance.port("metrics"), "/metrics")
        assert "spare: gpu:0" in command(tmp_path, "status").stdout
        assert command(tmp_path, "reload", "--force", "--strategy=spare").returncode == 0
        back = instance.wait_ready()
        assert (uuids(back), idle(back)) == ([ONE], [TWO])
        assert instance.stop() == 0


def test_one_spare_device_goes_round(tmp_path: Path, machine: Machine) -> None:  # noqa: F811
    Path(machine["FAKE_NVML"]).write_text(MACHINE + FULL)
    flags = ("--devices=0,1", f"--spare-devices={MIG}")
    with running(tmp_path, *flags, **machine) as instance:
        instance.wait_ready()
        assert command(tmp_path, "reload", "--force", "--strategy=spare").returncode == 0
        status = instance.wait_ready()
        assert (uuids(status), idle(status)) == ([MIG, ONE], [TWO])
        assert [visible(instance, slot) for slot in (0, 1)] == [MIG, ONE]


def test_a_gpu_that_fails_is_replaced_by_a_spare_one(
    tmp_path: Path,
    machine: Machine,  # noqa: F811
    fault_report: FaultReport,
) -> None:
    flags = ("--devices=0,1", f"--spare-devices={MIG}", "--gpu-quarantine-timeout=600")
    with running(tmp_path, *flags, **machine) as instance:
        instance.wait_ready()
        with Load(instance.port("http"), 4) as load:
            with Path(machine["FAKE_NVML"]).open("a") as file:
                file.write(f"xid {ONE} 79\n")
            instance.wait("moved", lambda s: uuids(s) == [MIG, TWO])
            status = instance.wait_ready()
            load.more(50)
        fault_report.load("GPU fails, a spare one takes its place", load)
        assert load.results.keys() == {"ok"}
        assert status["workers"][0]["generation"] == 2
        assert idle(status) == [ONE]
        assert "XID 79" in status["supervisor"]["spare_devices"][0]["quarantine"]
        assert visible(instance, 0) == MIG
        assert command(tmp_path, "status").returncode == 0
        texts = [each["text"] for each in instance.ask("events")["events"]]
        assert any("mig:2 takes the place of gpu:0: GPU quarantined" in text for text in texts)
        refused = command(tmp_path, "reload", "--force", "--strategy=spare")
        assert refused.returncode == 1
        assert "no spare device can have the worker: gpu:0: GPU quarantined" in refused.stdout
        assert uuids(instance.wait_ready()) == [MIG, TWO]


def test_a_worker_that_finds_another_gpu_goes_to_the_spare_one(
    tmp_path: Path,
    machine: Machine,  # noqa: F811
) -> None:
    """The worker says that its GPU is faulty, NVML knows nothing of it."""
    flags = ("--devices=0", "--spare-devices=1")
    with running(tmp_path, *flags, FAKE_MODE_0="gpu-fault", **machine) as instance:
        status = instance.wait("moved", lambda s: uuids(s) == [TWO] and s["supervisor"]["ready"])
        assert "CUDA error 214" in status["supervisor"]["spare_devices"][0]["quarantine"]


def test_a_successor_that_fails_on_the_spare_gpu_leaves_everything(
    tmp_path: Path,
    machine: Machine,  # noqa: F811
) -> None:
    (tmp_path / "models").mkdir()
    good, config = f"{sys.executable} {FAKE}", tmp_path / "serve.toml"
    config.write_text(f'worker-command = "{good}"\n')
    flags = (
        f"--config={config}",
        f"--model-repository={tmp_path / 'models'}",
        "--devices=0",
        "--spare-devices=1",
        "--reload-strategy=spare",
    )
    with running(tmp_path, *flags, fake=False, **machine) as instance:
        first = instance.wait_ready()["workers"][0]["pid"]
        config.write_text(f'worker-command = "env FAKE_MODE_0=exit-20 {good}"\n')
        failed = command(tmp_path, "reload")
        assert failed.returncode == 1, failed.stdout
        status = instance.wait_ready()
        assert (uuids(status), idle(status)) == ([ONE], [TWO])
        assert status["workers"][0]["pid"] == first
        config.write_text(f'worker-command = "env FAKE_MODE_0= {good}"\n')
        assert command(tmp_path, "reload").returncode == 0
        assert uuids(instance.wait_ready()) == [TWO]


@pytest.mark.parametrize("sick", [ONE, TWO])
def test_a_gpu_fails_while_a_successor_loads_on_the_spare_one(
    tmp_path: Path,
    machine: Machine,  # noqa: F811
    sick: str,
) -> None:
    """The successor's: it is given up. The worker's: the successor is what comes after it."""
    with late_on_the_spare(tmp_path, **machine) as (instance, go):
        first = instance.wait_ready()["workers"][0]["pid"]
        instance.ask("reload", force=True, strategy="spare")
        until(lambda: idle(instance.status() or {}) == [], "the spare one is lent")
        with Path(machine["FAKE_NVML"]).open("a") as file:
            file.write(f"xid {sick} 79\n")
        if sick == TWO:
            status = instance.wait("given back", lambda s: idle(s) == [TWO])
            assert "XID 79" in status["supervisor"]["last_reload"]["failed"]
            assert instance.worker(0)["pid"] == first
            assert instance.worker(0)["state"] == "READY"
        else:
            instance.wait("left", lambda s: s["workers"][0]["state"] == "WAIT_GPU")
            go.touch()
            status = instance.wait("taken over", lambda s: idle(s) == [ONE])
            assert uuids(instance.wait_ready()) == [TWO]
            assert status["supervisor"]["last_reload"]["failed"] == ""


def test_no_device_is_lost_when_a_slot_moves_twice(
    tmp_path: Path,
    machine: Machine,  # noqa: F811
) -> None:
    """Its worker on the spare GPU fails while the one before still drains."""
    flags = ("--devices=0", f"--spare-devices=1,{MIG}", "--gpu-quarantine-timeout=600")
    with running(tmp_path, *flags, FAKE_MODE_0="drain-hangs", **machine) as instance:
        instance.wait_ready()
        instance.ask("reload", force=True, strategy="spare")
        instance.wait("taken over", lambda s: uuids(s) == [TWO])
        with Path(machine["FAKE_NVML"]).open("a") as file:
            file.write(f"xid {TWO} 79\n")
        instance.wait("in quarantine", lambda s: s["workers"][0]["gpu"]["quarantine"])
        os.kill(instance.worker(0)["pid"], signal.SIGKILL)
        instance.wait("moved", lambda s: uuids(s) == [MIG])
        done = instance.wait("done", lambda s: not s["supervisor"]["last_reload"]["running"])
        assert sorted(idle(done)) == sorted([ONE, TWO])


def test_a_gpu_fails_under_a_successor_that_waits_for_its_turn(
    tmp_path: Path,
    machine: Machine,  # noqa: F811
) -> None:
    """It has loaded, and the worker before it drains by the operator's wish."""
    with late_on_the_spare(tmp_path, FAKE_MODE_0="drain-hangs", **machine) as (instance, go):
        instance.wait_ready()
        instance.ask("reload", force=True, strategy="spare")
        until(lambda: idle(instance.status() or {}) == [], "the spare one is lent")
        instance.ask("restart", slot=0)
        instance.wait_state(0, "DRAINING")
        go.touch()
        time.sleep(1)  # it is ready, and nothing shows that
        assert instance.worker(0)["state"] == "DRAINING"
        with Path(machine["FAKE_NVML"]).open("a") as file:
            file.write(f"xid {TWO} 79\n")
        status = instance.wait("given up", lambda s: idle(s) == [TWO])
        assert "XID 79" in status["supervisor"]["last_reload"]["failed"]
        after = instance.wait("next", lambda s: s["supervisor"]["ready"] == 1)
        assert uuids(after) == [ONE]


@pytest.mark.parametrize(("patience", "found"), [(0.0, None), (5.0, DEVICE)])
def test_memory_that_is_about_to_be_freed(patience: float, found: Device | None) -> None:
    answers = [
        Admission(False, "GPU memory: 9 GiB needed, 1 GiB free", patient=True),
        Admission(True),
    ]

    async def admit(device: Device, instead_of: Device) -> Admission:
        return answers.pop(0)

    async def take() -> tuple[Device | None, str]:
        return await Spares([DEVICE], admit).take(Device("gpu", 0, ONE), patience)

    device, why = asyncio.run(take())
    assert device == found
    assert why == ("" if found else "gpu:1: GPU memory: 9 GiB needed, 1 GiB free")


def test_a_device_in_quarantine_is_not_waited_for() -> None:
    async def admit(device: Device, instead_of: Device) -> Admission:
        return Admission(False, "GPU quarantined: XID 79", patient=True, sound=False)

    async def take() -> tuple[Device | None, str]:
        return await asyncio.wait_for(Spares([DEVICE], admit).take(DEVICE, 1e6), 30)

    assert asyncio.run(take()) == (None, "gpu:1: GPU quarantined: XID 79")


def test_an_upgrade_keeps_what_has_changed_places(
    tmp_path: Path,
    machine: Machine,  # noqa: F811
) -> None:
    flags = ("--devices=0", "--spare-devices=1")
    with running(tmp_path, *flags, **machine) as instance:
        instance.wait_ready()
        assert command(tmp_path, "reload", "--force", "--strategy=spare").returncode == 0
        pid = instance.wait_ready()["workers"][0]["pid"]
        assert upgrade(instance).returncode == 0
        status = upgraded(instance)
        assert (uuids(status), idle(status)) == ([TWO], [ONE])
        assert status["workers"][0]["pid"] == pid
        assert command(tmp_path, "reload", "--force", "--strategy=spare").returncode == 0
        assert uuids(instance.wait_ready()) == [ONE]
        assert instance.stop() == 0


def test_what_needs_a_spare_device(tmp_path: Path, machine: Machine) -> None:  # noqa: F811
    with running(tmp_path, "--reload-strategy=spare") as refused:
        assert refused.popen.wait(DEADLINE) == 3
        assert "--reload-strategy: spare needs --spare-devices" in refused.text()
    (tmp_path / "none").mkdir()
    with running(tmp_path / "none", "--devices=0", **machine) as instance:
        instance.wait_ready()
        done = command(tmp_path / "none", "reload", "--force", "--strategy=spare")
        assert done.returncode == 1
        assert "none of --spare-devices is idle" in done.stdout
