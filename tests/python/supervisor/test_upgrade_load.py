"""`upgrade` with real Triton under the load of real clients: nobody notices."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from clients import Load
from instance import command, pids, run_id_of, running, until
from test_lifecycle_load import more, under_load
from test_real_triton import EXAMPLES, assert_nothing_left, family

pytestmark = pytest.mark.faults


def test_upgrades_under_load(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    with running(tmp_path, "--model-repository", str(repository), fake=False) as instance:
        before = instance.wait_ready()

        def act(load: Load) -> None:
            for number in (1, 2, 3):
                done = command(tmp_path, "upgrade")
                assert done.returncode == 0, done.stderr + instance.text()
                more(load, 500)
                status = instance.wait_ready()
                assert status["supervisor"]["upgrades_total"] == number
                assert family(status) == family(before)

        load = under_load(instance, act)
        assert load.results["failed"] == 0, load.errors
        assert load.results["refused"] == 0
        victim = pids(before)[0]
        os.kill(victim, signal.SIGKILL)
        instance.wait("replaced", lambda s: s["workers"][0]["generation"] == 2)
        status = instance.wait_ready()
        left = family(status)
        assert instance.stop() == 0
        assert_nothing_left([*left, *family(before)], run_id_of(before))
        until(lambda: not instance.socket.parent.exists(), "run directory gone")
