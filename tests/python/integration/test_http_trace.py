"""HTTP: trace settings, and what a trace file holds after real requests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.models import Tensor, identity, python_model, standard_models, write_repository
from rawhttp import RawHttp, Response, call, request
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"
PATH = "/v2/trace/setting"
TENSOR = {"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}
INFER = json.dumps({"inputs": [TENSOR], "id": "my-id"}).encode()
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FRONTEND = ["HTTP_RECV_START", "HTTP_RECV_END", "INFER_RESPONSE_COMPLETE", "HTTP_SEND_START"]
CORE = ["REQUEST_START", "QUEUE_START", "COMPUTE_START", "COMPUTE_END", "REQUEST_END"]
# Answers with the context that the core shows to models.
CONTEXT = """\
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            text = np.array([str(request.trace().get_context())], dtype=np.object_)
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("OUTPUT0", text)]))
        return responses
"""


def write_chain(repository: Path) -> None:
    """An ensemble of two ``identity_fp32``, called ``chain``."""
    steps = ", ".join(
        f'{{ model_name: "identity_fp32" model_version: -1 input_map {{ key: "INPUT0" '
        f'value: "{source}" }} output_map {{ key: "OUTPUT0" value: "{target}" }} }}'
        for source, target in (("INPUT0", "middle"), ("middle", "OUTPUT0"))
    )
    (repository / "chain" / "1").mkdir(parents=True)
    (repository / "chain" / "config.pbtxt").write_text(
        'name: "chain"\nplatform: "ensemble"\n'
        f"input {Tensor('INPUT0', 'FP32').text()}\noutput {Tensor('OUTPUT0', 'FP32').text()}\n"
        f"ensemble_scheduling {{ step [ {steps} ] }}\n"
    )


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Iterator[Server]:
    from tritonfrontend.inprocess import Server

    context = python_model(
        "context",
        [Tensor("INPUT0", "FP32")],
        [Tensor("OUTPUT0", "BYTES", (1,))],
        CONTEXT,
        "instance_group { kind: KIND_CPU }",
    )
    repository = tmp_path_factory.mktemp("traced")
    write_repository(repository, [*standard_models(), context])
    write_chain(repository)
    with Server(model_repository=str(repository)).start(
        wait_until_ready=True, timeout=60
    ) as server:
        yield server


@pytest.fixture(scope="module")
def port(traced: Server) -> Iterator[int]:
    from tritonfrontend import KServeHttp

    with KServeHttp(traced, KServeHttp.Options(address=LOCAL, port=0)) as frontend:
        yield frontend.port


@pytest.fixture
def file(traced: Server, tmp_path: Path) -> Iterator[Path]:
    """The trace file of a server that traces nothing yet."""
    from tritonfrontend import configure_tracing

    path = tmp_path / "trace.json"
    configure_tracing(traced, {"parent-based": "true", "triton,file": str(path), "rate": "1"})
    yield path
    configure_tracing(traced, {})


def change(port: int, model: str = "", **settings: object) -> Response:
    path = f"/v2/models/{model}/trace/setting" if model else PATH
    return call(port, "POST", path, json.dumps(settings).encode())


def infer(port: int, model: str = "identity_fp32", *headers: tuple[str, str]) -> Response:
    return call(port, "POST", f"/v2/models/{model}/infer", INFER, *headers)


class Trace:
    """All entries of one request, by what they are."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.model = next((entry for entry in entries if "model_name" in entry), {})
        self.times = [time for entry in entries for time in entry.get("timestamps", [])]
        self.tensors = [entry for entry in entries if "tensor" in entry]

    def names(self) -> list[str]:
        return [time["name"] for time in self.times]

    def ns(self, name: str) -> int:
        return int(next(time["ns"] for time in self.times if time["name"] == name))


def traces(path: Path) -> list[Trace]:
    text = path.read_text() if path.exists() else ""
    entries = json.loads(text) if text else []  # opened, not yet written
    by_id: dict[int, list[dict[str, Any]]] = {}
    for entry in entries:
        by_id.setdefault(entry["id"], []).append(entry)
    return [Trace(group) for group in by_id.values()]


def wait_for(path: Path, count: int) -> list[Trace]:
    """A trace is written when its answer has left and the core has let go."""
    until(lambda: len(traces(path)) >= count, f"{count} traces")
    found = traces(path)
    assert len(found) == count
    return found


def test_a_request_from_its_first_byte_to_its_last(port: int, file: Path) -> None:
    assert change(port, trace_level=["TIMESTAMPS"]).status == 200
    head, body = request("POST", "/v2/models/identity_fp32/infer", INFER).split(b"\r\n\r\n", 1)
    with RawHttp(port) as connection:
        connection.send(head[:10])
        connection.send(head[10:] + b"\r\n\r\n" + body[:5])
        connection.send(body[5:])
        assert connection.read().status == 200
    (trace,) = wait_for(file, 1)
    assert (
        trace.model.items()
        >= {
            "model_name": "identity_fp32",
            "model_version": 1,
            "request_id": "my-id",
        }.items()
    )
    assert Counter(trace.names()) >= Counter([*FRONTEND, "HTTP_SEND_END", *CORE])
    # The core accounts for the end of the computation when the answer may have left already.
    order = ["HTTP_RECV_START", "HTTP_RECV_END", "REQUEST_START", "QUEUE_START", "COMPUTE_START"]
    order += ["INFER_RESPONSE_COMPLETE", "HTTP_SEND_START", "HTTP_SEND_END"]
    assert [trace.ns(name) for name in order] == sorted(trace.ns(name) for name in order)


