"""Workers that cannot make a change, or do not answer, while a client waits: real workers."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

from everywhere import call, events, look, regions, register, replace_worker, tensor_memory
from instance import Instance, running

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
FLAGS = ("--exit-timeout-secs=2", "--model-control-mode=explicit", "--allow-client-shm=true")

#: Can be loaded once: whoever is second finds the file.
ONCE = """
import os
class TritonPythonModel:
    def initialize(self, args):
        os.close(os.open({path!r}, os.O_CREAT | os.O_EXCL))
    def execute(self, requests):
        return []
"""


def serve(tmp_path: Path, *flags: str) -> Any:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    shutil.copytree(EXAMPLES / "identity", repository / "once")
    config = repository / "once" / "config.pbtxt"
    config.write_text(config.read_text().replace('"identity"', '"once"'))
    source = ONCE.format(path=str(tmp_path / "loaded"))
    (repository / "once" / "1" / "model.py").write_text(source)
    return running(tmp_path, "--model-repository", str(repository), *FLAGS, *flags, fake=False)


def counters(instance: Instance) -> tuple[int, int, int]:
    """Replicated, failed, entries of the journal."""
    status = instance.status()
    assert status is not None
    names = ("replicated_total", "replication_failed_total", "replication_journal")
    one, two, three = (int(status["supervisor"][name]) for name in names)
    return one, two, three


def test_a_change_that_one_cannot_make_is_taken_back(tmp_path: Path) -> None:
    with serve(tmp_path) as instance, tensor_memory("Roger") as memory:
        instance.wait_ready()
        port = instance.port("http")
        pids = [worker["pid"] for worker in instance.status()["workers"]]
        assert register(port, "before", memory)[0] == 200
        status, answer = call(port, "repository/models/once/load")
        assert status != 200
        assert "could not do the same" in answer["error"]
        assert "(undone on worker" in answer["error"]
        assert counters(instance) == (1, 1, 1)
        assert "load of model 'once'" in events(instance)[-1]
        instance.wait(
            "the model is gone",
            lambda s: not any(m["state"] == "READY" for w in s["workers"] for m in w["models"]),
        )
        assert [worker["pid"] for worker in instance.status()["workers"]] == pids
        assert regions(port) == ["before"]


def test_a_stopped_worker_does_not_keep_the_client(tmp_path: Path) -> None:
    waits = ("--replication-timeout=1", "--replication-patience=1")
    flags = ("--hang-timeout=0", *waits, "--drain-timeout=1")
    with serve(tmp_path, *flags) as instance, tensor_memory("Roger") as memory:
        instance.wait_ready()
        port = instance.port("http")
        before = instance.worker(1)
        os.kill(before["pid"], signal.SIGSTOP)
        # New connections go to the other one.
        instance.wait_state(1, "SUSPECT")
        assert register(port, "one", memory)[0] == 200
        assert call(port, "logging", {"log_verbose_level": 1})[0] == 200
        # The timeout, and what the first worker took.
        assert any(re.search(r"within [1-9][\d.]* s", text) for text in events(instance))
        instance.wait(
            "another worker",
            lambda s: (
                s["workers"][1]["generation"] > before["generation"]
                and s["supervisor"]["group_state"] == "ready"
            ),
        )
        assert regions(port) == ["one"]
        assert look(port, "logging")["log_verbose_level"] == 1
        assert counters(instance) == (2, 0, 2)


def test_what_cannot_be_repeated_is_dropped(tmp_path: Path) -> None:
    with serve(tmp_path) as instance:
        instance.wait_ready()
        port = instance.port("http")
        with tensor_memory("Roger") as memory:
            assert register(port, "gone", memory)[0] == 200
        assert counters(instance) == (1, 0, 1)
        replace_worker(instance, 0, lambda pid: os.kill(pid, signal.SIGKILL))
        assert counters(instance) == (1, 1, 0)
        assert "'gone' cannot be repeated, dropped" in events(instance)[-1]
        assert "'gone' cannot be repeated, dropped" in instance.text()
