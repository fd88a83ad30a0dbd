"""What is measured: the requests, their concurrency, and their prepared bodies."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tritonclient.grpc import InferInput, service_pb2

MODEL = "identity_fp32"
SMALL_FLOATS = 16
# 1 MiB of FP32.
LARGE_FLOATS = 262_144
GRPC_PATH = "/inference.GRPCInferenceService/ModelInfer"
HTTP_PATH = f"/v2/models/{MODEL}/infer"


@dataclass(frozen=True)
class Case:
    """One row of the table.

    ``protocol`` is "http" or "grpc". ``streams`` is the number of requests in flight on each
    connection; HTTP/1.1 has one. ``headers`` go with every request.
    """

    name: str
    protocol: str
    body: str
    connections: int
    streams: int = 1
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        return HTTP_PATH if self.protocol == "http" else GRPC_PATH


def values(count: int) -> np.ndarray:  # type: ignore[type-arg]
    """Floats that are short in JSON and exact in FP32."""
    return (np.arange(count) % 64).astype(np.float32) / 4


def http_json(count: int) -> bytes:
    tensor = {
        "name": "INPUT0",
        "datatype": "FP32",
        "shape": [count],
        "data": values(count).tolist(),
    }
    return json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()


def http_binary(count: int) -> tuple[bytes, int]:
    """Body and the length of its JSON part."""
    data = values(count).tobytes()
    head = {
        "inputs": [
            {
                "name": "INPUT0",
                "datatype": "FP32",
                "shape": [count],
                "parameters": {"binary_data_size": len(data)},
            }
        ],
        "parameters": {"binary_data_output": True},
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    return text + data, len(text)


def grpc_message(count: int) -> bytes:
    """A serialized ModelInferRequest with raw contents."""
    tensor = InferInput("INPUT0", [count], "FP32")
    tensor.set_data_from_numpy(values(count))
    request = service_pb2.ModelInferRequest(model_name=MODEL)
    request.inputs.append(tensor._get_tensor())
    request.raw_input_contents.append(tensor._get_content())
    return bytes(request.SerializeToString())


def grpc_frame(message: bytes) -> bytes:
    """A gRPC message with its five-byte prefix, uncompressed."""
    return struct.pack(">BI", 0, len(message)) + message


def write_bodies(folder: Path) -> int:
    """Writes every body file into ``folder``; returns the JSON length of the binary one."""
    (folder / "http_small").write_bytes(http_json(SMALL_FLOATS))
    binary, json_length = http_binary(LARGE_FLOATS)
    (folder / "http_large").write_bytes(binary)
    (folder / "grpc_small").write_bytes(grpc_frame(grpc_message(SMALL_FLOATS)))
    (folder / "grpc_large").write_bytes(grpc_frame(grpc_message(LARGE_FLOATS)))
    return json_length


def all_cases(json_length: int) -> list[Case]:
    binary = (
        ("Content-Type", "application/octet-stream"),
        ("Inference-Header-Content-Length", str(json_length)),
    )
    json_headers = (("Content-Type", "application/json"),)
    grpc_headers = (("content-type", "application/grpc"), ("te", "trailers"))
    return [
        *(
            Case(f"HTTP JSON 16 floats, {count} conn", "http", "http_small", count, 1, json_headers)
            for count in (1, 16, 64)
        ),
        Case("HTTP binary 1 MiB, 1 conn", "http", "http_large", 1, 1, binary),
        *(
            Case(f"gRPC 16 floats, {c}x{s}", "grpc", "grpc_small", c, s, grpc_headers)
            for c, s in ((1, 1), (16, 1), (16, 8))
        ),
        Case("gRPC 1 MiB, 1x1", "grpc", "grpc_large", 1, 1, grpc_headers),
    ]
