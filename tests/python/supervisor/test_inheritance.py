"""What the processes of a worker get from it: its CPUs, and none of its sockets. Real Triton."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import tritonclient.grpc as grpcclient
from other_process import descriptors
from test_real_triton import EXAMPLES, add_model, infer, serve

from tritonfrontend.supervisor.system import procfs

ECHO = """
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", pb_utils.get_input_tensor_by_name(r, "INPUT0").as_numpy())]
        ) for r in requests]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", folder / "identity")
    return folder


def stubs_of(worker: dict[str, Any]) -> list[int]:
    members = procfs.session_members(worker["pid"])
    return [each.pid for each in members if each.pid != worker["pid"] and each.state not in "ZX"]


def sockets(pid: int) -> set[str]:
    """Inodes of the sockets that a process holds."""
    matches = (re.fullmatch(r"socket:\[(\d+)\]", link) for link in descriptors(pid).values())
    return {match[1] for match in matches if match}


def listening() -> set[str]:
    """Inodes of all listening sockets."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {words[9] for words in lines if words[3] == "0A"}


def test_stubs_inherit_no_socket(tmp_path: Path, repository: Path) -> None:
    """Neither those that start with the worker nor one that starts among its connections."""
    add_model(repository, "late", ECHO)
    flags = ("--model-control-mode=explicit", "--load-model=identity", "--devices=cpu:1")
    with serve(tmp_path, repository, *flags) as instance:
        worker = instance.wait_ready()["workers"][0]
        port = instance.port("grpc")
        early = stubs_of(worker)
        with (
            contextlib.closing(HTTPConnection("127.0.0.1", instance.port("http"))) as connection,
            grpcclient.InferenceServerClient(f"127.0.0.1:{port}") as client,
        ):
            connection.request("GET", "/v2/health/live")
            assert connection.getresponse().read() == b""
            client.load_model("late")
            assert infer(instance.port("http"), "late") == "Roger Roger"
            stubs, mine = stubs_of(worker), sockets(worker["pid"])
            assert early
            assert len(stubs) > len(early)
            assert len(mine & listening()) >= 2  # one for each port
            assert len(mine - listening()) >= 3  # its channel and two connections
            assert {pid: sockets(pid) for pid in stubs} == {pid: set() for pid in stubs}


def cpus_of_threads(pid: int) -> set[tuple[int, ...]]:
    found = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):  # it ended just now
            found.add(tuple(sorted(os.sched_getaffinity(int(task)))))
    return found


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is nothing to share")
def test_workers_and_their_stubs_share_the_cpus(tmp_path: Path, repository: Path) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    half = len(allowed) // 2
    shares = [tuple(allowed[:half]), tuple(allowed[half:])]

    with serve(tmp_path, repository, "--cpu-affinity=split") as instance:
        status = instance.wait_ready()
        for worker, share in zip(status["workers"], shares, strict=True):
            family = [worker["pid"], *stubs_of(worker)]
            assert len(family) > 1
            assert {pid: cpus_of_threads(pid) for pid in family} == {pid: {share} for pid in family}
            assert worker["cpus"] == procfs.ranges(share)