def test_tensors_and_the_steps_of_an_ensemble(port: int, file: Path) -> None:
    change(port, trace_level=["TIMESTAMPS", "TENSORS"])
    assert infer(port, "chain").status == 200
    found = wait_for(file, 3)
    parent = next(trace for trace in found if trace.model["model_name"] == "chain")
    steps = [trace for trace in found if trace is not parent]
    assert {step.model["parent_id"] for step in steps} == {parent.model["id"]}
    for step in steps:
        by_activity = {entry["activity"]: entry["tensor"] for entry in step.tensors}
        tensor = {"name": "INPUT0", "data": "1", "shape": "1", "dtype": "FP32"}
        assert by_activity["TENSOR_QUEUE_INPUT"] == tensor
        assert by_activity["TENSOR_BACKEND_OUTPUT"] == {**tensor, "name": "OUTPUT0"}


def test_pieces_of_a_stream_have_real_times(port: int, file: Path) -> None:
    change(port, trace_level=["TIMESTAMPS"])
    body = json.dumps({"INPUT0": [1.0], "responses": 3}).encode()
    assert call(port, "POST", "/v2/models/repeat/generate_stream", body).status == 200
    (trace,) = wait_for(file, 1)
    count = Counter(trace.names())
    assert count["INFER_RESPONSE_COMPLETE"] == 3
    assert count["HTTP_SEND_START"] == count["HTTP_SEND_END"] >= 1
    assert all(time["ns"] > 0 for time in trace.times)


def test_rate_and_count(port: int, file: Path) -> None:
    change(port, trace_level=["TIMESTAMPS"], trace_rate="3", trace_count="2")
    for _ in range(12):
        infer(port)
    wait_for(file, 2)
    assert call(port, "GET", PATH).json()["trace_count"] == "0"


def test_numbered_files(port: int, file: Path) -> None:
    change(port, trace_level=["TIMESTAMPS"], log_frequency="2")
    for _ in range(3):
        infer(port)
    first = file.with_name("trace.json.0")
    wait_for(first, 2)
    until(lambda: file.with_name("trace.json.1.partial").exists(), "the third trace")
    change(port, trace_level=["OFF"])
    assert len(traces(file.with_name("trace.json.1"))) == 1
    assert not file.exists()


def test_a_client_asks_for_its_trace_and_the_model_sees_it(port: int, file: Path) -> None:
    change(port, trace_level=["TIMESTAMPS"], trace_rate="1000", trace_count="0")
    assert infer(port, "context").status == 200
    headers = [("Traceparent", PARENT), ("TraceState", "a=1"), ("tracestate", "b=2")]
    (seen,) = infer(port, "context", *headers).json()["outputs"][0]["data"]
    expected = {"traceparent": PARENT, "tracestate": "a=1,b=2"}
    assert json.loads(seen) == expected
    (trace,) = wait_for(file, 1)
    assert trace.model.items() >= expected.items()


@pytest.mark.parametrize("parent", ["", "nonsense", PARENT[:-1] + "0", PARENT.upper()])
def test_other_parents_change_nothing(port: int, file: Path, parent: str) -> None:
    change(port, trace_level=["TIMESTAMPS"], trace_rate="1000")
    assert infer(port, "identity_fp32", ("traceparent", parent)).status == 200
    assert infer(port, "identity_fp32", ("traceparent", PARENT)).status == 200
    wait_for(file, 1)


def test_failures_and_disconnects_are_recorded_as_far_as_they_went(port: int, file: Path) -> None:
    change(port, trace_level=["TIMESTAMPS"])
    path = "/v2/models/identity_fp32/infer"
    assert call(port, "POST", path, b"{").status == 500
    wrong = json.dumps({"inputs": [TENSOR], "outputs": [{"name": "none"}]}).encode()
    assert call(port, "POST", path, wrong).status == 400
    # Refused for its head alone: not an inference yet.
    length = ("Inference-Header-Content-Length", "99999")
    assert call(port, "POST", path, INFER, length).status == 400
    assert call(port, "POST", path, INFER, ("Content-Encoding", "x")).status != 200
    with RawHttp(port) as connection:
        connection.send(request("POST", path, INFER)[:-3])
    found = wait_for(file, 3)
    assert [trace.names()[0] for trace in found] == ["HTTP_RECV_START"] * 3
    assert sorted("HTTP_RECV_END" in trace.names() for trace in found) == [False, True, True]
    assert not any(trace.model for trace in found)


