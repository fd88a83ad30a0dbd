"""Calls of one gRPC channel are spread over the workers, whatever becomes of those."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as grpcclient
from certificates import Authority
from fault_report import FaultReport
from helpers.models import Model, Tensor, write_repository
from instance import Instance, get, running, until
from tritonclient.grpc import service_pb2, service_pb2_grpc

_CALLERS = 16
_ON = "--grpc-forward-slack=2"
_FP32 = ([Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])
_ONE = ([Tensor("INPUT0", "FP32", (1,))], [Tensor("OUTPUT0", "FP32", (1,))])


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of one instance each."""
    models = [
        Model("delay", "delay", *_FP32),
        Model("fail", "fail", *_FP32),
        Model(
            "sequence",
            "delay",
            *_ONE,
            max_batch_size=1,
            extra="sequence_batching { max_sequence_idle_microseconds: 60000000 }",
        ),
    ]
    return write_repository(tmp_path_factory.mktemp("forwarding"), models)


@pytest.fixture
def instance(tmp_path: Path, repository: Path, backends_dir: Path) -> Iterator[Instance]:
    flags = ("--model-repository", str(repository), "--devices=cpu:3", "--hang-timeout=60", _ON)
    with running(tmp_path, *flags, fake=False) as made:
        made.wait_ready()
        yield made


def request(model: str = "delay", delay_ms: int = 10, **parameters: Any) -> Any:
    message = service_pb2.ModelInferRequest(model_name=model)
    tensor = message.inputs.add(name="INPUT0", datatype="FP32")
    tensor.shape.append(1)
    message.raw_input_contents.append(np.array([7], np.float32).tobytes())
    for name, value in {"delay_ms": delay_ms, **parameters}.items():
        kind = "string_param" if isinstance(value, str) else "int64_param"
        setattr(message.parameters[name], kind, value)
    return message


