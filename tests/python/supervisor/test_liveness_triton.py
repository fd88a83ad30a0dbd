"""Real workers that are killed, stopped, or hold the interpreter's lock, under load."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tritonclient.grpc as grpcclient
from closed_loop import INFER, Load, kill_and_count, stop_and_count
from fault_report import FaultReport
from instance import GIL_HOLDER, pids, running, until

pytestmark = pytest.mark.faults

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"


def serve(tmp_path: Path, *flags: str, **env: str) -> Any:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    return running(tmp_path, "--model-repository", str(repository), *flags, fake=False, **env)


def test_sigkill_under_load_costs_only_what_the_victim_had_open(
    tmp_path: Path, fault_report: FaultReport
) -> None:
    in_flight = 0
    with serve(tmp_path, "--devices=cpu:3") as instance:
        instance.wait_ready()
        with Load(instance.port("http"), 12, INFER) as load:
            for kill in range(3):
                slot = kill % 3
                victim = instance.worker(slot)["pid"]
                before = load.failed
                open_then = kill_and_count(victim, slot)
                in_flight += open_then
                until(lambda: instance.worker(slot)["generation"] == 2, "restart")  # noqa: B023
                instance.wait_ready()
                load.more(100)
                print(f"kill {kill}: {open_then} open, {load.failed - before} failed")
                assert load.failed - before <= open_then
        fault_report.load("SIGKILL under load", load, kills=3, open_on_the_victims=in_flight)
        assert load.results["refused"] == 0
        assert load.results.keys() <= {"ok", "failed", "refused"}


def test_sigkill_of_an_idle_and_of_a_loading_worker(
    tmp_path: Path, fault_report: FaultReport
) -> None:
    """Neither has accepted a request, so none fails; what arrives for it is served by the other."""
    with serve(tmp_path, "--devices=cpu:2") as instance:
        os.kill(pids(instance.wait_ready())[0], signal.SIGKILL)
        with Load(instance.port("http"), 6, INFER) as load:
            loading = instance.wait_state(0, "LOADING")
            os.kill(loading["pid"], signal.SIGKILL)
            load.more(100)
            instance.wait("a third worker", lambda s: s["workers"][0]["generation"] == 3)
            instance.wait_ready()
            load.more(100)
        fault_report.load("SIGKILL of an idle worker, then of a loading one", load, kills=2)
        assert load.results.keys() == {"ok"}
        assert instance.worker(1)["generation"] == 1


@pytest.mark.parametrize(
    ("how_long", "more"), [("until others have its queue", 100), ("for longer", 2000)]
)
def test_one_of_four_is_stopped(
    tmp_path: Path, how_long: str, more: int, fault_report: FaultReport
) -> None:
    """Nobody fails; what the stopped worker had accepted waits for it, and nothing else does."""
    with serve(tmp_path, "--devices=cpu:4", "--hang-timeout=60") as instance:
        victim = pids(instance.wait_ready())[1]
        # More than a worker accepts at a time: those that it has wait until it goes on.
        with Load(instance.port("http"), 16, INFER) as load:
            open_then = stop_and_count(victim, 1)
            stopped_at = time.monotonic()
            instance.wait_state(1, "SUSPECT")
            suspect_at = time.monotonic()
            load.more(more)
            continued_at = time.monotonic()
            os.kill(victim, signal.SIGCONT)
            instance.wait_state(1, "READY")
            load.more(200)
        waited = [each for each in load.slow if each[0] < suspect_at and each[1] > continued_at]
        others = [end - begin for begin, end in load.slow if (begin, end) not in waited]
        fault_report.load(
            f"SIGSTOP of one of four workers, {how_long}",
            load,
            open_on_the_victim=open_then,
            waited_for_it=len(waited),
            worst_ms_of_others=max(others, default=0.0) * 1000,
            stopped_ms=(continued_at - stopped_at) * 1000,
            suspect_after_ms=(suspect_at - stopped_at) * 1000,
        )
        assert load.results.keys() == {"ok"}
        assert len(waited) <= open_then
        assert not any(begin >= stopped_at for begin, _ in waited)
        assert instance.worker(1)["generation"] == 1


def test_worker_that_holds_the_gil_is_not_suspect(tmp_path: Path) -> None:
    """Loading a model may hold it for minutes: the loops, which beat, are not Python's."""
    flag = tmp_path / "hold"
    command = ("--worker-command", f"{sys.executable} {GIL_HOLDER}")
    flags = ("--hang-timeout=1", "--devices=cpu:1")
    with serve(tmp_path, *flags, *command, HOLD_GIL=str(flag), HOLD_GIL_SECONDS="4") as instance:
        pid = pids(instance.wait_ready())[0]
        flag.touch()
        until(lambda: Path(f"{flag}-held-{pid}").exists(), "the lock is held")
        states = set()
        with Load(instance.port("http"), 2, INFER) as load:
            while not Path(f"{flag}-free-{pid}").exists():
                states.add(instance.worker(0)["state"])
                load.more(5)  # and it serves
        assert states <= {"READY", "SUSPECT"}  # a busy machine may silence a loop for a moment
        assert load.results.keys() == {"ok"}
        assert instance.worker(0)["generation"] == 1


@pytest.mark.parametrize("calls", [50])
def test_grpc_clients_of_a_stopped_worker(tmp_path: Path, calls: int) -> None:
    """New connections find a live worker at once; only those that were open wait."""
    with serve(tmp_path, "--devices=cpu:2", "--hang-timeout=60") as instance:
        victim = pids(instance.wait_ready())[0]
        port = instance.port("grpc")
        os.kill(victim, signal.SIGSTOP)
        for number in range(calls):
            arguments = [("grpc.use_local_subchannel_pool", 1), ("test", number)]
            with grpcclient.InferenceServerClient(
                f"127.0.0.1:{port}", channel_args=arguments
            ) as client:
                assert client.is_server_ready(client_timeout=60)
        os.kill(victim, signal.SIGCONT)
        instance.wait_ready()
        assert instance.worker(0)["generation"] == 1


def test_grpc_connections_are_spread_evenly(tmp_path: Path) -> None:
    """The kernel alone leaves one of three workers without any of six in a quarter of all runs."""
    with serve(tmp_path, "--devices=cpu:3") as instance, contextlib.ExitStack() as stack:
        instance.wait_ready()
        port = instance.port("grpc")
        for number in range(12):
            client = grpcclient.InferenceServerClient(
                f"127.0.0.1:{port}",
                channel_args=[("grpc.use_local_subchannel_pool", 1), ("test", number)],
            )
            stack.callback(client.close)
            assert client.is_server_ready(client_timeout=60)

        def spread(status: dict[str, Any]) -> list[int]:
            frontends = [worker["frontends"].get("grpc", {}) for worker in status["workers"]]
            return [counters.get("connections", 0) for counters in frontends]

        status = instance.wait("counters", lambda s: sum(spread(s)) == 12)
        assert spread(status) == [4, 4, 4]
        instance.ask("drain", slot=1)
        instance.wait_state(1, "DISABLED")
        assert client.is_server_ready(client_timeout=60)
