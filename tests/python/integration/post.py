"""Requests with JSON bodies, as short as tests like them."""

from __future__ import annotations

import json
from typing import Any

from rawhttp import Response, call

INFER = "/v2/models/identity_fp32/infer"


def body(
    data: Any = (1.0,), datatype: str = "FP32", shape: Any = None, **fields: Any
) -> dict[str, Any]:
    """An inference request for an identity model; ``fields`` are further members."""
    shape = [len(data)] if shape is None else shape
    return {
        "inputs": [{"name": "INPUT0", "datatype": datatype, "shape": shape, "data": list(data)}],
        **fields,
    }


def post(port: int, path: str, value: Any, *headers: tuple[str, str]) -> Response:
    return call(port, "POST", path, json.dumps(value).encode(), *headers)


def alive(port: int) -> bool:
    return call(port, "GET", "/v2/health/live").status == 200
