"""HTTP: the logging extension."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from rawhttp import call

LOCAL = "127.0.0.1"
PATH = "/v2/logging"
KEYS = [
    "log_file",
    "log_info",
    "log_warning",
    "log_error",
    "log_verbose_level",
    "log_format",
]


def settings(port: int) -> dict[str, Any]:
    answer = call(port, "GET", PATH)
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    assert list(found) == KEYS
    return found


@pytest.fixture(autouse=True)
def restored(http_port: int) -> Iterator[None]:
    before = settings(http_port)
    yield
    body = json.dumps({key: before[key] for key in KEYS if key != "log_file"}).encode()
    assert call(http_port, "POST", PATH, body).status == 200


def test_changes_are_seen_on_every_port(http_port: int, explicit_http_port: int) -> None:
    change = {"log_info": False, "log_verbose_level": 1, "log_format": "ISO8601"}
    answer = call(http_port, "POST", PATH, json.dumps(change).encode())
    assert answer.status == 200
    assert {key: answer.json()[key] for key in change} == change
    # The log is one for the process.
    assert settings(explicit_http_port) == answer.json()


def test_what_the_server_was_started_with_is_told(http_port: int) -> None:
    assert settings(http_port)["log_error"] is True


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"log_file": "/tmp/x"}, 501, "log file location can not be updated"),
        ({"log_error": 0}, 500, "attempt to access JSON non-boolean as boolean"),
        ({"log_verbose_level": 4294967296}, 400, "'log_verbose_level'"),
        ({"log_format": "x"}, 400, "invalid argument for --log_format, got: x"),
    ],
)
def test_a_wrong_member_changes_nothing(
    http_port: int, change: dict[str, Any], status: int, message: str
) -> None:
    before = settings(http_port)
    body = json.dumps({"log_info": not before["log_info"], **change}).encode()
    answer = call(http_port, "POST", PATH, body)
    assert answer.status == status
    assert message in answer.error()
    assert settings(http_port) == before


def test_other_methods(http_port: int) -> None:
    answer = call(http_port, "PUT", PATH, b"{}")
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD, POST")


def test_through_the_client(http_port: int) -> None:
    import tritonclient.http as triton

    with closing(triton.InferenceServerClient(f"{LOCAL}:{http_port}")) as client:
        changed = client.update_log_settings({"log_verbose_level": 2})
        assert changed["log_verbose_level"] == 2
        assert client.get_log_settings() == changed
