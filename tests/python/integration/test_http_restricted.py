"""HTTP: groups of endpoints that answer only to a request with a secret header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from rawhttp import Response, call

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LOCAL = "127.0.0.1"
ADMIN = ("admin-key", "s3cret")
USER = ("User-Key", "a=b:c")
TENSOR = {"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}
INFER = json.dumps({"inputs": [TENSOR]}).encode()

# One request for each restricted group: method, path, body, its secret.
REQUESTS = {
    "health": ("GET", "/v2/health/ready", None, ADMIN),
    "metadata": ("GET", "/v2", None, ADMIN),
    "model-config": ("GET", "/v2/models/identity_fp32/config", None, ADMIN),
    "model-repository": ("POST", "/v2/repository/index", b"", ADMIN),
    "statistics": ("GET", "/v2/models/stats", None, ADMIN),
    "shared-memory": ("GET", "/v2/systemsharedmemory/status", None, ADMIN),
    "trace": ("GET", "/v2/trace/setting", None, ADMIN),
    "logging": ("GET", "/v2/logging", None, ADMIN),
    "inference": ("POST", "/v2/models/identity_fp32/infer", INFER, USER),
}
RULES = [
    ",".join(api for api in REQUESTS if api != "inference") + ":admin-key=s3cret",
    "inference:user-key=a=b:c",
]


@pytest.fixture(scope="module")
def port(wide_server: Server) -> Iterator[int]:
    from tritonfrontend import KServeHttp

    options = KServeHttp.Options(
        address=LOCAL, port=0, restricted_api=RULES, header_forward_pattern=".*-key|x-"
    )
    with KServeHttp(wide_server, options) as frontend:
        yield frontend.port


def ask(port: int, api: str, *headers: tuple[str, str]) -> Response:
    method, path, body, _ = REQUESTS[api]
    return call(port, method, path, body, *headers)


@pytest.mark.parametrize("api", REQUESTS)
def test_the_secret_opens_its_group_only(port: int, api: str) -> None:
    secret = REQUESTS[api][3]
    other = USER if secret is ADMIN else ADMIN
    wrong = (secret[0], secret[1] + "x")
    for headers in ([], [other], [wrong], [(secret[0], secret[1].upper())]):
        answer = ask(port, api, *headers)
        expected = f"This API is restricted, expecting header '{secret[0].lower()}'"
        assert (answer.status, answer.error()) == (403, expected)
    assert ask(port, api, secret).status == 200


@pytest.mark.parametrize("api", REQUESTS)
def test_restriction_is_told_before_the_method(port: int, api: str) -> None:
    path = REQUESTS[api][1]
    assert call(port, "DELETE", path).status == 403
    assert call(port, "DELETE", path, None, REQUESTS[api][3]).status == 405


def test_the_first_header_of_the_name_counts(port: int) -> None:
    assert ask(port, "health", ADMIN, ("Admin-Key", "x")).status == 200
    assert ask(port, "health", ("Admin-Key", "x"), ADMIN).status == 403


def test_streams_are_inference(port: int) -> None:
    for verb in ("generate", "generate_stream"):
        assert call(port, "POST", f"/v2/models/repeat/{verb}", b"{}").status == 403


def test_unknown_paths_say_nothing(port: int) -> None:
    assert call(port, "GET", "/v2/nothing").status == 404


def test_secrets_are_not_shown_to_models(port: int) -> None:
    answer = call(
        port, "POST", "/v2/models/identity_echo/infer", INFER, USER, ADMIN, ("x-mine", "1")
    )
    parameters = answer.json()["parameters"]
    assert parameters["x-mine"] == "1"
    assert not {"User-Key", "admin-key"} & set(parameters)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (["unknown:k=v"], "unknown restricted api 'unknown'"),
        (
            ["health:a=b", "trace,health:c=d"],
            "restricted api 'health' can not be specified in multiple config groups",
        ),
        (
            ["health"],
            "--http-restricted-api option format is '<config name>:<setting>=<value>'. Got health",
        ),
    ],
)
def test_rules_are_checked_at_once(rules: list[str], message: str) -> None:
    from tritonfrontend import InvalidArgumentError, KServeHttp

    with pytest.raises(InvalidArgumentError) as caught:
        KServeHttp.Options(restricted_api=rules)
    assert message in str(caught.value)
