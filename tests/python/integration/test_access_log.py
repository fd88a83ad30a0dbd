"""The access log of a frontend, and the headers for pages of other origins, as curl sees them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rawhttp import HOST, RawHttp, call, request
from waiting import until

from tritonfrontend import InvalidArgumentError, KServeHttp

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LIVE = "/v2/health/live"
INFER = "/v2/models/identity_fp32/infer"
PAGE = "https://app.example"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def port(wide_server: Server, log: Path) -> Iterator[int]:
    options = KServeHttp.Options(
        address=HOST, port=0, access_log=str(log), cors_allow_origins=[PAGE]
    )
    with KServeHttp(wide_server, options) as frontend:
        yield frontend.port


def logged(log: Path, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The line that is ``wanted``, once it is there."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = [line for line in lines_of(log) if wanted(line)]
        return bool(found)

    until(look, "the line is written")
    assert len(found) == 1
    return found[0]


def test_one_line_per_request(port: int, log: Path) -> None:
    body = json.dumps(
        {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}]}
    ).encode()
    answer = call(
        port, "POST", INFER, body, ("User-Agent", 'test "1"'), ("X-Request-Id", "abc"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    )  # fmt: skip
    assert answer.status == 200
    line = logged(log, lambda line: line["path"] == INFER)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert re.fullmatch(r"127\.0\.0\.1:\d+", line.pop("peer"))
    assert line.pop("duration_us") > 0
    assert line == {
        "method": "POST",
        "protocol": "HTTP/1.1",
        "path": INFER,
        "status": 200,
        "request_bytes": len(body),
        "response_bytes": len(answer.body),
        "request_id": "abc",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "user_agent": 'test "1"',
        "aborted": False,
    }


def test_what_never_reached_a_handler_is_logged_too(port: int, log: Path) -> None:
    with RawHttp(port) as connection:
        connection.send(b"GET /a b HTTP/1.1\r\n\r\n")
        assert connection.read().status == 400
    line = logged(log, lambda line: line["status"] == 400)
    assert (line["method"], line["path"]) == ("GET", "/a")


def test_lost_clients_are_marked(port: int, log: Path) -> None:
    with RawHttp(port) as connection:
        connection.send(request("POST", INFER, headers=[("Content-Length", "100")]) + b"half")
    line = logged(log, lambda line: bool(line["aborted"]))
    assert line["request_bytes"] == 4


def test_rotation_is_noticed(port: int, log: Path) -> None:
    assert call(port, "GET", LIVE).status == 200
    until(lambda: log.exists() and bool(lines_of(log)), "the first line is written")
    log.rename(log.with_suffix(".1"))

    def reopened() -> bool:
        assert call(port, "GET", LIVE).status == 200
        return log.exists()

    until(reopened, "the path is opened again")


def test_a_path_that_cannot_be_opened_is_named(wide_server: Server, tmp_path: Path) -> None:
    path = str(tmp_path / "none" / "log")
    options = KServeHttp.Options(address=HOST, port=0, access_log=path)
    with pytest.raises(InvalidArgumentError, match=r"access_log.*No such file"):
        KServeHttp(wide_server, options).start()


def curl(*arguments: str) -> str:
    command = ["curl", "-sS", "-i", "--max-time", "20", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_preflight(port: int) -> None:
    text = curl(
        "-X", "OPTIONS", "-H", f"Origin: {PAGE}", "-H", "Access-Control-Request-Method: POST",
        "-H", "Access-Control-Request-Headers: content-type", f"http://{HOST}:{port}{INFER}",
    )  # fmt: skip
    assert text.startswith("HTTP/1.1 204 No Content\n")
    assert f"\nAccess-Control-Allow-Origin: {PAGE}\n" in text
    assert "\nAccess-Control-Allow-Headers: content-type\n" in text
    assert "POST" in text.split("Access-Control-Allow-Methods: ")[1].split("\n")[0]


def test_answers_are_readable_to_the_page(port: int) -> None:
    text = curl("-H", f"Origin: {PAGE}", f"http://{HOST}:{port}{LIVE}")
    assert text.startswith("HTTP/1.1 200 OK\n")
    assert f"\nAccess-Control-Allow-Origin: {PAGE}\n" in text
    assert "\nVary: Origin\n" in text
    other = curl("-H", "Origin: https://other.example", f"http://{HOST}:{port}{LIVE}")
    assert other.startswith("HTTP/1.1 200 OK\n")
    assert "Access-Control" not in other


def test_off_unless_asked_for(http_port: int) -> None:
    assert "Access-Control" not in curl("-H", f"Origin: {PAGE}", f"http://{HOST}:{http_port}{LIVE}")


def test_origins_are_checked(wide_server: Server) -> None:
    options = KServeHttp.Options(address=HOST, port=0, cors_allow_origins=["app.example"])
    with pytest.raises(InvalidArgumentError, match="cors_allow_origins"):
        KServeHttp(wide_server, options).start()
