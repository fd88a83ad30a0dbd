"""The control channel between supervisor and worker."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import pytest

from tritonfrontend.supervisor.protocol.channel import MAX_MESSAGE, Channel, ChannelClosed


@contextlib.contextmanager
def channels() -> Any:
    ours, theirs = Channel.pair()
    other = Channel(theirs)
    try:
        yield ours, other
    finally:
        ours.close()
        other.close()


def test_messages_keep_their_borders_and_descriptors() -> None:
    with channels() as (one, two):
        read, write = os.pipe()
        assert one.send("A", x=1)
        assert one.send("B", [write], y="z")
        os.close(write)
        assert two.receive().args == {"x": 1}
        message = two.receive()
        assert (message.op, message.args) == ("B", {"y": "z"})
        assert not os.get_inheritable(message.fds[0])
        os.write(message.fds[0], b"through")
        message.close()
        assert os.read(read, 10) == b"through"
        os.close(read)
        assert two.receive() is None


def test_too_long_and_foreign_messages() -> None:
    with channels() as (one, two):
        with pytest.raises(ValueError, match="exceeds 65536"):
            one.send("A", x="y" * MAX_MESSAGE)
        for raw in (b"\xff", b"[]", b"{}", b"x" * 70000):
            os.write(one.fileno(), raw)
        assert [message.op for message in two.drain()] == ["", "", "", ""]


def test_full_and_closed_channel() -> None:
    with channels() as (one, two):
        sent = 0
        while one.send("A", x="y" * 1000):
            sent += 1
            assert sent < 100_000
        assert sum(1 for _ in two.drain()) == sent
        two.close()
        assert not one.send("A")
        with pytest.raises(ChannelClosed):
            one.receive()
