"""grpc-go and the C++ client of gRPC, whole programs of their own (tests/clients), against every
transport: what one of them prints is compared with what its calls must bring."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Identity
from grpc_frontends import grpc_frontend
from rawhttp import HOST
from streams import idle
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server

LANGUAGES = ("go", "cpp")
TRANSPORTS = ("plain", "tls", "mutual", "unix", "unix tls")
LARGE = 6 << 20  # bytes, see the clients
OK, CANCELLED, DEADLINE_EXCEEDED, NOT_FOUND = 0, 1, 4, 5


@pytest.fixture(scope="module", params=LANGUAGES)
def program(request: pytest.FixtureRequest) -> Path:
    folder = os.environ.get("TRITONFRONTEND_TEST_CLIENTS", "")
    found = Path(folder) / f"{request.param}_client"
    if not folder or not found.is_file():
        pytest.skip(
            f"no {request.param} client in TRITONFRONTEND_TEST_CLIENTS ({folder!r}): "
            "tests/clients/build.py makes it and says what it needs"
        )
    return found


@pytest.fixture(scope="module", params=TRANSPORTS)
def brought(
    request: pytest.FixtureRequest,
    program: Path,
    wide_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    identity: Identity,
) -> Iterator[dict[str, dict[str, Any]]]:
    """By the names of the calls."""
    transport = str(request.param)
    path = tmp_path_factory.mktemp("s") / "grpc.sock"
    options: dict[str, Any] = {"infer_compression_level": 1}
    arguments: dict[str, Any] = {}
    if transport.startswith("unix"):
        options["address"] = f"unix:{path}"
    if transport not in ("plain", "unix"):
        options |= {
            "use_ssl": True,
            "server_cert": str(identity.cert),
            "server_key": str(identity.key),
        }
        arguments |= {"--ca": authority.cert, "--name": "localhost"}
    if transport == "mutual":
        mine = authority.issue("client")
        options |= {"use_mutual_auth": True, "root_cert": str(authority.cert)}
        arguments |= {"--cert": mine.cert, "--key": mine.key}
    with grpc_frontend(wide_server, **options) as frontend:
        target = options.get("address", f"{HOST}:{frontend.port}")
        done = subprocess.run(
            [program, "--target", target, *chain.from_iterable(arguments.items())],
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        # Calls that were given up have ended in the core as well.
        until(idle(frontend), "nothing is left of the client")
        yield json.loads(done.stdout)


def test_state(brought: Any) -> None:
    assert brought["state"] == {
        "code": OK, "text": "", "live": True, "ready": True, "health": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "request_id", "count"), [("infer", "a", 3), ("large", "l", LARGE // 4)]
)
def test_infer(brought: Any, name: str, request_id: str, count: int) -> None:
    assert brought[name] == {
        "code": OK, "text": "", "id": request_id, "shape": [count], "same": True,
    }  # fmt: skip


def test_an_error_has_its_text(brought: Any) -> None:
    text = "Request for unknown model: 'none' is not found"
    assert brought["error"] == {"code": NOT_FOUND, "text": text}


def test_many_at_once(brought: Any) -> None:
    assert brought["many"] == {"good": 100}


def test_gzip(brought: Any) -> None:
    gzip = brought["gzip"]
    assert (gzip["code"], gzip["same"]) == (OK, True)
    # What the C++ library has compressed it does not tell.
    assert gzip.get("request_shrunk", True)
    assert gzip.get("response_shrunk", True)


def test_deadline_and_cancellation(brought: Any) -> None:
    assert brought["deadline"]["code"] == DEADLINE_EXCEEDED
    assert brought["cancelled"]["code"] == CANCELLED
    assert brought["after"]["code"] == OK


def test_stream(brought: Any) -> None:
    stream = brought["stream"]
    refused = "error Request for unknown model: 'none' is not found"
    assert (stream["code"], stream["text"]) == (OK, "")
    assert stream["lines"][:3] == ["identity_fp32 s 1", refused, "identity_fp32 s 1"]
    assert sorted(stream["lines"][3:]) == ["repeat r 2"] * 2 + ["repeat t 2"] * 2


def test_streams_that_are_given_up(brought: Any) -> None:
    assert brought["stream_deadline"]["code"] == DEADLINE_EXCEEDED
    assert brought["stream_cancel"]["code"] == CANCELLED
    for name in ("stream_deadline", "stream_cancel"):
        assert brought[name]["lines"] == ["repeat e 2"]