def test_a_model_of_its_own(port: int, file: Path) -> None:
    assert change(port, "identity_echo", trace_level=["TIMESTAMPS"]).status == 200
    assert call(port, "GET", PATH).json()["trace_level"] == ["OFF"]
    infer(port)
    infer(port, "identity_echo")
    (trace,) = wait_for(file, 1)
    assert trace.model["model_name"] == "identity_echo"


def test_texts(port: int, file: Path) -> None:
    unknown = change(port, "none", trace_rate="1")
    assert (unknown.status, unknown.error()) == (400, "Request for unknown model : none")
    fixed = change(port, trace_file="x")
    text = "trace file location can not be updated through network protocol"
    assert (fixed.status, fixed.error()) == (501, text)


def test_a_setting_that_there_is_not_is_refused(port: int, file: Path) -> None:
    """A misspelt one would seem to be in force; gRPC's words."""
    before = call(port, "GET", PATH).json()
    for model in ("", "identity_fp32"):
        wrong = change(port, model, trace_rate="7", trace_levels=["OFF"])
        text = (
            "unknown trace setting 'trace_levels', expected trace_level, trace_rate, trace_count "
            "or log_frequency"
        )
        assert (wrong.status, wrong.error()) == (400, text)
    assert call(port, "GET", PATH).json() == before


def test_the_mode_may_be_sent_back_and_not_changed(port: int, file: Path) -> None:
    assert change(port, trace_mode="triton", trace_rate="7").json()["trace_rate"] == "7"
    for mode in ("opentelemetry", None):
        answer = change(port, trace_mode=mode)
        text = "trace mode can not be updated through network protocol"
        assert (answer.status, answer.error()) == (400, text)
    assert change(port, trace_mode=1).status == 500


def test_without_a_file_nothing_is_traced(port: int) -> None:
    answer = change(port, trace_level=["TIMESTAMPS"])
    text = "Attempting to set invalid trace setting :trace file name is not given"
    assert (answer.status, answer.error()) == (400, text)


def test_through_the_client(port: int, file: Path) -> None:
    import tritonclient.http as triton

    with closing(triton.InferenceServerClient(f"{LOCAL}:{port}")) as client:
        got = client.update_trace_settings(
            "identity_fp32", {"trace_level": ["TIMESTAMPS"], "trace_rate": "5", "trace_count": None}
        )
        expected = {
            "trace_level": ["TIMESTAMPS"],
            "trace_rate": "5",
            "trace_count": "-1",
            "log_frequency": "0",
            "trace_file": str(file),
            "trace_mode": "triton",
        }
        assert got == expected
        assert client.get_trace_settings("identity_fp32") == expected
        assert client.get_trace_settings()["trace_level"] == ["OFF"]
        client.update_trace_settings("identity_fp32", {"trace_level": None, "trace_rate": None})
        assert client.get_trace_settings("identity_fp32")["trace_level"] == ["OFF"]


# Serves one request, then ends its process in the way that the first argument names.
ENDS = """\
import sys, urllib.request
from tritonfrontend import KServeHttp, configure_tracing
from tritonfrontend.inprocess import Server

end, repository, path, body = sys.argv[1:]
server = Server(model_repository=repository).start()
settings = {"level": "TIMESTAMPS", "rate": "1", "file": path, "log-frequency": "10"}
configure_tracing(server, settings)
frontend = KServeHttp(server, KServeHttp.Options(address="127.0.0.1", port=0))
frontend.start()
url = f"http://127.0.0.1:{frontend.port}/v2/models/identity_fp32/infer"
assert urllib.request.urlopen(urllib.request.Request(url, body.encode())).status == 200
if end == "server stops":
    server.stop()
elif end == "frontend stops":
    frontend.stop()
"""


@pytest.mark.parametrize("end", ["server stops", "frontend stops", "process exits"])
def test_files_are_complete_when_the_process_ends(
    end: str, tmp_path: Path, backends_dir: Path
) -> None:
    repository = write_repository(tmp_path / "models", [identity("FP32")])
    path = tmp_path / "trace.json"
    arguments = [end, str(repository), str(path), INFER.decode()]
    # Away from the checkout, whose package has no native part.
    command = [sys.executable, "-c", ENDS, *arguments]
    subprocess.run(command, check=True, timeout=60, cwd=tmp_path)
    (trace,) = traces(path.with_name("trace.json.0"))
    assert trace.model["request_id"] == "my-id"
    assert not path.with_name("trace.json.0.partial").exists()


def test_settings_at_start_are_checked(traced: Server) -> None:
    from tritonfrontend import InvalidArgumentError, UnsupportedError, configure_tracing

    with pytest.raises(UnsupportedError, match="use mode 'triton'"):
        configure_tracing(traced, {"mode": "opentelemetry"})
    for settings in ({"rate": "x"}, {"level": "TIMESTAMPS"}, {"file": "/none/x"}, {"other": "1"}):
        with pytest.raises(InvalidArgumentError):
            configure_tracing(traced, settings)
