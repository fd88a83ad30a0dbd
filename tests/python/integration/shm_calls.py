"""What tests of shared memory have in common: requests that refer to regions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import tritonclient.http as httpclient
from rawhttp import Response, call


def post(port: int, path: str, body: Any = None) -> Response:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return call(port, "POST", f"/v2/{path}", data)


def refused(answer: Response) -> tuple[int, str]:
    return answer.status, answer.error()


def region_input(name: str, data: Any, region: str, offset: int = 0) -> httpclient.InferInput:
    datatype = {np.float32: "FP32", np.float64: "FP64"}[data.dtype.type]
    made = httpclient.InferInput(name, list(data.shape), datatype)
    made.set_shared_memory(region, data.nbytes, offset=offset)
    return made


def region_output(name: str, region: str, size: int, offset: int = 0) -> Any:
    made = httpclient.InferRequestedOutput(name)
    made.set_shared_memory(region, size, offset=offset)
    return made
