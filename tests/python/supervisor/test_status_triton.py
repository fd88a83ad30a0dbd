"""Fields of status that only real models and real clients fill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import tritonclient.http as httpclient
from instance import Instance, until
from test_real_triton import EXAMPLES, add_model, infer, serve
from tritonclient.utils import InferenceServerException

pytestmark = pytest.mark.faults

#: Fails for the word "fail", takes a while for "slow".
MOODY = """
import time
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            tensor = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
            word = tensor[0][0]
            if word == b"slow":
                time.sleep(0.5)
            error = pb_utils.TritonError("as you wish") if word == b"fail" else None
            answers.append(
                pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", tensor)], error=error)
            )
        return answers
"""


def rows(worker: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in worker["models"]}


def test_outcomes_instances_and_stubs(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    add_model(repository, "moody", MOODY)
    config = repository / "moody" / "config.pbtxt"
    config.write_text(config.read_text().replace("count: 1", "count: 2"))
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        instance.wait_ready()
        port = instance.port("http")
        worker = instance.wait("counted", lambda s: s["workers"][0]["failed"] == 0)["workers"][0]
        assert (worker["p50"], worker["p99"], worker["numa"]) == (None, None, None)
        for word in ["fast"] * 20 + ["slow"] + ["fail"] * 3:
            with contextlib.suppress(InferenceServerException):
                infer(port, "moody", word)
        status = instance.wait("failures", lambda s: s["workers"][0]["failed"] == 3)
        worker = status["workers"][0]
        assert 0 < worker["p50"] < 0.5 <= worker["p99"] <= 0.5 * 9 / 8 + 1
        row = rows(worker)["moody"]
        assert (row["instances_ok"], row["instances_total"]) == (2, 2)
        assert (row["hung"], row["healing"]) == (False, False)
        assert [stub["model"] for stub in worker["stubs"]] == ["moody", "moody"]
        assert all(stub["alive"] for stub in worker["stubs"])
        assert worker["helpers_rss"] > 1 << 20
        assert worker["handed_in"] == 0
        _kill_one_of_two(instance, worker["stubs"][0]["pid"], port)


def _kill_one_of_two(instance: Instance, victim: int, port: int) -> None:
    """The model is still ready, and answers from its other instance."""
    os.kill(victim, signal.SIGKILL)
    status = instance.wait("seen", lambda s: s["workers"][0]["state"] == "DEGRADED")
    assert httpclient.InferenceServerClient(f"127.0.0.1:{port}").is_model_ready("moody")

    def told(status: dict[str, Any]) -> bool:
        dead = [stub for stub in status["workers"][0]["stubs"] if not stub["alive"]]
        return [stub["pid"] for stub in dead] == [victim]

    status = instance.wait_ready()
    assert all(stub["alive"] for stub in status["workers"][0]["stubs"]) or told(status)
    instance.wait("whole", lambda s: rows(s["workers"][0])["moody"]["instances_ok"] == 2)


#: Loads quickly once, then slowly, so that a test can look at it meanwhile.
LOADS_SLOWLY_AGAIN = """
import os, time
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def initialize(self, args):
        if os.path.exists({path!r}):
            while os.path.exists({path!r}):
                time.sleep(0.05)
    def execute(self, requests):
        return [pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", pb_utils.get_input_tensor_by_name(r, "INPUT0").as_numpy())]
        ) for r in requests]
"""


def test_a_model_without_any_stub_is_not_ready(tmp_path: Path) -> None:
    """And is refused as unavailable at once, until it is loaded again. Others are not affected."""
    marker = tmp_path / "slow"
    repository = tmp_path / "repository"
    add_model(repository, "frail", LOADS_SLOWLY_AGAIN.format(path=str(marker)))
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    with serve(tmp_path, repository, "--devices=cpu:1") as instance:
        status = instance.wait_ready()
        port = instance.port("http")
        client = httpclient.InferenceServerClient(f"127.0.0.1:{port}")
        assert client.is_model_ready("frail")
        marker.touch()
        stubs = instance.wait("stubs", lambda s: s["workers"][0]["stubs"])["workers"][0]["stubs"]
        victim = next(stub["pid"] for stub in stubs if stub["model"] == "frail")
        os.kill(victim, signal.SIGKILL)
        until(lambda: not client.is_model_ready("frail"), "not ready")
        with pytest.raises(InferenceServerException, match="it is being loaded again") as refused:
            infer(port, "frail")
        assert refused.value.status() == "503"
        assert client.is_model_ready("identity")
        assert infer(port) == "Roger Roger"

        def dead(status: dict[str, Any]) -> bool:
            worker = status["workers"][0]
            gone = [stub["pid"] for stub in worker["stubs"] if not stub["alive"]]
            return gone == [victim] and rows(worker)["frail"]["healing"]

        status = instance.wait("told", dead)
        assert status["workers"][0]["state"] == "DEGRADED"
        marker.unlink()
        until(lambda: client.is_model_ready("frail"), "ready again")
        assert infer(port, "frail", "back") == "back"
        instance.wait_ready()
        client.close()
        assert instance.stop() == 0
