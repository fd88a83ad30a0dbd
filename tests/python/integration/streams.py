"""ModelStreamInfer calls for tests: the generated messages through grpcio, or frame by frame."""

from __future__ import annotations

import os
import queue
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
import numpy as np
from calls import infer_request, tensor
from rawh2 import DATA, END_STREAM, RST_STREAM, WINDOW_UPDATE, frame, message, open_call
from tritonclient.grpc import service_pb2 as pb

STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
FOREVER_MS = 3_600_000
CANCEL = 8
SHUTTING_DOWN = "GRPC server is shutting down and has stopped accepting new requests."


def number(model: str, value: float, request_id: str = "", **parameters: Any) -> Any:
    """A request with one FP32 value."""
    raw = [np.float32(value).tobytes()]
    return infer_request(model, [tensor()], raw, id=request_id, parameters=parameters)


def repeat(count: int, request_id: str = "", **parameters: Any) -> Any:
    """A request that the decoupled model answers ``count`` times."""
    return number("repeat", 1, request_id, responses=count, **parameters)


def endless(request_id: str = "") -> Any:
    """One that only cancellation ends."""
    return repeat(2**31, request_id, interval_ms=FOREVER_MS)


def is_final(response: Any) -> bool:
    final: bool = response.infer_response.parameters["triton_final_response"].bool_param
    return final


def ids(responses: list[Any]) -> list[str]:
    return [response.infer_response.id for response in responses]


def index_of(response: Any) -> int:
    """Output INDEX of the model ``repeat``."""
    return int.from_bytes(response.infer_response.raw_output_contents[1], "little")


class OpenStream:
    """A call whose requests are sent one by one."""

    def __init__(self, made: Any, **options: Any) -> None:
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.call = made.ModelStreamInfer(self._iterate(), **options)
        self.call.add_callback(self.half_close)  # grpcio's thread that reads the requests ends

    def _iterate(self) -> Iterator[Any]:
        while (request := self._requests.get()) is not None:
            yield request

    def send(self, *requests: Any) -> None:
        for request in requests:
            self._requests.put(request)

    def half_close(self) -> None:
        self._requests.put(None)

    def read(self, count: int) -> list[Any]:
        return [next(self.call) for _ in range(count)]

    def rest(self) -> list[Any]:
        return list(self.call)

    def end(self) -> tuple[str, str]:
        """Status and text, once everything was read."""
        with suppress(grpc.RpcError):
            self.rest()
        return self.call.code().name, self.call.details() or ""


def raw_stream(
    stream: int, requests: list[Any], *extra: tuple[str, str | bytes], end: bool = True
) -> bytes:
    """The frames of a whole call."""
    out = open_call(stream, STREAM, *extra)
    for at, request in enumerate(requests):
        last = end and at + 1 == len(requests)
        payload = message(request.SerializeToString())
        out += frame(DATA, END_STREAM if last else 0, stream, payload)
    return out


def parse(messages: list[bytes]) -> list[Any]:
    return [pb.ModelStreamInferResponse.FromString(item) for item in messages]


def grant(stream: int, size: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


def reset(stream: int) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))


def idle(frontend: Any) -> Callable[[], bool]:
    """Whether nothing is left of any client, for ``until``."""

    def is_idle() -> bool:
        numbers = frontend.statistics()
        return bool(numbers["in_flight"] == numbers["connections"] == 0)

    return is_idle


def descriptors() -> int:
    """That this process has open."""
    return len(os.listdir("/proc/self/fd"))
