"""HTTP: request headers that become parameters of the inference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
from rawhttp import Response, call

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"
TENSOR = {"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}
RESERVED = "Header '{}' is reserved for Triton usage and cannot be forwarded."

Opener = Callable[[str], int]


@pytest.fixture(scope="module")
def port_for(wide_server: Server) -> Iterator[Opener]:
    """A port that forwards by the pattern."""
    from tritonfrontend import KServeHttp

    with ExitStack() as stack:
        ports: dict[str, int] = {}

        def open_port(pattern: str) -> int:
            if pattern not in ports:
                options = KServeHttp.Options(address=LOCAL, port=0, header_forward_pattern=pattern)
                ports[pattern] = stack.enter_context(KServeHttp(wide_server, options)).port
            return ports[pattern]

        yield open_port


def infer(port: int, *headers: tuple[str, str], **body: Any) -> Response:
    data = json.dumps({"inputs": [TENSOR], **body}).encode()
    return call(port, "POST", "/v2/models/identity_echo/infer", data, *headers)


def forwarded(port: int, *headers: tuple[str, str], **body: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = infer(port, *headers, **body).json().get("parameters", {})
    return {
        name: value for name, value in parameters.items() if name.lower().startswith(("x", "y"))
    }


def test_nothing_without_a_pattern(port_for: Opener) -> None:
    assert forwarded(port_for(""), ("X-A", "1")) == {}


def test_names_are_searched_and_kept(port_for: Opener) -> None:
    headers = [("X-Fwd-A", "1"), ("Y-X-Fwd-C", "two words"), ("x-fwd-d", "3"), ("X-Other", "4")]
    assert forwarded(port_for("X-Fwd.*"), *headers) == {"X-Fwd-A": "1", "Y-X-Fwd-C": "two words"}
    assert forwarded(port_for("(?i)^x-fwd"), *headers) == {"X-Fwd-A": "1", "x-fwd-d": "3"}


def test_the_header_comes_behind_the_parameter(port_for: Opener) -> None:
    got = forwarded(port_for("X-Fwd.*"), ("X-Fwd-A", "header"), parameters={"X-Fwd-A": "body"})
    assert got == {"X-Fwd-A": "header"}


@pytest.mark.parametrize(
    "name",
    ["sequence_id", "priority", "Priority", "TIMEOUT", "headers", "binary_data_output", "Triton_x"],
)
def test_reserved_names_are_refused_in_any_case(port_for: Opener, name: str) -> None:
    answer = infer(port_for(".*"), (name, "1"))
    assert (answer.status, answer.error()) == (400, RESERVED.format(name))
    assert infer(port_for("X-Fwd.*"), (name, "1")).status == 200


def test_errors_of_the_body_come_first(port_for: Opener) -> None:
    answer = call(port_for(".*"), "POST", "/v2/models/identity_echo/infer", b"{", ("Priority", "1"))
    assert "failed to parse the request JSON buffer" in answer.error()


def test_generate_forwards_too(port_for: Opener) -> None:
    body = json.dumps({"INPUT0": [1.0]}).encode()
    path = "/v2/models/identity_echo/generate"
    answer = call(port_for(".*"), "POST", path, body, ("Priority", "1"))
    assert (answer.status, answer.error()) == (400, RESERVED.format("Priority"))


def test_through_the_client(port_for: Opener) -> None:
    import numpy as np
    import tritonclient.http as triton

    url = f"{LOCAL}:{port_for('(?i)x-')}"
    with closing(triton.InferenceServerClient(url)) as client:
        tensor = triton.InferInput("INPUT0", [1], "FP32")
        tensor.set_data_from_numpy(np.ones(1, np.float32))
        result = client.infer("identity_echo", [tensor], headers={"X-Mine": "v"})
        assert result.get_response()["parameters"]["X-Mine"] == "v"


@pytest.mark.parametrize("pattern", ["(", "[a", "*"])
def test_an_invalid_pattern_is_refused_at_once(pattern: str) -> None:
    from tritonfrontend import InvalidArgumentError, KServeHttp

    with pytest.raises(InvalidArgumentError) as caught:
        KServeHttp.Options(header_forward_pattern=pattern)
    assert "header forward pattern" in str(caught.value)
