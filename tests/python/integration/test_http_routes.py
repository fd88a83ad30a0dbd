"""HTTP: which paths and methods exist, and what everything else is answered."""

from __future__ import annotations

import pytest
from rawhttp import RawHttp, call, request

MODEL = "/v2/models/identity_fp32"
GET_PATHS = [
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    MODEL,
    f"{MODEL}/ready",
    f"{MODEL}/config",
    f"{MODEL}/stats",
    f"{MODEL}/versions/1",
    f"{MODEL}/versions/1/ready",
    f"{MODEL}/versions/1/config",
    f"{MODEL}/versions/1/stats",
    "/v2/models/stats",
]
POST_PATHS = [
    f"{MODEL}/infer",
    f"{MODEL}/versions/1/infer",
    "/v2/repository/index",
    "/v2/repository/models/identity_fp32/load",
    "/v2/repository/models/identity_fp32/unload",
]
UNKNOWN_PATHS = [
    "/",
    "/v1",
    "/v3",
    "/v2/",
    "//v2",
    "/V2",
    "/v2/health",
    "/v2/health/live/",
    "/v2/health/other",
    "/v2/models",
    "/v2/models/",
    f"{MODEL}/",
    f"{MODEL}/versions",
    f"{MODEL}/versions/",
    f"{MODEL}/versions/v1",
    f"{MODEL}/versions/-1",
    f"{MODEL}/versions/1.0",
    f"{MODEL}/versions/1/other",
    f"{MODEL}/other",
    f"{MODEL}/infer/more",
    "/v2/models//infer",
    "/v2/repository",
    "/v2/repository/models/identity_fp32",
    "/v2/notapi",
    "/notapi/v2",
    "/base_path/v2",
    "/v2/models/../../v2",
    "/metrics",
]


@pytest.mark.parametrize("path", GET_PATHS)
def test_known_get_path(http_port: int, path: str) -> None:
    assert call(http_port, "GET", path).status == 200


@pytest.mark.parametrize("query", ["?", "?x=1", "?a=%zz&&=", "?/v2/other"])
@pytest.mark.parametrize("path", ["/v2", "/v2/health/ready", MODEL])
def test_the_query_is_ignored(http_port: int, path: str, query: str) -> None:
    assert call(http_port, "GET", path + query).status == 200


def test_absolute_form_is_accepted(http_port: int) -> None:
    assert call(http_port, "GET", "http://some.where:80/v2/health/live").status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_unknown_path_is_404(http_port: int, path: str, method: str) -> None:
    answer = call(http_port, method, path, b"" if method == "POST" else None)
    assert (answer.status, answer.error()) == (404, "Not Found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO", "get"])
@pytest.mark.parametrize("path", GET_PATHS)
def test_wrong_method_on_a_get_path_is_405(http_port: int, path: str, method: str) -> None:
    answer = call(http_port, method, path, b"{}")
    assert (answer.status, answer.error()) == (405, "Method Not Allowed")
    assert "GET" in (answer.header("allow") or "")  # RFC 9110 section 15.5.6


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "post"])
@pytest.mark.parametrize("path", POST_PATHS)
def test_wrong_method_on_a_post_path_is_405(http_port: int, path: str, method: str) -> None:
    answer = call(http_port, method, path)
    assert (answer.status, answer.error()) == (405, "Method Not Allowed")
    assert answer.header("allow") == "POST"


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", MODEL, f"{MODEL}/infer", "/nowhere"])
def test_head_has_no_body_and_the_connection_goes_on(http_port: int, path: str) -> None:
    with RawHttp(http_port) as connection:
        connection.send(request("HEAD", path) + request("GET", "/v2/health/live"))
        head = connection.read(head_only=True)
        assert head.status in ({404} if path == "/nowhere" else {200, 405})
        assert connection.read().status == 200


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", f"{MODEL}/ready"])
def test_health_is_200_without_a_body(http_port: int, path: str) -> None:
    answer = call(http_port, "GET", path)
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"")
    assert answer.header("content-length") == "0"


@pytest.mark.parametrize(
    "path", ["/v2", MODEL, f"{MODEL}/config", f"{MODEL}/stats", "/v2/models/stats"]
)
def test_json_is_labelled_and_has_a_length(http_port: int, path: str) -> None:
    answer = call(http_port, "GET", path)
    assert answer.header("content-type") == "application/json"
    assert answer.header("content-length") == str(len(answer.body))
    assert not answer.body.endswith(b"\n")


@pytest.mark.parametrize("name", ["Content-Type", "Accept", "X-Anything"])
@pytest.mark.parametrize("value", ["text/xml", "application/x-www-form-urlencoded", "", "\xe4\xf6"])
def test_request_headers_do_not_matter(http_port: int, name: str, value: str) -> None:
    assert call(http_port, "POST", "/v2/repository/index", b"", (name, value)).status == 200


@pytest.mark.parametrize("escaped", ["%69dentity_fp32", "identity%5Ffp32", "identity%5ffp32"])
def test_model_names_are_percent_decoded(http_port: int, escaped: str) -> None:
    answer = call(http_port, "GET", f"/v2/models/{escaped}")
    assert answer.status == 200
    assert answer.json()["name"] == "identity_fp32"


def test_an_unknown_name_is_shown_decoded(http_port: int) -> None:
    answer = call(http_port, "GET", "/v2/models/sp%20ace%C3%A4")
    assert (answer.status, answer.error()) == (
        404,
        "Request for unknown model: 'sp ace\xe4' is not found",
    )


@pytest.mark.parametrize("name", ["a%2Fb", "a%2fready", "%2e%2e%2f%2e%2e"])
def test_an_encoded_slash_stays_in_the_name(http_port: int, name: str) -> None:
    answer = call(http_port, "GET", f"/v2/models/{name}")
    assert answer.status in (400, 404)
    assert answer.error() != "Not Found"


@pytest.mark.parametrize("name", ["%", "%4", "%zz", "abc%"])
def test_a_broken_escape_names_no_model(http_port: int, name: str) -> None:
    answer = call(http_port, "GET", f"/v2/models/{name}")
    assert answer.status in (400, 404)
    assert answer.error()


def test_a_zero_character_in_a_name_is_refused(http_port: int) -> None:
    # The core takes C strings: "identity_fp32\0x" must not become "identity_fp32".
    answer = call(http_port, "GET", "/v2/models/identity_fp32%00x")
    assert answer.status in (400, 404)
    assert answer.error()
