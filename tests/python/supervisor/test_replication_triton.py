"""Two real workers behave as one server: what a client changes through one holds on both, and on
those that come after them.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from everywhere import (
    CONNECTIONS,
    call,
    everywhere,
    infer_from,
    look,
    regions,
    register,
    replace_worker,
    tensor_memory,
)
from instance import Instance, command, running
from tritonclient.utils import InferenceServerException

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
FLAGS = (
    *("--model-repository", str(EXAMPLES), "--exit-timeout-secs=5"),
    *("--model-control-mode=explicit", "--load-model=identity", "--allow-client-shm=true"),
)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def reload(instance: Instance) -> None:
    before = [worker["generation"] for worker in instance.status()["workers"]]  # type: ignore[index]
    answer = command(instance.root, "reload", "--force")
    assert answer.returncode == 0, answer.stderr
    instance.wait(
        "new generations",
        lambda s: (
            all(w["generation"] > old for w, old in zip(s["workers"], before, strict=True))
            and s["supervisor"]["group_state"] == "ready"
        ),
    )


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    trace = f"--trace-config=triton,file={tmp_path}/trace.json"
    with running(tmp_path, *FLAGS, trace, fake=False) as made:
        made.wait_ready()
        yield made


def test_shared_memory(instance: Instance) -> None:
    port = instance.port("http")
    with tensor_memory("Roger") as one, tensor_memory("Wilco") as two:
        assert register(port, "one", one)[0] == 200
        assert everywhere(lambda: infer_from(port, "one", one.size)) == "Roger"
        assert "already" in register(port, "one", two)[1]["error"]
        with grpcclient.InferenceServerClient(f"127.0.0.1:{instance.port('grpc')}") as client:
            client.register_system_shared_memory("two", two.name, two.size)
        assert everywhere(lambda: infer_from(port, "two", two.size)) == "Wilco"
        replace_worker(instance, 0, kill)
        assert everywhere(lambda: infer_from(port, "two", two.size)) == "Wilco"
        assert call(port, "systemsharedmemory/region/two/unregister")[0] == 200
        assert regions(port) == ["one"]
        reload(instance)
        assert regions(port) == ["one"]
        assert everywhere(lambda: infer_from(port, "one", one.size)) == "Roger"
        # The kind counts: this unregisters nothing, anywhere.
        assert call(port, "cudasharedmemory/unregister")[0] == 200
        assert regions(port) == ["one"]
        assert call(port, "systemsharedmemory/unregister")[0] == 200
    replace_worker(instance, 1, kill)
    assert regions(port) == []
    status = instance.status()
    assert status is not None
    assert status["supervisor"]["replicated_total"] == 5
    assert status["supervisor"]["replication_failed_total"] == 0
    assert status["supervisor"]["replication_journal"] == 0


def test_settings(instance: Instance) -> None:
    port = instance.port("http")
    started = look(port, "logging")
    assert call(port, "logging", {"log_verbose_level": 1})[1]["log_verbose_level"] == 1
    with grpcclient.InferenceServerClient(f"127.0.0.1:{instance.port('grpc')}") as client:
        client.update_log_settings({"log_format": "ISO8601", "log_warning": False})
        client.update_trace_settings("identity", {"trace_rate": "7", "trace_level": "TIMESTAMPS"})
    wanted = {"log_verbose_level": 1, "log_format": "ISO8601", "log_warning": False}
    assert look(port, "logging") == {**started, **wanted, "log_file": ""}
    assert call(port, "trace/setting", {"trace_count": "5"})[1]["trace_count"] == "5"

    def traces() -> tuple[Any, ...]:
        found = []
        for path in ("models/identity/trace/setting", "trace/setting"):
            settings = call(port, path, method="GET")[1]
            settings.pop("trace_file")  # each worker has its own
            found.append(settings)
        return tuple(found)

    before = everywhere(traces)
    assert (before[0]["trace_rate"], before[1]["trace_rate"]) == ("7", "1000")
    replace_worker(instance, 1, kill)
    assert everywhere(traces) == before
    assert look(port, "logging") == {**started, **wanted, "log_file": ""}
    body = {"trace_rate": None, "trace_level": None}
    assert call(port, "models/identity/trace/setting", body)[0] == 200
    assert call(port, "trace/setting", {"trace_count": None})[0] == 200
    reload(instance)
    assert [one["trace_rate"] for one in everywhere(traces)] == ["1000", "1000"]
    assert [one["trace_count"] for one in everywhere(traces)] == ["-1", "-1"]


def configuration(count: int) -> str:
    tensor = {"data_type": "TYPE_STRING", "dims": [-1, -1]}
    return json.dumps(
        {
            "backend": "python",
            "max_batch_size": 0,
            "input": [{"name": "INPUT0", **tensor}],
            "output": [{"name": "OUTPUT0", **tensor}],
            "instance_group": [{"count": count, "kind": "KIND_CPU"}],
        }
    )


def test_models(instance: Instance) -> None:
    port = instance.port("http")

    def ready(model: str) -> bool:
        # Why it is not may differ: a worker that is new has never had it.
        return everywhere(lambda: call(port, f"models/{model}/ready", method="GET")[0] == 200)

    def instances(model: str) -> int:
        groups = look(port, f"models/{model}/config")["instance_group"]
        return int(groups[0]["count"])

    # A file beyond what fits into a message, under a name that is not in the repository.
    source = (EXAMPLES / "identity" / "1" / "model.py").read_bytes() + b"\n#" + b"x" * 3_000_000
    parameters = {"config": configuration(2), "file:1/model.py": base64.b64encode(source).decode()}
    assert call(port, "repository/models/given/load", {"parameters": parameters}) == (200, None)
    assert ready("given")
    assert instances("given") == 2
    with grpcclient.InferenceServerClient(f"127.0.0.1:{instance.port('grpc')}") as client:
        client.unload_model("identity")
    assert not ready("identity")
    # The journal outlives the program, with the file.
    assert command(instance.root, "upgrade").returncode == 0
    replace_worker(instance, 0, kill)
    assert ready("given")
    assert instances("given") == 2
    assert not ready("identity")
    reload(instance)
    assert ready("given")
    assert not ready("identity")
    status, answer = call(port, "repository/models/nobody/load")
    assert status == 500
    assert "worker" not in answer["error"]  # refused where it was asked, as by one server
    assert call(port, "repository/models/given/unload")[0] == 200
    assert call(port, "repository/models/identity/load")[0] == 200
    replace_worker(instance, 1, kill)
    assert ready("identity")
    assert not ready("given")


def test_an_unload_with_dependents_holds_for_later_workers(instance: Instance) -> None:
    """The core takes along what nobody had loaded by name, so the journal need not know it."""
    port = instance.port("http")
    tensor = {"data_type": "TYPE_STRING", "dims": [-1, -1]}
    step = {
        "model_name": "identity",
        "model_version": -1,
        "input_map": {"INPUT0": "IN"},
        "output_map": {"OUTPUT0": "OUT"},
    }
    whole = {
        "platform": "ensemble",
        "input": [{"name": "IN", **tensor}],
        "output": [{"name": "OUT", **tensor}],
        "ensemble_scheduling": {"step": [step]},
    }
    config = json.dumps(whole)
    # A file makes a folder of it: the repository has none.
    files = {"file:1/none": base64.b64encode(b"").decode()}
    parameters = {"config": config, **files}
    assert call(port, "repository/models/whole/load", {"parameters": parameters}) == (200, None)

    def ready() -> list[bool]:
        names = ("identity", "whole")
        return [call(port, f"models/{name}/ready", method="GET")[0] == 200 for name in names]

    assert everywhere(ready) == [True, True]
    assert call(port, "repository/models/identity/load")[0] == 200
    body = {"parameters": {"unload_dependents": True}}
    assert call(port, "repository/models/whole/unload", body)[0] == 200
    assert everywhere(ready) == [True, False]
    replace_worker(instance, 0, kill)
    assert everywhere(ready) == [True, False]


def test_an_error_that_quotes_a_long_name_ends_nobody(instance: Instance) -> None:
    before = [worker["pid"] for worker in instance.wait_ready()["workers"]]
    with grpcclient.InferenceServerClient(f"127.0.0.1:{instance.port('grpc')}") as client:
        for _ in range(4):
            with pytest.raises(InferenceServerException, match="invalid model name"):
                client.load_model("/" + "\u4f60" * 12_000)
        assert client.is_server_ready()
    assert [worker["pid"] for worker in instance.wait_ready()["workers"]] == before


def test_statistics_and_index_are_those_of_all(instance: Instance) -> None:
    port = instance.port("http")
    with tensor_memory("Roger") as memory:
        assert register(port, "r", memory)[0] == 200
        for _ in range(CONNECTIONS):
            infer_from(port, "r", memory.size)

    def counted() -> list[int]:
        found = call(port, "models/identity/stats", method="GET")[1]["model_stats"]
        (row,) = found
        (batch,) = row["batch_stats"]
        return [
            row["inference_count"],
            row["inference_stats"]["success"]["count"],
            batch["compute_infer"]["count"],
        ]

    assert everywhere(counted) == [CONNECTIONS] * 3
    with grpcclient.InferenceServerClient(f"127.0.0.1:{instance.port('grpc')}") as client:
        found = client.get_inference_statistics("identity").model_stats
        assert [row.inference_count for row in found] == [CONNECTIONS]
        index = client.get_model_repository_index().models
        assert ("identity", "READY") in [(model.name, model.state) for model in index]
    with httpclient.InferenceServerClient(f"127.0.0.1:{port}") as client:
        index = client.get_model_repository_index()
        assert sorted(model["name"] for model in index) == ["add_sub", "identity"]
    body = {"ready": True}
    status, ready = call(port, "repository/index", body)
    assert (status, [model["name"] for model in ready]) == (200, ["identity"])
    assert call(port, "models/nobody/stats", method="GET")[0] == 400
    # One that does not answer is left out, and nobody waits for it for long.
    pid = instance.worker(1)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        instance.wait_state(1, "SUSPECT")
        assert 0 < counted()[0] < CONNECTIONS
    finally:
        os.kill(pid, signal.SIGCONT)
    instance.wait_ready()
    assert everywhere(counted) == [CONNECTIONS] * 3


def test_changes_at_the_same_time_end_the_same(instance: Instance) -> None:
    port, problems = instance.port("http"), []
    with tensor_memory("Roger") as memory, tensor_memory("Wilco") as other:

        def change(number: int) -> None:
            for turn in range(10):
                register(port, "fought-for", (memory, other)[number % 2])
                level = number * 10 + turn
                status, answer = call(port, "logging", {"log_verbose_level": level % 2})
                if status != 200:
                    problems.append(answer)
                if turn % 3 == number % 3:
                    call(port, "systemsharedmemory/region/fought-for/unregister")

        threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        found = look(port, "systemsharedmemory/status"), look(port, "logging")
        replace_worker(instance, 0, kill)
        assert (look(port, "systemsharedmemory/status"), look(port, "logging")) == found
    status = instance.status()
    assert status is not None
    assert status["supervisor"]["replication_failed_total"] == 0


def test_not_replicated_if_not_wanted(tmp_path: Path) -> None:
    with running(tmp_path, *FLAGS, "--replicate-control=false", fake=False) as instance:
        instance.wait_ready()
        port = instance.port("http")
        assert call(port, "logging", {"log_verbose_level": 1})[0] == 200
        levels = {call(port, "logging", method="GET")[1]["log_verbose_level"] for _ in range(20)}
        assert levels == {0, 1}
