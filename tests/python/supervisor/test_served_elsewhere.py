"""A model that one worker cannot serve is served by another: real Triton, real stubs, two workers.

Requests that the model has when it breaks share its fate: clients begin when it is DEGRADED.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
from pathlib import Path

import grpc
import pytest
from fault_report import FaultReport
from instance import Instance, get
from sick_model import INFER, Victim, channels, started
from test_forwarding import Callers, request
from tritonclient.grpc import service_pb2, service_pb2_grpc

pytestmark = pytest.mark.faults


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


def test_restart_of_a_hung_model_on_wish(tmp_path: Path, sick: Path) -> None:
    flags = ("--devices=cpu:2", "--model-hang-restart", "--drain-timeout=1")
    with started(tmp_path, sick, *flags) as instance:
        victim = Victim(instance, sick)
        victim.hang()
        instance.wait("restart", lambda s: s["workers"][0]["generation"] == 2)
        assert "restarting: model 'echo' hung: 1 in flight" in instance.text()
        instance.wait_ready()
        assert instance.worker(1)["generation"] == 1
        victim.close()


def test_by_default_its_own_answers_tell_that_it_hangs(tmp_path: Path, sick: Path) -> None:
    with started(tmp_path, sick, "--devices=cpu:1", "--model-hang-timeout=auto") as instance:
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


def test_alone_it_is_waited_for(tmp_path: Path, sick: Path) -> None:
    """A model that is only slow is nothing to refuse where nobody else has it."""
    with started(tmp_path, sick, "--devices=cpu:1") as instance:
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
            connection.request("POST", "/v2/models/echo/infer", INFER)
            instance.wait("in flight", lambda s: s["workers"][0]["inflight"] == 7)
            assert not any(call.done() for call in waiting)
            victim.cure()
            assert [call.exception(60) for call in waiting] == [None] * 6
            assert connection.getresponse().status == 200
        instance.wait_ready()
        assert ready(calls)
        victim.close()


def test_alone_a_stopped_one_is_left_to_the_backend(tmp_path: Path, sick: Path) -> None:
    """It gives up after a second, which is not for us to anticipate."""
    with started(tmp_path, sick, "--devices=cpu:1") as instance:
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