class Callers:
    """Callers on one channel, which ask until they are stopped."""

    def __init__(
        self,
        instance: Instance,
        make: Callable[[], Any] = request,
        channel: grpc.Channel | None = None,
    ) -> None:
        self.results: Counter[str] = Counter()
        self.texts: Counter[str] = Counter()
        self._make = make
        self._done = threading.Event()
        self._channel = channel or grpc.insecure_channel(f"127.0.0.1:{instance.port('grpc')}")
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(_CALLERS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._done.is_set():
            try:
                answer = self._stub.ModelInfer(self._make(), timeout=60)
            except grpc.RpcError as error:
                self.results[error.code().name] += 1
                self.texts[error.details()] += 1
            else:
                good = np.frombuffer(answer.raw_output_contents[0], np.float32)[0] == 7
                self.results["OK" if good else "wrong"] += 1

    def wait(self, answers: int) -> None:
        goal = self.results["OK"] + answers
        until(lambda: self.results["OK"] >= goal, f"{answers} answers")

    def report(self, fault_report: FaultReport, fault: str, **counts: float) -> None:
        sent = sum(self.results.values())
        failed = sent - self.results["OK"]
        fault_report.row(fault, sent=sent, failed=failed, refused=0, **counts)

    def stop(self) -> Counter[str]:
        self._done.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        self._channel.close()
        return self.results


def workers(instance: Instance, field: str) -> list[int]:
    status = instance.status()
    assert status is not None
    return [worker[field] for worker in status["workers"]]


def receiver(instance: Instance) -> dict[str, Any]:
    """A worker to which the one that has the channel passes calls on."""

    def find() -> dict[str, Any] | None:
        status = instance.status()
        reported = status["workers"] if status else []
        if not any(worker["forwarded_out"] for worker in reported):
            return None
        found = [w for w in reported if w["forwarded_in"] and not w["forwarded_out"]]
        return found[0] if found else None

    worker: dict[str, Any] = until(find, "calls are passed on")
    return worker


def test_one_channel_uses_all_workers(instance: Instance) -> None:
    callers = Callers(instance)
    callers.wait(600)
    assert set(callers.stop()) == {"OK"}
    # The page is of this moment, status of the last second.
    page = get(instance.port("metrics"), "/metrics")
    counts = {}
    for direction in ("in", "out", "failed"):
        name = f'tritonfrontend_forwarded_requests_total{{direction="{direction}",worker="'
        counts[direction] = sum(map(int, re.findall(re.escape(name) + r'\d"} (\d+)', page)))
    passed_on, total = counts["out"], callers.results["OK"]
    assert counts == {"in": passed_on, "out": passed_on, "failed": 0}
    assert passed_on > total / 3, (passed_on, total)
    until(lambda: sum(workers(instance, "forwarded_in")) == passed_on, "status tells of it")
    until(lambda: sum(workers(instance, "forwarded_out")) == passed_on, "on both sides")
    assert sum(count > 0 for count in workers(instance, "forwarded_in")) == 2
    assert sum(workers(instance, "forward_failed")) == 0
    until(lambda: sum(workers(instance, "conns")) == 0, "links are no connections of clients")


def test_short_inferences_stay(instance: Instance) -> None:
    callers = Callers(instance, lambda: request(delay_ms=0))
    callers.wait(2000)
    assert set(callers.stop()) == {"OK"}
    until(lambda: sum(workers(instance, "completed")) >= 2000, "the counts are reported")
    # The queue of one instance may have been long for a moment.
    assert sum(workers(instance, "forwarded_out")) < callers.results["OK"] / 10


def test_sequences_stay_with_their_worker(instance: Instance) -> None:
    """A step that went elsewhere would be refused there: its sequence has not begun."""
    target = f"127.0.0.1:{instance.port('grpc')}"
    with grpc.insecure_channel(target) as channel, ThreadPoolExecutor(_CALLERS) as pool:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

        def run(number: int) -> None:
            for at in range(5):
                step = request("sequence", 5, sequence_id=number)
                step.parameters["sequence_start"].bool_param = at == 0
                step.parameters["sequence_end"].bool_param = at == 4
                step.inputs[0].shape.insert(0, 1)
                stub.ModelInfer(step, timeout=60)

        list(pool.map(run, range(1, 41)))


def test_errors_are_those_of_the_model(instance: Instance) -> None:
    slow = Callers(instance)
    slow.wait(100)

    def failing() -> Any:
        message = request("fail")
        message.parameters["error_message"].string_param = "100 % wrong: \u00e4"
        return message

    callers = Callers(instance, failing)
    until(lambda: sum(callers.results.values()) > 300, "answers")
    results = callers.stop()
    assert set(slow.stop()) == {"OK"}
    assert len(results) == len(callers.texts) == 1, (results, callers.texts)
    assert "100 % wrong: \u00e4" in next(iter(callers.texts))


def test_deadlines_and_cancels_reach_the_other_worker(instance: Instance) -> None:
    warm = Callers(instance)
    warm.wait(100)
    warm.stop()
    with grpcclient.InferenceServerClient(f"127.0.0.1:{instance.port('grpc')}") as client:
        with grpc.insecure_channel(f"127.0.0.1:{instance.port('grpc')}") as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            calls = [stub.ModelInfer.future(request(delay_ms=600_000)) for _ in range(12)]
            until(lambda: sum(workers(instance, "forwarded_in")) > 4, "some are passed on")
            for call in calls:
                call.cancel()
            timed = [stub.ModelInfer.future(request(), timeout=30) for _ in range(12)]
            # They would wait for ever behind one that was not cancelled.
            assert {call.exception() for call in timed} == {None}
            late = [stub.ModelInfer.future(request(delay_ms=600_000), timeout=1) for _ in range(12)]
            codes = {call.exception().code() for call in late}
            assert codes == {grpc.StatusCode.DEADLINE_EXCEEDED}
            assert stub.ModelInfer(request(), timeout=30).raw_output_contents
        assert client.is_server_ready()


@pytest.mark.faults
@pytest.mark.parametrize("port", ["a port of its own", "TLS", "the HTTP port"])
def test_one_channel_on_four_workers(
    tmp_path: Path, repository: Path, backends_dir: Path, fault_report: FaultReport, port: str
) -> None:
    """The ideal is what the four models can do, each with one request of 5 ms at a time."""
    authority = Authority(tmp_path)
    identity = authority.issue("server")
    options = {
        "TLS": (
            "--grpc-use-ssl=true",
            f"--grpc-server-cert={identity.cert}",
            f"--grpc-server-key={identity.key}",
        ),
        "the HTTP port": ("--grpc-on-http-port=true",),
    }
    flags = ("--model-repository", str(repository), "--devices=cpu:4", _ON, *options.get(port, ()))
    with running(tmp_path, *flags, fake=False) as instance:
        instance.wait_ready()
        target = f"localhost:{instance.port('http' if port == 'the HTTP port' else 'grpc')}"
        channel = grpc.insecure_channel(target)
        if port == "TLS":
            roots = grpc.ssl_channel_credentials(authority.cert.read_bytes())
            channel = grpc.secure_channel(target, roots)
        callers = Callers(instance, lambda: request(delay_ms=5), channel)
        callers.wait(1000)
        begun, answers = time.monotonic(), callers.results["OK"]
        callers.wait(5000)
        rate = (callers.results["OK"] - answers) / (time.monotonic() - begun)
        results = callers.stop()
        callers.report(
            fault_report,
            f"one gRPC channel, four workers, {port}",
            per_second=rate,
            percent_of_ideal=100 * rate / (4 / 0.005),
        )
        assert set(results) == {"OK"}
        total = sum(results.values())
        until(
            lambda: sorted(workers(instance, "forwarded_in"))[1] > total / 8,
            "all workers have their share",
        )


def test_a_receiver_that_dies(instance: Instance, fault_report: FaultReport) -> None:
    """Only what it had in hand fails; the worker that has the channel goes on."""
    callers = Callers(instance)
    callers.wait(100)
    victim = receiver(instance)
    os.kill(victim["pid"], signal.SIGKILL)
    callers.wait(600)
    instance.wait_ready()
    callers.wait(300)
    results = callers.stop()
    callers.report(fault_report, "SIGKILL of a worker to which calls are passed on")
    assert set(results) <= {"OK", "UNAVAILABLE"}
    assert results["UNAVAILABLE"] <= _CALLERS
    assert set(callers.texts) <= {"the worker that had this request has ended"}


def test_a_receiver_that_stops(instance: Instance, fault_report: FaultReport) -> None:
    """It is given nothing more; what it has waits for it."""
    callers = Callers(instance)
    callers.wait(100)
    victim = receiver(instance)
    os.kill(victim["pid"], signal.SIGSTOP)
    try:
        instance.wait_state(victim["slot"], "SUSPECT")
        callers.wait(600)
    finally:
        os.kill(victim["pid"], signal.SIGCONT)
    instance.wait_ready()
    callers.wait(100)
    results = callers.stop()
    callers.report(fault_report, "SIGSTOP of a worker to which calls are passed on")
    assert set(results) == {"OK"}


def test_reload_under_one_channel(instance: Instance, fault_report: FaultReport) -> None:
    callers = Callers(instance)
    callers.wait(100)
    assert instance.ask("reload", force=True)
    until(
        lambda: all(w["generation"] > 1 for w in instance.wait_ready()["workers"]),
        "all workers are replaced",
    )
    callers.wait(300)
    results = callers.stop()
    callers.report(fault_report, "reload under one gRPC channel")
    assert set(results) == {"OK"}
