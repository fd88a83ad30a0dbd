"""Faults of GPUs, end to end through `serve` on the fake driver library; workers as each test says.

The rules alone are in test_devices.py and test_gpu_health.py.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from closed_loop import Load
from fault_report import FaultReport
from instance import DEADLINE, Instance, command, get, running, until
from test_nvml import MACHINE, MIG, ONE, TWO, libraries, machine  # noqa: F401 - fixtures

from tritonfrontend.supervisor.system import procfs

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
HEX_ONE = ONE.removeprefix("GPU-").replace("-", "")


def real(tmp_path: Path, *flags: str, **env: str) -> Any:
    """`serve` with workers that are Triton."""
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    return running(tmp_path, "--model-repository", str(repository), *flags, fake=False, **env)


class States:
    """States that a slot is seen in, and the least number of workers that serve at one time."""

    def __init__(self, instance: Instance) -> None:
        self.of_slot: list[set[str]] = [set(), set()]
        self.least = 99
        self._instance = instance

    @contextmanager
    def watched(self) -> Iterator[None]:
        done = threading.Event()

        def work() -> None:
            while not done.wait(0.01):
                workers = (self._instance.status() or {"workers": []})["workers"]
                for seen, worker in zip(self.of_slot, workers, strict=False):
                    seen.add(worker["state"])
                if workers:
                    self.least = min(self.least, sum(w["state"] == "READY" for w in workers))

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize(
    ("used_mib", "surges"),
    [(30_000, True), (45_000, False)],  # of 81 920: room for another copy, or not
)
def test_reload_surges_only_where_the_memory_holds_two_copies(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
    used_mib: int,
    surges: bool,
    fault_report: FaultReport,
) -> None:
    full = "".join(f"mem {uuid} {used_mib} 81920\n" for uuid in (ONE, TWO))
    Path(machine["FAKE_NVML"]).write_text(MACHINE + full)
    with running(tmp_path, "--devices=0,1", **machine) as instance:
        instance.wait_ready()
        instance.wait("samples", lambda s: s["workers"][1]["gpu"].get("mem_total"))
        states = States(instance)
        with Load(instance.port("http"), 4) as load, states.watched():
            done = command(tmp_path, "reload", "--force")
            load.more(50)
        name = "room for two copies" if surges else "memory for one copy only"
        fault_report.load(f"reload, {name}", load, least_ready=states.least)
        assert done.returncode == 0, done.stdout + done.stderr
        assert load.results.keys() == {"ok"}
        assert states.least >= 1  # --min-ready
        assert [seen == {"READY"} for seen in states.of_slot] == [surges, surges]
        status = instance.wait_ready()
        assert [worker["generation"] for worker in status["workers"]] == [2, 2]


@pytest.mark.faults
def test_reload_does_not_trust_memory_figures_that_are_old(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
) -> None:
    """The driver hangs: what was free once may be taken, so the models are not loaded twice."""
    with running(tmp_path, "--devices=0,1", **machine) as instance:
        instance.wait_ready()
        instance.wait("samples", lambda s: s["workers"][1]["gpu"].get("mem_total"))
        Path(machine["FAKE_NVML"]).write_text("hang\n")
        instance.wait("stale", lambda s: s["workers"][0]["gpu"]["stale"])
        states = States(instance)
        with states.watched():
            done = command(tmp_path, "reload", "--force")
        assert done.returncode == 0, done.stdout + done.stderr
        assert states.least == 1
        assert all(seen != {"READY"} for seen in states.of_slot)


def test_reload_without_memory_never_goes_below_min_ready(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
) -> None:
    Path(machine["FAKE_NVML"]).write_text(MACHINE + f"mem {ONE} 45000 81920\n")
    with running(tmp_path, "--devices=0", **machine) as instance:
        instance.wait_ready()
        instance.wait("samples", lambda s: s["workers"][0]["gpu"].get("mem_total"))
        done = command(tmp_path, "reload", "--force")
        assert done.returncode != 0
        assert "stop-start would leave 0 serving workers, --min-ready is 1" in (
            done.stdout + done.stderr
        )
        assert instance.worker(0)["generation"] == 1
        assert get(instance.port("http"))


def test_successor_that_loads_on_a_gpu_that_fails_is_given_up(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
) -> None:
    """Else it would take over, and serve from a GPU that is quarantined."""
    flags = ("--devices=0,1", "--reload-strategy=surge", "--gpu-quarantine-timeout=600")
    with running(tmp_path, *flags, FAKE_MODE_0="second-loads-forever", **machine) as instance:
        other = instance.wait_ready()["workers"][1]["pid"]
        old = instance.worker(0)["pid"]
        instance.ask("reload", force=True)

        def on_the_gpu() -> list[int]:
            children = procfs.children_of(instance.popen.pid)
            return [child.pid for child in children if child.pid != other and child.state != "Z"]

        until(lambda: len(on_the_gpu()) == 2, "a successor")
        with Path(machine["FAKE_NVML"]).open("a") as file:
            file.write(f"xid {ONE} 79\n")
        instance.wait("quarantine", lambda s: "quarantined" in s["workers"][0]["reason"])
        until(lambda: on_the_gpu() == [], f"all gone, as {old} and its successor")
        failed = instance.wait("told", lambda s: s["supervisor"]["last_reload"]["failed"])
        assert "XID 79" in failed["supervisor"]["last_reload"]["failed"]
        assert instance.worker(1)["pid"] == other
        assert get(instance.port("http"))


def test_worker_on_another_gpu_than_assigned_never_serves(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
    fault_report: FaultReport,
) -> None:
    """Real workers; CUDA shows GPU 0 to both, which is right for one of them only."""
    with real(tmp_path, "--devices=0,1", FAKE_CUDA_UUID=HEX_ONE, **machine) as instance:
        status = instance.wait(
            "refused",
            lambda s: s["workers"][0]["state"] == "READY" and s["workers"][1]["last_exit"],
        )
        wrong = status["workers"][1]
        fault_report.row("UUID mismatch", exit_code=wrong["last_exit"]["code"])
        assert wrong["last_exit"]["code"] == 12
        assert wrong["last_exit"]["meaning"] == "wrong or lost GPU"
        assert f"has UUID {ONE[4:]}, but this worker was given {TWO}" in instance.text()
        assert wrong["state"] != "READY"
        assert status["supervisor"]["ready"] == 1
        assert get(instance.port("http"), "/v2")


@pytest.mark.parametrize(
    ("devices", "visible", "expected"),
    [
        ("all", "2", [MIG, "MIG-dddddddd"]),
        ("all", "MIG-b,0", [MIG, ONE]),
        ("all", "MIG-GPU-cccccccc/2/0", ["MIG-dddddddd"]),
        ("all", "1,-1,0", [TWO]),
        ("all", f"GPU-aaaa,{ONE},9,2", [TWO, ONE]),
        ("1,0", "1,0", [ONE, TWO]),
        ("MIG-GPU-cccccccc/1/0,MIG-dd", None, [MIG, "MIG-dddddddd"]),
    ],
)
def test_one_worker_per_visible_device(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
    devices: str,
    visible: str | None,
    expected: list[str],
) -> None:
    env = dict(machine) if visible is None else {**machine, "CUDA_VISIBLE_DEVICES": visible}
    with running(tmp_path, f"--devices={devices}", **env) as instance:
        workers = instance.wait_ready()["workers"]
        assert [worker["gpu"]["uuid"] for worker in workers] == expected
        told = [Path(f"/proc/{worker['pid']}/environ").read_text() for worker in workers]
        pinned = [f"\0CUDA_VISIBLE_DEVICES={uuid}\0" for uuid in expected]
        assert all(one in f"\0{text}" for one, text in zip(pinned, told, strict=True))


@pytest.mark.parametrize(
    "sick", ["absent", pytest.param("hangs", marks=pytest.mark.faults), "no GPU"]
)
def test_no_driver_means_no_device_or_a_cpu_worker(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
    sick: str,
) -> None:
    text = {
        "absent": "no GPU found (NVML",
        "hangs": "NVML did not answer within 20 s",
        "no GPU": "no GPU found (NVML lists none)",
    }[sick]
    env = {} if sick == "absent" else machine
    Path(machine["FAKE_NVML"]).write_text("hang\n" if sick == "hangs" else "")
    (tmp_path / "auto").mkdir()
    with (
        running(tmp_path, "--devices=all", **env) as refused,
        running(tmp_path / "auto", "--devices=auto", **env) as served,
    ):
        assert refused.popen.wait(DEADLINE) == 5
        assert text in refused.text()
        status = served.wait_ready()
        assert [worker["device"] for worker in status["workers"]] == ["cpu:0"]
        assert "running one CPU worker" in served.text()
        assert get(served.port("http"))
        assert served.stop() == 0


@pytest.mark.faults
def test_memory_of_two_copies_is_not_what_one_worker_needs(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
) -> None:
    """Seen during a reload, it would keep a later worker waiting for memory that it can do without.

    The stand-in's predecessor drains for the whole --drain-timeout: time for a sample.
    """
    state = Path(machine["FAKE_NVML"])

    def uses(mib: int) -> None:
        state.write_text(MACHINE + f"mem {ONE} {mib} 81920\n")

    def seen(mib: int) -> None:
        instance.wait("sample", lambda s: s["workers"][0]["gpu"].get("mem_used") == mib << 20)

    flags = ("--devices=0", "--drain-timeout=20")
    with running(tmp_path, *flags, FAKE_MODE_0="drain-hangs", **machine) as instance:
        instance.wait_ready()
        uses(23_072)
        seen(23_072)
        instance.ask("reload", force=True)
        instance.wait("successor", lambda s: s["workers"][0]["generation"] == 2)
        uses(43_072)
        seen(43_072)
        uses(23_072)
        seen(23_072)
        os.kill(instance.worker(0)["pid"], 9)
        uses(50_000)  # another program: 31 GiB are free, and a worker used 20
        instance.wait("third", lambda s: s["workers"][0]["generation"] == 3)
        instance.wait_ready()


def test_gpu_whose_memory_is_not_freed(
    tmp_path: Path,
    machine: dict[str, str],  # noqa: F811
    fault_report: FaultReport,
) -> None:
    """What the dead worker used is still taken: its successor waits, and the others serve."""
    state = Path(machine["FAKE_NVML"])
    with running(tmp_path, "--devices=0,1", **machine) as instance:
        first = instance.wait_ready()["workers"][0]["pid"]
        state.write_text(MACHINE + f"mem {ONE} 60000 81920\n")  # the models are loaded
        instance.wait("peak", lambda s: s["workers"][0]["gpu"].get("mem_used", 0) > 60000 << 19)
        with Load(instance.port("http"), 4) as load:
            os.kill(first, 9)
            waits = instance.wait("waits", lambda s: "GPU memory" in s["workers"][0]["reason"])
            load.more(100)
            assert instance.worker(0)["state"] == "WAIT_GPU"
            state.write_text(MACHINE)
            instance.wait_ready()
        fault_report.load("GPU memory is not freed", load)
        assert "GPU memory: 55.6 GiB needed, 21.4 GiB free" in waits["workers"][0]["reason"]
        assert load.results["refused"] == 0
        assert load.results["ok"] + 4 >= sum(load.results.values())  # in flight on the victim
