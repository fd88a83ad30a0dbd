"""Upgrades in place that cannot be, or fail after all. Real processes, stand-in workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from instance import command, get, pids, running
from other_code import Installation
from upgrading import assert_gone, upgrade


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "session/takeover.py",
            "from .serve_settings import",
            "raise OSError('half installed')  #",
            "half installed",
        ),
        ("session/takeover.py", "import argparse\n", "import argparse(\n", "SyntaxError"),
        ("session/handover.py", "STATE_VERSION = 1", "STATE_VERSION = 2", "this code knows 2 only"),
        (
            "protocol/worker_spec.py",
            "PROTOCOL_VERSION = 1",
            "PROTOCOL_VERSION = 2",
            "worker protocol",
        ),
        (
            "protocol/shared_table.py",
            "BANKS = 2",
            "BANKS = 3",
            "the memory file tritonfrontend-beats has",
        ),
        (
            "slots/saved.py",
            "    killed_because: str | None\n",
            "",
            "killed_because: expected no such",
        ),
    ],
)
def test_code_that_cannot_take_over_is_refused(
    tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    code = Installation(tmp_path)
    with running(tmp_path, **code.env) as instance:
        before = instance.wait_ready()
        code.change(f"supervisor/{name}", old, new)
        for flags in (["--dry-run"], []):
            refused = upgrade(instance, *flags)
            assert refused.returncode == 1
            assert said in refused.stderr, refused.stderr
        after = instance.wait_ready()
        assert pids(after) == pids(before)
        assert after["supervisor"]["upgrades_total"] == 0
        if new:
            code.change(f"supervisor/{name}", new, old)
            assert "could take over" in upgrade(instance, "--dry-run").stdout
        assert instance.stop() == 0


#: The check with a session that reads a pipe as a real one reads its workers, and then as told.
CHECK = """
import asyncio, os, sys
from tritonfrontend.supervisor.session import handover, takeover

class Session:
    def __init__(self, *given):
        asyncio.get_running_loop().add_reader(0, os.read, 0, 100)
        {then}

handover.read_raw = lambda fd: None
handover.parse = takeover._launch = lambda *given: None
takeover.Session = Session
takeover.main(["--check", "--state-fd", str(os.dup(0))])
"""


@pytest.mark.parametrize(
    ("then", "said"), [("pass", '{"takeover": '), ("sys.nothing", "AttributeError: module 'sys'")]
)
def test_the_check_reads_nothing_that_belongs_to_the_running_supervisor(
    then: str, said: str
) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"a line of a worker")
    code = CHECK.format(then=then)
    done = subprocess.run([sys.executable, "-c", code], stdin=ours, capture_output=True, cwd="/")
    assert done.stdout.decode().strip().splitlines()[-1].startswith(said), done.stderr.decode()
    os.close(theirs)
    assert os.read(ours, 100) == b"a line of a worker"
    os.close(ours)


def test_code_that_fails_after_all_drains_the_workers(tmp_path: Path) -> None:
    code = Installation(tmp_path)
    with running(tmp_path, **code.env) as instance:
        before = instance.wait_ready()
        code.change(
            "supervisor/session/takeover.py",
            "        output.resume(state.output)\n",
            "        raise ValueError('changed its mind')\n",
        )
        failed = upgrade(instance)
        assert failed.returncode == 1
        assert "its log says why" in failed.stderr
        assert instance.popen.wait(60) == 1
        assert "cannot take over, draining: changed its mind" in instance.text()
        assert_gone(instance, before)


def test_not_while_something_is_under_way(tmp_path: Path) -> None:
    with running(tmp_path, FAKE_MODE_1="loads-forever") as instance:
        instance.wait_state(0, "READY")
        instance.wait_state(1, "LOADING")
        for flags in (["--dry-run"], []):
            refused = upgrade(instance, *flags)
            assert refused.returncode == 1
            assert "not now: w1 is LOADING" in refused.stderr
        assert instance.stop() == 0


def test_a_program_that_cannot_be_executed(tmp_path: Path) -> None:
    """As if the interpreter had gone between the check and the exec: the old program goes on."""
    code = Installation(tmp_path)
    here = "supervisor/system/this_process.py"
    code.change(here, "os.execve(command[0], ", "os.execve('/no/such/python', ")
    with running(tmp_path, **code.env) as instance:
        before = instance.wait_ready()
        for _ in range(2):
            refused = upgrade(instance)
            assert refused.returncode == 1
            assert "No such file or directory" in refused.stderr
        after = instance.wait_ready()
        assert pids(after) == pids(before)
        assert int(get(instance.port("http"))) in pids(after)
        assert "tritonfrontend_worker_up" in get(instance.port("metrics"), "/metrics")
        assert command(tmp_path, "restart", "0").returncode == 0
        instance.wait("restarted", lambda s: s["workers"][0]["generation"] == 2)
        status = instance.wait_ready()
        assert instance.stop() == 0
        assert_gone(instance, status)


def test_a_death_after_the_check_calls_it_off(tmp_path: Path) -> None:
    """The old program goes on: it answers, scrapes are served, and it can be stopped."""
    code = Installation(tmp_path)
    with running(tmp_path, FAKE_MODE_0="helper", **code.env) as instance:
        instance.wait_ready()
        code.change(
            "supervisor/session/takeover.py",
            "    print(answer, flush=True)\n",
            "    os.kill(state.group.slots[0].generation.pid, 9)\n    print(answer, flush=True)\n",
        )
        refused = upgrade(instance)
        assert refused.returncode == 1
        assert "not now: w0 is RECLAIM" in refused.stderr
        status = instance.wait("replaced", lambda s: s["workers"][0]["generation"] == 2)
        status = instance.wait_ready()
        assert status["supervisor"]["upgrades_total"] == 0
        assert "tritonfrontend_worker_up" in get(instance.port("metrics"), "/metrics")
        assert instance.stop() == 0
        assert_gone(instance, status)
