"""gRPC: the trace and logging extensions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from calls import infer_request, outcome, stub
from rawhttp import call
from tritonclient.grpc import InferenceServerClient as Client
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import InferenceServerException
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LOGGING = {
    "log_file",
    "log_info",
    "log_warning",
    "log_error",
    "log_verbose_level",
    "log_format",
}
LogValue = pb.LogSettingsRequest.SettingValue


def log(made: Any, **settings: Any) -> dict[str, Any]:
    """Settings in force after the change, by name."""
    got = made.LogSettings(pb.LogSettingsRequest(settings=settings)).settings
    return {key: getattr(value, value.WhichOneof("parameter_choice")) for key, value in got.items()}


@pytest.fixture
def logged(triton_stub: Any) -> Iterator[Any]:
    before = log(triton_stub)
    assert set(before) == LOGGING
    yield triton_stub
    flags = {
        key: LogValue(bool_param=before[key]) for key in before if before[key] in (True, False)
    }
    flags.pop("log_verbose_level", None)
    level = LogValue(uint32_param=before["log_verbose_level"])
    style = LogValue(string_param=before["log_format"])
    assert log(triton_stub, **flags, log_verbose_level=level, log_format=style) == before


def test_logging_is_one_for_both_protocols(logged: Any, http_port: int) -> None:
    got = log(
        logged, log_info=LogValue(bool_param=False), log_format=LogValue(string_param="ISO8601")
    )
    assert (got["log_info"], got["log_format"]) == (False, "ISO8601")
    assert call(http_port, "GET", "/v2/logging").json() == got


def test_logging_through_the_client(logged: Any, grpc_client: Client) -> None:
    # The client is old-fashioned and may send an int32.
    grpc_client.update_log_settings({"log_verbose_level": 0, "log_error": True})
    got = grpc_client.get_log_settings(as_json=True)["settings"]
    assert got["log_error"] == {"bool_param": True}


@pytest.mark.parametrize(
    ("key", "value", "code", "text"),
    [
        ("log_info", LogValue(uint32_param=1), "INVALID_ARGUMENT", "expect boolean for 'log_info'"),
        ("log_error", LogValue(), "INVALID_ARGUMENT", "expect boolean for 'log_error'"),
        (
            "log_verbose_level",
            LogValue(string_param="1"),
            "INVALID_ARGUMENT",
            "expect int32 for 'log_verbose_level'",
        ),
        (
            "log_format",
            LogValue(string_param="x"),
            "INVALID_ARGUMENT",
            "invalid argument for log_format, got: x",
        ),
        (
            "log_file",
            LogValue(string_param="/x"),
            "UNIMPLEMENTED",
            "log file location can not be updated through network protocol",
        ),
    ],
)
def test_log_settings_that_are_refused(
    triton_stub: Any, key: str, value: Any, code: str, text: str
) -> None:
    assert outcome(lambda: log(triton_stub, **{key: value})) == (code, text)


@pytest.fixture
def traced(wide_server: Server, tmp_path: Path) -> Iterator[Path]:
    """The trace file of a server that traces nothing yet."""
    from tritonfrontend import configure_tracing

    path = tmp_path / "trace.json"
    configure_tracing(wide_server, {"triton,file": str(path), "rate": "1", "parent-based": "true"})
    yield path
    configure_tracing(wide_server, {})


def trace(made: Any, model: str = "", **settings: list[str]) -> dict[str, list[str]]:
    values = {
        key: pb.TraceSettingRequest.SettingValue(value=value) for key, value in settings.items()
    }
    got = made.TraceSetting(pb.TraceSettingRequest(model_name=model, settings=values))
    return {key: list(value.value) for key, value in got.settings.items()}


def test_trace_settings_of_models_and_in_general(traced: Path, triton_stub: Any) -> None:
    general = {
        "trace_level": ["OFF"],
        "trace_rate": ["1"],
        "trace_count": ["-1"],
        "log_frequency": ["0"],
        "trace_file": [str(traced)],
        "trace_mode": ["triton"],
    }
    assert trace(triton_stub) == general
    own = general | {"trace_rate": ["7"], "trace_level": ["TIMESTAMPS", "TENSORS"]}
    assert (
        trace(triton_stub, "delay", trace_rate=["7"], trace_level=["TENSORS", "TIMESTAMPS"]) == own
    )
    assert trace(triton_stub) == general
    assert trace(triton_stub, trace_rate=["9"])["trace_rate"] == ["9"]
    assert trace(triton_stub, "delay")["trace_rate"] == ["7"]
    assert trace(triton_stub, "delay", trace_rate=[], trace_level=[])["trace_rate"] == ["9"]


def test_trace_settings_through_the_client(traced: Path, grpc_client: Client) -> None:
    got = grpc_client.update_trace_settings(
        settings={"trace_level": ["TIMESTAMPS"], "trace_rate": "3", "log_frequency": None}
    )
    assert got.settings["trace_rate"].value == ["3"]
    got = grpc_client.get_trace_settings(model_name="delay")
    assert got.settings["trace_level"].value == ["TIMESTAMPS"]
    with pytest.raises(InferenceServerException, match="Unable to parse 'trace_rate', got: x"):
        grpc_client.update_trace_settings(settings={"trace_rate": "x"})


def names(path: Path) -> list[list[str]]:
    """Activities of each traced request."""
    by_id: dict[int, list[str]] = {}
    text = path.read_text() if path.exists() else ""  # empty before the first trace is written
    for entry in json.loads(text or "[]"):
        found = by_id.setdefault(entry["id"], [])
        found += [time["name"] for time in entry.get("timestamps", [])]
    return list(by_id.values())


def test_a_call_is_traced_from_end_to_end(traced: Path, triton_stub: Any) -> None:
    trace(triton_stub, trace_level=["TIMESTAMPS"])
    triton_stub.ModelInfer(infer_request())
    until(lambda: len(names(traced)) == 1, "a trace")
    (found,) = names(traced)
    order = [
        "GRPC_WAITREAD_START",
        "GRPC_WAITREAD_END",
        "REQUEST_START",
        "COMPUTE_START",
        "COMPUTE_END",
        "INFER_RESPONSE_COMPLETE",
        "GRPC_SEND_START",
        "GRPC_SEND_END",
    ]
    assert [name for name in found if name in order] == order or set(order) <= set(found)
    assert not any(name.startswith("HTTP") for name in found)


def test_refused_calls_are_no_traces(traced: Path, triton_stub: Any) -> None:
    trace(triton_stub, trace_level=["TIMESTAMPS"])
    assert outcome(lambda: triton_stub.ModelInfer(infer_request("nope")))[0] == "NOT_FOUND"
    triton_stub.ModelInfer(infer_request())
    until(lambda: len(names(traced)) == 1, "a trace")


def test_a_client_asks_to_be_traced(traced: Path, grpc_port: int) -> None:
    with stub(grpc_port) as made:
        trace(made, trace_level=["TIMESTAMPS"], trace_rate=["1000"])
        made.ModelInfer(infer_request())
        made.ModelInfer(infer_request(), metadata=[("traceparent", PARENT), ("tracestate", "a=b")])
        made.ModelInfer(infer_request(), metadata=[("traceparent", PARENT[:-2] + "00")])
        until(lambda: len(names(traced)) == 1, "a trace")
