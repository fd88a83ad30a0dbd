"""A model that one worker cannot serve is served by another: real Triton, real stubs, two workers.

Requests that the model has when it breaks share its fate: clients begin when it is DEGRADED.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from fault_report import FaultReport
from helpers.models import Model, Tensor, python_model, write_repository
from instance import Instance, get, running, until
from test_forwarding import Callers, request
from test_model_health import stubs
from tritonclient.grpc import service_pb2, service_pb2_grpc

pytestmark = pytest.mark.faults

_TENSORS = ([Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])
#: Hangs in the worker whose pid is in a file, and there it loads again only when that has gone.
_MODEL = """
import os, time
import triton_python_backend_utils as pb_utils
def hangs():
    try:
        with open({path!r}) as file:
            return file.read() == str(os.getppid())
    except FileNotFoundError:
        return False
class TritonPythonModel:
    def initialize(self, args):
        while hangs():
            time.sleep(0.05)
    def execute(self, requests):
        while hangs():
            time.sleep(0.05)
        return [pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", pb_utils.get_input_tensor_by_name(r, "INPUT0").as_numpy())]
        ) for r in requests]
"""
_BODY = json.dumps(
    {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [7.0]}]}
)


def channels(instance: Instance) -> list[grpc.Channel]:
    """One to each worker: connections are spread evenly if they come one after the other."""
    target = f"127.0.0.1:{instance.port('grpc')}"
    alone = [("grpc.use_local_subchannel_pool", 1)]  # a connection of its own
    made = []
    for _ in instance.wait("status", lambda status: status["workers"])["workers"]:
        made.append(grpc.insecure_channel(target, alone))
        grpc.channel_ready_future(made[-1]).result(60)
    return made


class Victim:
    """Worker 0, which has a channel of its own, and its model "echo"."""

    def __init__(self, instance: Instance, sick: Path) -> None:
        self.instance = instance
        self.pid: int = instance.wait_ready()["workers"][0]["pid"]
        self._sick = sick
        self._channels = channels(instance)
        self.calls = [service_pb2_grpc.GRPCInferenceServiceStub(each) for each in self._channels]
        for calls in self.calls:
            calls.ModelInfer(request("echo"), timeout=60)

    @property
    def stub(self) -> int:
        (found,) = stubs(self.instance, "echo")
        return found

    def fall_sick(self) -> None:
        """From now on the model neither answers nor loads."""
        self._sick.write_text(str(self.pid))

    def hang(self) -> list[grpc.Future]:
        """The model hangs, with a request of each channel: one is at worker 0."""
        self.fall_sick()
        return [calls.ModelInfer.future(request("echo")) for calls in self.calls]

    def cure(self) -> None:
        self._sick.unlink()

    def close(self) -> None:
        self._sick.unlink(missing_ok=True)
        for channel in self._channels:
            channel.close()


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    return tmp_path / "sick"


@pytest.fixture
def repository(tmp_path: Path, sick: Path, backends_dir: Path) -> Path:
    """A model to break, and one that is always there, so that clients stay."""
    echo = python_model("echo", *_TENSORS, _MODEL.format(path=str(sick)))
    return write_repository(tmp_path / "models", [Model("delay", "delay", *_TENSORS), echo])


def started(tmp_path: Path, repository: Path, *flags: str) -> Any:
    every = ("--model-repository", str(repository), "--model-hang-timeout=1")
    return running(tmp_path, *every, *(flags or ("--devices=cpu:2",)), fake=False)


@pytest.fixture
def victim(tmp_path: Path, repository: Path, sick: Path) -> Iterator[Victim]:
    with started(tmp_path, repository) as instance:
        made = Victim(instance, sick)
        yield made
        made.close()


@pytest.fixture
def connections(victim: Victim) -> Iterator[list[http.client.HTTPConnection]]:
    port = victim.instance.port("http")
    made = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(16)]
    yield made
    for each in made:
        each.close()


def passed_on(instance: Instance, worker: int, direction: str) -> int:
    page = get(instance.port("metrics"), "/metrics")
    name = f'tritonfrontend_forwarded_requests_total{{direction="{direction}",worker="{worker}"}}'
    (count,) = re.findall(re.escape(name) + r" (\d+)", page)
    return int(count)


def all_answered(victim: Victim, fault_report: FaultReport, fault: str) -> None:
    """Callers on one channel of each worker get all their answers from worker 1."""
    instance = victim.instance
    before = passed_on(instance, 0, "out")
    callers = [Callers(instance, lambda: request("echo"), each) for each in channels(instance)]
    for each in callers:
        each.wait(300)
    results = [each.stop() for each in callers]
    callers[0].report(fault_report, fault)
    assert [set(each) for each in results] == [{"OK"}] * 2, [each.texts for each in callers]
    assert passed_on(instance, 0, "out") >= before + 300
    assert passed_on(instance, 1, "in") == passed_on(instance, 0, "out")
    assert passed_on(instance, 0, "failed") == 0


def served_here_again(victim: Victim) -> None:
    instance = victim.instance
    instance.wait_ready()
    before = passed_on(instance, 0, "out")
    for _ in range(50):
        for calls in victim.calls:
            calls.ModelInfer(request("echo"), timeout=60)
    assert passed_on(instance, 0, "out") == before


def test_calls_for_a_stopped_model(victim: Victim, fault_report: FaultReport) -> None:
    stub = victim.stub
    os.kill(stub, signal.SIGSTOP)
    try:
        worker = victim.instance.wait_state(0, "DEGRADED")
        assert "echo (a Python stub is stopped by a signal)" in worker["reason"]
        all_answered(victim, fault_report, "SIGSTOP of all stubs of a model, gRPC")
    finally:
        os.kill(stub, signal.SIGCONT)
    served_here_again(victim)


def test_calls_for_a_hung_model(victim: Victim, fault_report: FaultReport) -> None:
    waiting = victim.hang()
    victim.instance.wait_state(0, "DEGRADED")
    all_answered(victim, fault_report, "a model hangs in one worker, gRPC")
    victim.cure()
    assert [call.exception(60) for call in waiting] == [None, None]
    served_here_again(victim)


def test_calls_for_a_model_that_is_loaded_again(victim: Victim, fault_report: FaultReport) -> None:
    victim.fall_sick()  # the heal takes until then
    os.kill(victim.stub, signal.SIGKILL)
    victim.instance.wait_state(0, "DEGRADED")
    all_answered(victim, fault_report, "SIGKILL of all stubs of a model, gRPC")
    victim.cure()
    served_here_again(victim)


def refusals(calls: service_pb2_grpc.GRPCInferenceServiceStub) -> list[str]:
    """Of a stream, and of a request of a sequence."""
    (answer,) = calls.ModelStreamInfer(iter([request("echo")]), timeout=60)
    found = [answer.error_message] if answer.error_message else []
    call = calls.ModelInfer.future(request("echo", sequence_id=1))
    if (error := call.exception(60)) is not None:
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        found.append(error.details())
    return found


def test_what_cannot_be_passed_on_is_refused(victim: Victim) -> None:
    waiting = victim.hang()
    victim.instance.wait_state(0, "DEGRADED")
    refused = [text for calls in victim.calls for text in refusals(calls)]
    assert len(refused) == 2
    expected = (
        r"model 'echo' is unavailable on this worker: "
        r"hung: 1 in flight, nothing answered for \d+ s; another worker serves it"
    )
    assert all(re.search(expected, text) for text in refused), refused
    victim.cure()
    assert [call.exception(60) for call in waiting] == [None, None]


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_clients_of_http_are_sent_elsewhere(
    victim: Victim,
    connections: list[http.client.HTTPConnection],
    number: signal.Signals,
    fault_report: FaultReport,
) -> None:
    """Each connection at most once, and with the word that it ends."""
    for connection in connections:
        assert post(connection)[0] == 200
    stub = victim.stub
    victim.fall_sick()
    os.kill(stub, number)
    victim.instance.wait_state(0, "DEGRADED")
    refused = []
    for connection in connections:
        status, headers, body = post(connection)
        if status != 200:
            refused.append(body)
            assert (status, headers["Retry-After"], headers["Connection"]) == (503, "1", "close")
            until(partial(served, connection), "served elsewhere")
            assert connection.sock is not None, "and there it stays"
        assert [post(connection)[0] for _ in range(20)] == [200] * 20
    fault_report.row(
        f"{number.name} of all stubs of a model, keep-alive HTTP clients",
        sent=16 * 22,
        failed=0,
        refused=len(refused),
    )
    assert refused
    why = "its Python stubs are stopped by a signal"
    if number == signal.SIGKILL:
        why = "it is being loaded again"
    expected = f"model 'echo' is unavailable on this worker: {why}; another worker serves it"
    assert {json.loads(body)["error"] for body in refused} == {expected}
    victim.cure()
    if number == signal.SIGSTOP:
        os.kill(stub, signal.SIGCONT)
    served_here_again(victim)


def served(connection: http.client.HTTPConnection) -> bool:
    return post(connection)[0] == 200


def post(connection: http.client.HTTPConnection) -> tuple[int, Any, bytes]:
    connection.request("POST", "/v2/models/echo/infer", _BODY)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_restart_of_a_hung_model_on_wish(tmp_path: Path, repository: Path, sick: Path) -> None:
    flags = ("--devices=cpu:2", "--model-hang-restart", "--drain-timeout=1")
    with started(tmp_path, repository, *flags) as instance:
        victim = Victim(instance, sick)
        victim.hang()
        instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
        assert "restarting: model 'echo' hung: 1 in flight" in instance.text()
        instance.wait_ready()
        assert instance.worker(1)["generation"] == 1
        victim.close()


def test_by_default_its_own_answers_tell_that_it_hangs(
    tmp_path: Path, repository: Path, sick: Path
) -> None:
    with started(tmp_path, repository, "--devices=cpu:1", "--model-hang-timeout=auto") as instance:
        victim = Victim(instance, sick)  # it has answered
        (waiting,) = victim.hang()
        reason = instance.wait_state(0, "DEGRADED")["reason"]
        found = re.search(r"echo \(hung: 1 in flight, nothing answered for (\d+) s", reason)
        assert found is not None, reason
        assert int(found[1]) >= 30
        victim.cure()
        assert waiting.exception(60) is None
        assert instance.wait_ready()["workers"][0]["generation"] == 1
        victim.close()


def test_alone_it_is_waited_for(tmp_path: Path, repository: Path, sick: Path) -> None:
    """A model that is only slow is nothing to refuse where nobody else has it."""
    with started(tmp_path, repository, "--devices=cpu:1") as instance:
        victim = Victim(instance, sick)
        (calls,) = victim.calls
        waiting = victim.hang()
        instance.wait_state(0, "DEGRADED")
        waiting += [calls.ModelInfer.future(request("echo")) for _ in range(5)]
        assert not ready(calls)
        connection = http.client.HTTPConnection("127.0.0.1", instance.port("http"), timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/v2/models/echo/ready")
            answer = connection.getresponse()
            assert (answer.status, b"not ready" in answer.read()) == (400, True)
            connection.request("POST", "/v2/models/echo/infer", _BODY)
            instance.wait("in flight", lambda s: s["workers"][0]["inflight"] == 7)
            assert not any(call.done() for call in waiting)
            victim.cure()
            assert [call.exception(60) for call in waiting] == [None] * 6
            assert connection.getresponse().status == 200
        instance.wait_ready()
        assert ready(calls)
        victim.close()


def test_alone_a_stopped_one_is_left_to_the_backend(
    tmp_path: Path, repository: Path, sick: Path
) -> None:
    """It gives up after a second, which is not for us to anticipate."""
    with started(tmp_path, repository, "--devices=cpu:1") as instance:
        victim = Victim(instance, sick)
        (calls,) = victim.calls
        stub = victim.stub
        os.kill(stub, signal.SIGSTOP)
        instance.wait_state(0, "DEGRADED")
        assert not ready(calls)
        error = calls.ModelInfer.future(request("echo")).exception(60)
        assert error.code() == grpc.StatusCode.INTERNAL
        assert "is not healthy" in error.details()
        os.kill(stub, signal.SIGCONT)
        instance.wait_ready()
        assert ready(calls)
        assert calls.ModelInfer(request("echo"), timeout=60).raw_output_contents
        victim.close()


def ready(calls: service_pb2_grpc.GRPCInferenceServiceStub) -> bool:
    return bool(calls.ModelReady(service_pb2.ModelReadyRequest(name="echo")).ready)
