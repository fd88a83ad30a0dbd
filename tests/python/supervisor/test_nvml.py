"""GPU discovery with unmodified nvidia-ml-py on a stand-in for the driver library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from instance import DEADLINE, get, raw_status, running

SOURCE = Path(__file__).with_name("fake_nvml.c")
ONE, TWO = "GPU-11111111-2222-3333-4444-555555555555", "GPU-aaaaaaaa-2222-3333-4444-555555555555"
MIG = "MIG-bbbbbbbb-2222-3333-4444-555555555555"
MACHINE = f"""gpu {ONE} H100 00000000:01:00.0 0 0
gpu {TWO} H100 00000000:02:00.0 0 0
gpu GPU-cccccccc H100 00000000:03:00.0 1 0
mig {MIG} 1 0
mig MIG-dddddddd 2 0
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nvml")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wall", "-o", str(library), str(SOURCE)], check=True
    )
    (folder / "libcuda.so.1").symlink_to(library)
    return folder


@pytest.fixture
def machine(tmp_path: Path, libraries: Path) -> dict[str, str]:
    """Environment of a machine with two GPUs and one in MIG mode."""
    state = tmp_path / "machine.txt"
    state.write_text(MACHINE)
    return {"LD_LIBRARY_PATH": str(libraries), "FAKE_NVML": str(state)}


