"""What a real worker was computing when it was killed, over HTTP and gRPC."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from instance import running, until
from test_real_triton import EXAMPLES, SLOW, add_model, infer


def test_requests_in_flight_survive_sigkill(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    add_model(repository, "endless", SLOW.replace("1.5", "600"))
    flags = ["--model-repository", str(repository), "--devices=cpu:1"]
    with running(tmp_path, *flags, fake=False) as instance:
        instance.wait_ready()
        for _ in range(5):
            infer(instance.port("http"))
        until(lambda: instance.worker(0)["oldest_inflight_s"] is None, "all have ended")
        threads = [
            threading.Thread(target=ask, args=(client, instance.port(port), name))
            for client, port, name in (
                (httpclient, "http", "by-http"),
                (grpcclient, "grpc", "by-grpc"),
            )
        ]
        for thread in threads:
            thread.start()
        until(lambda: instance.worker(0)["inflight"] == 2, "both are in flight")
        until(lambda: instance.worker(0)["oldest_inflight_s"] is not None, "noted")
        os.kill(instance.worker(0)["pid"], signal.SIGKILL)
        for thread in threads:
            thread.join()
        last = instance.wait("dead", lambda s: s["workers"][0]["last_exit"])["workers"][0]
    found = {(each["model"], each["id"]) for each in last["last_exit"]["inflight"]}
    assert found == {("endless", "by-http"), ("endless", "by-grpc")}


def ask(kind: Any, port: int, name: str) -> None:
    """A request that fails: its worker dies."""
    client = kind.InferenceServerClient(f"127.0.0.1:{port}")
    tensor = kind.InferInput("INPUT0", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([["x"]], dtype=object))
    try:
        client.infer("endless", [tensor], request_id=name)
    except Exception:
        return
    finally:
        client.close()
    raise AssertionError("it was answered")
