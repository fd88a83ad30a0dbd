"""GPUs that fail or are full: rules with a fake clock, then `serve` on the fake driver library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance import DEADLINE, Instance, command, get, running
from test_nvml import MACHINE, ONE, TWO, libraries, machine, run  # noqa: F401 - fixtures

from tritonfrontend.supervisor.devices.gpu_health import (
    MemoryPeak,
    Quarantine,
    memory_reason,
    needed,
    xid_text,
)
from tritonfrontend.supervisor.options.health_flags import memory

GIB = 2**30


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_quarantine_ends_after_quiet() -> None:
    clock = Clock()
    quarantine = Quarantine(clock, 60)
    assert quarantine.reason("a") == ""
    quarantine.put("a", xid_text(79))
    assert quarantine.reason("b") == ""
    text = "GPU quarantined: XID 79 (GPU has fallen off the bus); tried again in 60 s"
    assert quarantine.reason("a") == text
    clock.now += 50
    quarantine.put("a", xid_text(48))  # another one: the time starts again
    clock.now += 50
    assert "XID 48 (double-bit ECC error); tried again in 10 s" in quarantine.reason("a")
    assert quarantine.cases() == {"a": "XID 48 (double-bit ECC error)"}
    clock.now += 10
    assert quarantine.reason("a") == ""
    assert quarantine.cases() == {}


def test_memory_that_must_be_free() -> None:
    assert memory_reason(0, 79 * GIB, 80 * GIB) == ""
    assert memory_reason(10 * GIB, None, 80 * GIB) == ""
    assert memory_reason(10 * GIB, 70 * GIB, 80 * GIB) == ""
    reason = "GPU memory: 10.0 GiB needed, 9.0 GiB free"
    assert memory_reason(10 * GIB, 71 * GIB, 80 * GIB) == reason
    assert "the GPU has 80.0 GiB in all" in memory_reason(81 * GIB, 0, 80 * GIB)


def test_observed_peak() -> None:
    peak = MemoryPeak()
    peak.sample(5)
    assert peak.peak == 0  # before any start
    peak.start(1000)
    for used in (900, 4000, None, 3000):
        peak.sample(used)
    assert peak.peak == 3000
    peak.start(None)
    peak.sample(9000)
    assert needed("auto", peak.peak) == 3000
    assert needed("77", peak.peak) == 77


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("auto", "auto"),
        ("0", "0"),
        ("4096", "4096"),
        ("12GiB", str(12 * GIB)),
        ("1.5g", str(GIB * 3 // 2)),
        ("500MB", str(500 * 10**6)),
    ],
)
def test_size(text: str, value: str) -> None:
    assert memory(text) == value


@pytest.fixture
def state(machine: dict[str, str]) -> Path:  # noqa: F811
    return Path(machine["FAKE_NVML"])


@pytest.fixture
def two(tmp_path: Path, machine: dict[str, str]) -> Iterator[Instance]:  # noqa: F811
    flags = ("--devices=0,1", "--gpu-quarantine-timeout=5", "--gpu-memory-needed=10GiB")
    with running(tmp_path, *flags, **machine) as instance:
        instance.wait_ready()
        instance.wait("samples", lambda s: s["workers"][1]["gpu"].get("mem_total"))
        yield instance


def test_poisoned_gpu_is_drained_quarantined_and_tried_again(two: Instance, state: Path) -> None:
    first = two.worker(0)["pid"]
    other = two.worker(1)["pid"]
    with state.open("a") as file:
        file.write(f"xid {TWO} 31\n")  # a program's own fault
        file.write(f"xid {ONE} 79\n")
    two.wait(
        "quarantine",
        lambda s: s["workers"][0]["reason"].startswith(
            "GPU quarantined: XID 79 (GPU has fallen off the bus); tried again in"
        ),
    )
    assert two.worker(0)["state"] == "WAIT_GPU"
    assert two.worker(0)["gpu"]["xid_last"] == 79
    assert (two.worker(1)["state"], two.worker(1)["pid"]) == ("READY", other)
    assert get(two.port("http"))
    assert f"w0: gpu:0 {ONE}: XID 79 (GPU has fallen off the bus); draining" in two.text()
    two.wait_ready()
    assert two.worker(0)["pid"] not in (None, first)
    assert two.worker(1)["pid"] == other


def test_a_reload_shortens_the_quarantine(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
    state: Path,
) -> None:
    settings = tmp_path / "serve.toml"
    settings.write_text("gpu-quarantine-timeout = 600\n")
    with running(tmp_path, "--devices=0,1", f"--config={settings}", **machine) as instance:
        other = instance.wait_ready()["workers"][1]["pid"]
        state.write_text(MACHINE + f"xid {ONE} 79\n")
        instance.wait("quarantine", lambda s: "quarantined" in s["workers"][0]["reason"])
        settings.write_text("gpu-quarantine-timeout = 1\n")
        done = command(tmp_path, "reload")
        assert done.returncode == 0, done.stdout + done.stderr
        assert instance.wait_ready()["workers"][1]["pid"] == other


def test_poisoned_gpu_that_stays_away(two: Instance, state: Path) -> None:
    lost = MACHINE.replace("01:00.0 0 0", "01:00.0 0 1")
    state.write_text(lost + f"xid {ONE} 79\n")
    # Quarantine over, the GPU is still missing: that is a failure as any other.
    two.wait("missing", lambda s: "quarantined" in s["workers"][0]["reason"])
    two.wait("still missing", lambda s: s["workers"][0]["reason"] == f"device {ONE} is not present")
    assert two.worker(1)["state"] == "READY"
    assert get(two.port("http"))


@pytest.mark.parametrize("how", [1, 2], ids=["not listed", "every value is an error"])
def test_gpu_that_is_lost_without_a_word(two: Instance, state: Path, how: int) -> None:
    """No XID tells of it; requests that come to its worker would fail."""
    other = two.worker(1)["pid"]
    state.write_text(MACHINE.replace("01:00.0 0 0", f"01:00.0 0 {how}"))
    lost = "lost (the driver does not list it any more)"
    two.wait("quarantine", lambda s: f"quarantined: {lost}" in s["workers"][0]["reason"])
    assert f"w0: gpu:0 {ONE}: {lost}; draining" in two.text()
    assert (two.worker(1)["state"], two.worker(1)["pid"]) == ("READY", other)
    assert get(two.port("http"))
    state.write_text(MACHINE)
    two.wait_ready()
    assert two.worker(1)["pid"] == other


def test_worker_waits_for_memory(two: Instance, state: Path) -> None:
    state.write_text(MACHINE + f"mem {ONE} 75000 81920\n")
    os.kill(two.worker(0)["pid"], 9)
    worker = two.wait("waits", lambda s: "GPU memory" in s["workers"][0]["reason"])["workers"][0]
    assert worker["state"] == "WAIT_GPU"
    assert worker["reason"] == "GPU memory: 10.0 GiB needed, 6.8 GiB free"
    assert two.worker(1)["state"] == "READY"
    state.write_text(MACHINE)
    two.wait_ready()


def test_hanging_driver_stops_nobody(two: Instance, state: Path) -> None:
    state.write_text("hang\n")
    os.kill(two.worker(0)["pid"], 9)
    status = two.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
    two.wait("stale", lambda s: s["workers"][0]["gpu"]["stale"])
    assert status["workers"][1]["state"] == "READY"
    two.wait_ready()
    assert two.stop() == 0


def test_gpus_of_a_model_are_refused_before_the_start(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
) -> None:
    folder = tmp_path / "models" / "pinned"
    folder.mkdir(parents=True)
    (folder / "config.pbtxt").write_text("instance_group [ { gpus: [ 1 ] } ]")
    with running(tmp_path, "--devices=0,1", **machine) as instance:
        assert instance.popen.wait(DEADLINE) == 3
        assert f"model 'pinned': {folder}/config.pbtxt: instance_group.gpus" in instance.text()
        assert "remove 'gpus'" in instance.text()


def test_worker_with_a_faulty_gpu_is_replaced_when_the_gpu_may_be_used(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
) -> None:
    flags = ("--devices=0,1", "--gpu-quarantine-timeout=5")
    with running(tmp_path, *flags, FAKE_MODE_0="gpu-fault", **machine) as instance:
        text = "GPU quarantined: CUDA error 214 (uncorrectable ECC error)"
        status = instance.wait("quarantine", lambda s: text in s["workers"][0]["reason"])
        assert status["workers"][1]["state"] == "READY"
        assert "w0: restarting: CUDA error 214" in instance.text()
        instance.wait("again", lambda s: s["workers"][0]["generation"] == 2)
        instance.wait_ready()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("0", "None"),
        ("600", "None"),  # work is going on
        ("1", "None"),  # not a sticky one
        ("700", "Fault(text='CUDA error 700 (illegal memory access)', hardware=False)"),
        ("214", "Fault(text='CUDA error 214 (uncorrectable ECC error)', hardware=True)"),
    ],
)
def test_sticky_errors(libraries: Path, error: str, expected: str) -> None:  # noqa: F811
    code = "from tritonfrontend.supervisor.worker.cuda import context_fault; print(context_fault())"
    env = {"LD_LIBRARY_PATH": str(libraries), "FAKE_CUDA_ERROR": error}
    assert run(code, env) == f"{expected}\n"


def test_device_that_nobody_uses_is_not_touched(libraries: Path) -> None:  # noqa: F811
    code = "from tritonfrontend.supervisor.worker.cuda import context_fault; print(context_fault())"
    assert run(code, {"LD_LIBRARY_PATH": str(libraries)}) == "None\n"
    assert run(code, {}) == "None\n"  # no driver library
