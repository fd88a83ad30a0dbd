"""Asks all workers of an instance the same: each question goes over a connection of its own."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import shared_memory
from typing import Any, TypeVar

import numpy as np
import tritonclient.http as httpclient
from instance import Instance

T = TypeVar("T")
#: The kernel spreads connections at random: all of them at one of two workers is one in 2**19.
CONNECTIONS = 20


def everywhere(ask: Callable[[], T]) -> T:
    """The one answer that every worker gives."""
    answers = [ask() for _ in range(CONNECTIONS)]
    assert all(answer == answers[0] for answer in answers), answers
    return answers[0]


def call(port: int, path: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
    """Status and JSON content of one request to /v2/<path>."""
    data = None if method == "GET" else json.dumps({} if body is None else body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v2/{path}",
        data=data,
        method=method,
        headers={"Connection": "close", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or "null")


def look(port: int, path: str) -> Any:
    """What all workers answer to GET /v2/<path>."""
    return everywhere(lambda: call(port, path, method="GET"))[1]


def register(port: int, name: str, memory: shared_memory.SharedMemory) -> tuple[int, Any]:
    body = {"key": "/" + memory.name.lstrip("/"), "offset": 0, "byte_size": memory.size}
    return call(port, f"systemsharedmemory/region/{name}/register", body)


def regions(port: int) -> list[str]:
    return [region["name"] for region in look(port, "systemsharedmemory/status")]


@contextmanager
def tensor_memory(text: str) -> Iterator[shared_memory.SharedMemory]:
    """An object with one BYTES element in it."""
    content = len(text).to_bytes(4, "little") + text.encode()
    memory = shared_memory.SharedMemory(create=True, size=len(content))
    try:
        assert memory.buf is not None
        memory.buf[:] = content
        yield memory
    finally:
        memory.close()
        memory.unlink()


def infer_from(port: int, region: str, size: int) -> str:
    """What `identity` makes of a region, on a connection of its own."""
    with httpclient.InferenceServerClient(f"127.0.0.1:{port}") as client:
        tensor = httpclient.InferInput("INPUT0", [1, 1], "BYTES")
        tensor.set_shared_memory(region, size)
        output: Any = client.infer("identity", [tensor]).as_numpy("OUTPUT0")
        assert output.dtype == np.object_
        return str(output[0, 0].decode())


def replace_worker(instance: Instance, slot: int, end: Callable[[int], None]) -> None:
    """`end` the worker of a slot by its pid; returns when the next one is ready."""
    before = instance.worker(slot)
    end(before["pid"])
    instance.wait(
        "the next worker",
        lambda s: (
            s["workers"][slot]["generation"] > before["generation"]
            and s["supervisor"]["group_state"] == "ready"
        ),
    )


def events(instance: Instance) -> list[str]:
    """The texts of the events of replication."""
    found = instance.ask("events", since=0)["events"]
    return [event["text"] for event in found if event["kind"] == "replication"]