def run(code: str, env: dict[str, str]) -> str:
    result = subprocess.run(
        [sys.executable, "-c", f"from tritonfrontend.supervisor.devices.nvml import Nvml\n{code}"],
        env={**os.environ, **env},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_discovery(machine: dict[str, str]) -> None:
    code = "for g in Nvml().discover().gpus: print(g.index, g.uuid, g.name, g.pci, len(g.migs))"
    assert run(code, machine).splitlines() == [
        f"0 {ONE} H100 00000000:01:00.0 0",
        f"1 {TWO} H100 00000000:02:00.0 0",
        "2 GPU-cccccccc H100 00000000:03:00.0 2",
    ]


def test_lost_gpu_is_left_out(machine: dict[str, str]) -> None:
    Path(machine["FAKE_NVML"]).write_text(MACHINE.replace("01:00.0 0 0", "01:00.0 0 1"))
    assert run("print([g.index for g in Nvml().discover().gpus])", machine) == "[1, 2]\n"


def test_samples(machine: dict[str, str]) -> None:
    code = f"print(Nvml().sample(['{ONE}', '{MIG}', 'GPU-none']).result(20))"
    text = run(code, machine)
    assert f"'{ONE}': GpuSample(mem_used={3 << 30}, mem_total={80 << 30}, util=42" in text
    assert "power=250.5" in text
    assert f"'{MIG}': GpuSample(mem_used={3 << 30}, mem_total={80 << 30}, util=None" in text
    assert "GPU-none" not in text


def test_a_driver_that_fails_says_nothing_about_its_gpus(machine: dict[str, str]) -> None:
    Path(machine["FAKE_NVML"]).write_text(MACHINE.replace("01:00.0 0 0", "01:00.0 0 3"))
    text = run(f"print(Nvml().sample(['{ONE}', '{TWO}']).result(20))", machine)
    assert f"'{ONE}': GpuSample(mem_used=None" in text
    assert f"'{TWO}': GpuSample(mem_used={3 << 30}" in text


def test_no_library_and_no_gpu(machine: dict[str, str], tmp_path: Path) -> None:
    code = "print(Nvml().discover())"
    assert "no GPU found (NVML: " in run(code, {})
    Path(machine["FAKE_NVML"]).write_text("")
    assert "no GPU found (NVML lists none)" in run(code, machine)


def test_hanging_driver_does_not_hang_us(machine: dict[str, str]) -> None:
    Path(machine["FAKE_NVML"]).write_text("hang\n")
    assert "NVML did not answer within 0.2 s" in run("print(Nvml().discover(0.2))", machine)


def test_one_pinned_worker_per_device(tmp_path: Path, machine: dict[str, str]) -> None:
    with running(tmp_path, "--devices=all", **machine) as instance:
        status = instance.wait_ready()
        visible = [
            dict(
                item.split("=", 1)
                for item in Path(f"/proc/{worker['pid']}/environ").read_text().split("\0")
                if "=" in item
            )
            for worker in status["workers"]
        ]
        assert [env["CUDA_VISIBLE_DEVICES"] for env in visible] == [ONE, TWO, MIG, "MIG-dddddddd"]
        assert {env["CUDA_DEVICE_ORDER"] for env in visible} == {"PCI_BUS_ID"}
        instance.wait("sample", lambda s: s["workers"][0]["gpu"].get("mem_total"))
        gpu = instance.worker(0)["gpu"]
        assert (gpu["uuid"], gpu["util"], gpu["stale"]) == (ONE, 42, False)
        page = get(instance.port("metrics"), "/metrics")
        assert f'served{{model="m",worker="0",gpu_uuid="{ONE}"}}' in page
        assert raw_status(tmp_path)["workers"][2]["device"] == "mig:2"


def test_cpu_worker_sees_no_gpu(tmp_path: Path, machine: dict[str, str]) -> None:
    with running(tmp_path, **machine) as instance:
        pid = instance.wait_ready()["workers"][0]["pid"]
        assert "CUDA_VISIBLE_DEVICES=\0" in Path(f"/proc/{pid}/environ").read_text()


def test_lost_gpu_keeps_its_slot_waiting_while_others_serve(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    flags = ("--devices=0,1", "--gpu-quarantine-timeout=1")
    with running(tmp_path, *flags, **machine) as instance:
        first = instance.wait_ready()
        Path(machine["FAKE_NVML"]).write_text(MACHINE.replace("01:00.0 0 0", "01:00.0 0 1"))
        os.kill(first["workers"][0]["pid"], 9)
        instance.wait_state(0, "WAIT_GPU")
        assert instance.worker(1)["state"] == "READY"
        assert get(instance.port("http"))
        Path(machine["FAKE_NVML"]).write_text(MACHINE)
        instance.wait_ready()


@pytest.mark.parametrize(
    ("flag", "visible", "text"),
    [
        ("--devices=9", None, "9 is not one of the devices 0..3"),
        (f"--devices={TWO}", "0", "hidden by CUDA_VISIBLE_DEVICES"),
        ("--devices=all", "-1", "CUDA_VISIBLE_DEVICES='-1' hides all 3 GPUs"),
    ],
)
def test_no_such_device_is_exit_5(
    tmp_path: Path, machine: dict[str, str], flag: str, visible: str | None, text: str
) -> None:
    env = dict(machine) if visible is None else {**machine, "CUDA_VISIBLE_DEVICES": visible}
    with running(tmp_path, flag, **env) as instance:
        assert instance.popen.wait(DEADLINE) == 5
        assert text in instance.text()


def test_worker_checks_its_gpu(libraries: Path) -> None:
    code = f"""
from tritonfrontend.supervisor.worker.cuda import check_device
from tritonfrontend.supervisor.options.spec import Device
try: check_device(Device("gpu", 0, "{ONE}")); print("same")
except Exception as error: print(int(error.code), error)
"""
    env = {"LD_LIBRARY_PATH": str(libraries)}
    assert run(code, {**env, "FAKE_CUDA_UUID": ONE[4:].replace("-", "")}) == "same\n"
    assert "12 CUDA device 0 has UUID aaaaaaaa" in run(
        code, {**env, "FAKE_CUDA_UUID": TWO[4:].replace("-", "")}
    )
    old = code.replace(f'"gpu", 0, "{ONE}"', f'"mig", 0, "MIG-{ONE}/1/0"')  # drivers before 470
    assert run(old, {**env, "FAKE_CUDA_UUID": ONE[4:].replace("-", "")}) == "same\n"
    assert "12 CUDA sees no device" in run(code, env)
    assert run(code, {}) == "same\n"  # no driver library: the core will say so
