"""The operator's socket: its requests, its limits, and who may ask."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tritonfrontend.supervisor.control.client import ask, follow
from tritonfrontend.supervisor.control.server import (
    MAX_CLIENTS,
    MAX_REQUEST,
    ControlError,
    ControlServer,
    peer_allowed,
)


def with_server(tmp_path: Path, talk: Callable[[Path], Awaitable[Any]]) -> Any:
    def fail(request: Any) -> dict[str, Any]:
        raise ControlError("not now")

    async def main() -> Any:
        path = tmp_path / "control.sock"
        handlers = {"echo": lambda request: {"got": request["x"]}, "fail": fail}
        server = ControlServer(path, handlers)
        await server.start()
        assert path.stat().st_mode & 0o777 == 0o600
        try:
            return await talk(path)
        finally:
            await server.close()
            await asyncio.sleep(0)

    return asyncio.run(main())


def asked(tmp_path: Path, op: str, **args: Any) -> dict[str, Any]:
    async def talk(path: Path) -> dict[str, Any]:
        return await asyncio.to_thread(ask, path, op, **args)

    found: dict[str, Any] = with_server(tmp_path, talk)
    return found


def test_request_and_refusals(tmp_path: Path) -> None:
    assert asked(tmp_path, "echo", x=[1]) == {"got": [1]}
    with pytest.raises(ControlError, match="not now"):
        asked(tmp_path, "fail")
    with pytest.raises(ControlError, match="unknown op 'nope'; known: echo, fail"):
        asked(tmp_path, "nope")
    with pytest.raises(ControlError, match="bad request: KeyError"):
        asked(tmp_path, "echo")


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"1", b'"x"', b"{}", b"\xff\xfe", b"[" * 30000, b'{"op":["a"]}']
)
def test_bad_requests_are_answered(tmp_path: Path, line: bytes) -> None:
    async def talk(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line + b"\n")
        answer = json.loads(await reader.readline())
        assert answer["ok"] is False
        writer.write(b'{"op":"echo","x":1}\n')  # the connection is still good
        assert json.loads(await reader.readline()) == {"ok": True, "got": 1}
        writer.close()
        await writer.wait_closed()

    with_server(tmp_path, talk)


def test_endless_request_is_cut_off(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        with contextlib.suppress(OSError):
            writer.write(b"x" * 4 * MAX_REQUEST)
            await writer.drain()
            assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    with_server(tmp_path, talk)


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="No such file"):
        ask(tmp_path / "control.sock", "status")


def test_following_ends_with_either_side(tmp_path: Path) -> None:
    closed = []

    async def numbers(first: int) -> AsyncIterator[dict[str, Any]]:
        try:
            for number in range(first, first + 3):
                yield {"n": number}
            await asyncio.sleep(3600)
        finally:
            closed.append(first)

    async def main() -> None:
        path = tmp_path / "control.sock"
        server = ControlServer(path, {"count": lambda request: numbers(request["first"])})
        await server.start()
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"op":"count","first":1}\n')
        got = [json.loads(await reader.readline()) for _ in range(3)]
        assert got == [{"ok": True, "n": n} for n in (1, 2, 3)]
        writer.close()
        while closed != [1]:
            await asyncio.sleep(0.01)
        following = asyncio.ensure_future(
            asyncio.to_thread(lambda: [part["n"] for part in follow(path, "count", first=5)])
        )
        while len(server._clients) != 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await server.close()
        assert await following == [5, 6, 7]
        with pytest.raises(ControlError):
            list(follow(path, "count", first=1))

    asyncio.run(main())
    assert closed == [1, 5]


def test_many_clients_and_one_too_many(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        pairs = [await asyncio.open_unix_connection(path) for _ in range(MAX_CLIENTS)]
        for reader, writer in pairs:
            writer.write(b'{"op":"echo","x":1}\n')
            assert json.loads(await reader.readline())["got"] == 1
        reader, writer = await asyncio.open_unix_connection(path)
        answer = json.loads(await reader.readline())
        assert answer == {"ok": False, "error": f"more than {MAX_CLIENTS} clients"}
        assert await reader.read() == b""
        for _, each in [*pairs, (reader, writer)]:
            each.close()
            await each.wait_closed()

    with_server(tmp_path, talk)


def test_client_that_never_reads_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "control.sock"
        server = ControlServer(path, {"big": lambda request: {"x": "y" * (8 << 20)}})
        await server.start()
        _, writer = await asyncio.open_unix_connection(path)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b'{"op":"big"}\n')
        while not any(each.transport.get_write_buffer_size() for each in server._clients):
            await asyncio.sleep(0.01)
        answer = await asyncio.to_thread(ask, path, "big")  # others are answered
        assert len(answer["x"]) == 8 << 20
        await asyncio.wait_for(server.close(), 30)
        writer.transport.abort()

    asyncio.run(main())


def test_credentials_of_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = socket.socketpair()
    with one, two:
        assert peer_allowed(one)
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert peer_allowed(one) is (os.getuid() == 0)


# One that every user may run; the tests' own may lie in a home directory.
_SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists(_SYSTEM_PYTHON),
    reason="needs root to become somebody else, and a Python for them",
)
def test_another_user_is_refused(tmp_path: Path) -> None:
    """Even if directory and socket were open to all."""
    talk = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        's.sendall(b\'{"op":"echo","x":1}\\n\'); sys.stdout.buffer.write(s.recv(100))'
    )

    async def main() -> list[bytes]:
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            path = Path(folder, "control.sock")
            server = ControlServer(path, {"echo": lambda request: {"got": request["x"]}})
            await server.start()
            path.chmod(0o666)
            got = []
            for uid in (0, 65534):
                got.append(
                    await asyncio.to_thread(
                        lambda uid=uid: (
                            subprocess.run(  # type: ignore[misc]
                                [_SYSTEM_PYTHON, "-c", talk, str(path)],
                                user=uid,
                                capture_output=True,
                                check=False,
                            ).stdout
                        )
                    )
                )
            await server.close()
            return got

    root, nobody = asyncio.run(main())
    assert json.loads(root) == {"ok": True, "got": 1}
    assert nobody == b""
