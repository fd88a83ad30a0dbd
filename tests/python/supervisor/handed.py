"""Single requests on connections that a test holds in its hand."""

from __future__ import annotations

import http.client
import socket

from closed_loop import INFER
from instance import DEADLINE


def ask(port: int, keep: bool = False) -> socket.socket:
    """A new connection on which an inference was asked for; it waits for nothing."""
    client = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
    method, path, body = INFER
    close = "" if keep else "Connection: close\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{close}Content-Length: {len(body)}\r\n\r\n"
    client.sendall((head + body).encode())
    return client


def take_answer(client: socket.socket, keep: bool = False) -> int:
    """The status of the answer. Closes the connection unless it is to be kept."""
    client.settimeout(DEADLINE)
    answer = http.client.HTTPResponse(client)
    try:
        answer.begin()
        answer.read()
        return answer.status
    finally:
        answer.close()
        if not keep:
            client.close()
