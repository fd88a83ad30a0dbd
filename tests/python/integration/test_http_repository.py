"""HTTP: repository index, load and unload in explicit model control."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from rawhttp import Response, call
from waiting import until

SPARE = "spare"  # loaded and unloaded by these tests only
POLLING = "explicit model load / unload is not allowed if polling is enabled"
PARSE = "failed to parse the request JSON buffer: "


def post(port: int, path: str, body: Any = None) -> Response:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return call(port, "POST", f"/v2/repository/{path}", data)


def states(port: int, body: Any = None) -> dict[tuple[str, str | None], dict[str, str]]:
    answer = post(port, "index", body)
    assert answer.status == 200
    return {(entry["name"], entry.get("version")): entry for entry in answer.json()}


@pytest.mark.parametrize("body", [None, {}, {"ready": False}, b"[]", {"other": 1}])
def test_index_lists_every_model(http_port: int, body: Any) -> None:
    entry = states(http_port, body)["identity_versions", "3"]
    assert entry == {"name": "identity_versions", "version": "3", "state": "READY"}


def test_index_ignores_the_repository_name(http_port: int) -> None:
    assert (
        call(http_port, "POST", "/v2/repository/any/index", b"").json()
        == post(http_port, "index").json()
    )


@pytest.mark.parametrize("value", [1, "true", None, [], {}])
def test_ready_must_be_a_bool(http_port: int, value: Any) -> None:
    answer = post(http_port, "index", {"ready": value})
    assert (answer.status, answer.error()) == (400, "Invalid value for 'ready': expected a boolean")


def test_deeply_nested_ready(http_port: int) -> None:
    depth = 250_000
    answer = post(http_port, "index", b'{"ready":' + b"[" * depth + b"]" * depth + b"}")
    assert (answer.status, answer.error()) == (400, "Invalid value for 'ready': expected a boolean")
    assert call(http_port, "GET", "/v2/health/live").status == 200


@pytest.mark.parametrize("path", ["index", f"models/{SPARE}/load", f"models/{SPARE}/unload"])
@pytest.mark.parametrize("body", [b"{", b"x", b'{"a":1} trailing', b'{"a":01}'])
def test_malformed_json(explicit_http_port: int, path: str, body: bytes) -> None:
    answer = post(explicit_http_port, path, body)
    assert answer.status == 500
    assert answer.error().startswith(PARSE)


def test_text_that_is_not_utf8(http_port: int) -> None:
    answer = post(http_port, "index", b'{"a":"\xff\xfe"}')
    assert answer.status == 400
    assert answer.error().startswith(PARSE)


def test_load_and_unload(explicit_http_port: int) -> None:
    port = explicit_http_port
    bodies: list[Any] = [None, {}, {"parameters": {}}]
    for body in bodies:
        answer = post(port, f"models/{SPARE}/load", body)
        assert (answer.status, answer.body) == (200, b"")
        assert call(port, "GET", f"/v2/models/{SPARE}/ready").status == 200
        assert states(port, {"ready": True})[SPARE, "1"]["state"] == "READY"
    answer = post(port, f"models/{SPARE}/unload", {"parameters": {"unload_dependents": True}})
    assert (answer.status, answer.body) == (200, b"")
    assert (SPARE, "1") not in states(port, {"ready": True})
    until(lambda: states(port)[SPARE, "1"].get("reason") == "unloaded", "the index says so")
    assert states(port)[SPARE, "1"]["state"] == "UNAVAILABLE"
    ready = call(port, "GET", f"/v2/models/{SPARE}/ready")
    assert (ready.status, ready.error()) == (
        404,
        f"Request for unknown model: '{SPARE}' has no available versions",
    )
    answer = call(port, "GET", f"/v2/models/{SPARE}")
    assert (answer.status, answer.error()) == (
        404,
        f"Request for unknown model: '{SPARE}' has no available versions",
    )


def test_an_unloaded_version_is_named(explicit_http_port: int) -> None:
    port = explicit_http_port
    assert post(port, f"models/{SPARE}/load").status == 200
    assert post(port, f"models/{SPARE}/unload").status == 200
    answer = call(port, "GET", f"/v2/models/{SPARE}/versions/1")
    assert (answer.status, answer.error()) == (
        503,
        f"Request for unknown model: '{SPARE}' version 1 is not at ready state",
    )


def test_unload_of_an_unknown_model_is_fine(explicit_http_port: int) -> None:
    assert post(explicit_http_port, "models/nope/unload").status == 200


def test_load_of_an_unknown_model(explicit_http_port: int) -> None:
    answer = post(explicit_http_port, "models/nope/load")
    assert (answer.status, answer.error()) == (
        500,
        "failed to load 'nope', failed to poll from model repository",
    )


def test_load_of_a_model_that_fails(explicit_http_port: int) -> None:
    answer = post(explicit_http_port, "models/broken/load")
    assert answer.status == 400
    assert answer.error().startswith(
        "load failed for model 'broken': version 1 is at UNAVAILABLE state: "
    )
    assert "broken on purpose" in answer.error()


def test_load_with_a_configuration(explicit_http_port: int) -> None:
    port = explicit_http_port
    config = call(port, "GET", "/v2/models/identity_fp32/config").json()
    config["max_batch_size"] = 5
    config["name"] = SPARE
    answer = post(port, f"models/{SPARE}/load", {"parameters": {"config": json.dumps(config)}})
    assert answer.status == 200, answer.body
    assert call(port, "GET", f"/v2/models/{SPARE}/config").json()["max_batch_size"] == 5
    assert post(port, f"models/{SPARE}/unload").status == 200
    assert post(port, f"models/{SPARE}/load").status == 200
    assert call(port, "GET", f"/v2/models/{SPARE}/config").json()["max_batch_size"] == 0


def test_load_with_files(explicit_http_port: int) -> None:
    # The files replace the model's folder; without a backend library in them the load must fail.
    port = explicit_http_port
    config = call(port, "GET", "/v2/models/identity_fp32/config").json()
    config |= {"name": "from_files", "backend": "nowhere"}
    parameters = {"config": json.dumps(config), "file:1/data": base64.b64encode(b"\0\1\2").decode()}
    answer = post(port, "models/from_files/load", {"parameters": parameters})
    assert answer.status == 400
    assert answer.error().startswith(
        "load failed for model 'from_files': version 1 is at UNAVAILABLE state"
    )
    assert "nowhere" in answer.error()


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ([], "attempt to get members for non-object"),
        (None, "attempt to get members for non-object"),
        ({"config": 1}, "attempt to access JSON non-string as string"),
        ({"unknown": 1}, "attempt to access JSON non-string as string"),
        ({"unknown": "x"}, "unexpected error on creating Triton parameter"),
    ],
)
def test_bad_load_parameters(explicit_http_port: int, parameters: Any, text: str) -> None:
    answer = post(explicit_http_port, f"models/{SPARE}/load", {"parameters": parameters})
    assert (answer.status, answer.error()) == (500, text)


def test_a_file_name_that_no_file_system_takes(explicit_http_port: int) -> None:
    parameters = {"config": "{}", "file:1/" + "x" * 256: "AAAA"}
    answer = post(explicit_http_port, f"models/{SPARE}/load", {"parameters": parameters})
    assert answer.status == 500
    assert "failed to poll from model repository" in answer.error()
    assert call(explicit_http_port, "GET", "/v2/health/live").status == 200


@pytest.mark.parametrize("name", ["file:", "file:1/", "file:../x", "file:1/../../x", "file:/../x"])
def test_a_file_outside_of_the_model(explicit_http_port: int, name: str) -> None:
    answer = post(
        explicit_http_port, f"models/{SPARE}/load", {"parameters": {"config": "{}", name: "AAAA"}}
    )
    assert answer.status == 400
    assert answer.error().startswith(f"invalid parameter '{name}', ")


def test_an_absolute_file_name_stays_in_the_model(explicit_http_port: int, tmp_path: Path) -> None:
    target = tmp_path / "planted"
    config = call(explicit_http_port, "GET", "/v2/models/identity_fp32/config").json()
    config |= {"name": "absolute", "backend": "nowhere"}
    parameters = {"config": json.dumps(config), f"file:{target}": "AAAA", "file:1/x": "AAAA"}
    answer = post(explicit_http_port, "models/absolute/load", {"parameters": parameters})
    assert answer.status in (400, 500)
    assert not target.exists()


@pytest.mark.parametrize("name", ["..", " .. ", "a/b", "../identity_fp32", "/etc"])
def test_names_that_leave_the_repository(explicit_http_port: int, name: str) -> None:
    answer = post(explicit_http_port, f"models/{quote(name, safe='')}/load")
    assert (answer.status, answer.error()) == (
        400,
        f"invalid model name '{name}', model name must not contain path traversal characters",
    )


def test_unload_dependents_must_be_a_bool(explicit_http_port: int) -> None:
    port = explicit_http_port
    assert post(port, f"models/{SPARE}/load").status == 200
    answer = post(port, f"models/{SPARE}/unload", {"parameters": {"unload_dependents": "yes"}})
    assert answer.status != 200
    assert "unload_dependents" in answer.error()
    assert call(port, "GET", f"/v2/models/{SPARE}/ready").status == 200


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_a_repository_name_is_refused(explicit_http_port: int, verb: str) -> None:
    answer = call(
        explicit_http_port, "POST", f"/v2/repository/any/models/{SPARE}/{verb}", b"not json"
    )
    assert (answer.status, answer.error()) == (
        501,
        "'repository_name' specification is not supported",
    )


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_without_explicit_control(http_port: int, verb: str) -> None:
    answer = post(http_port, f"models/identity_fp32/{verb}")
    assert (answer.status, answer.error()) == (503, POLLING)
