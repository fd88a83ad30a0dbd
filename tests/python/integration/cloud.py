"""What the tests of the SageMaker and Vertex AI frontends share: requests in JSON and in binary."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import tritonclient.http as httpclient
from numpy.typing import NDArray
from rawhttp import Response

VALUES = np.array([1.5, -2.0, 0.25], dtype=np.float32)


def json_request(**parameters: Any) -> bytes:
    """An inference of VALUES by a model of FP32 tensors INPUT0 and OUTPUT0."""
    tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [3], "data": VALUES.tolist()}
    return json.dumps({"parameters": parameters, "inputs": [tensor]}).encode()


def binary_request(*, binary_output: bool = True) -> tuple[bytes, int]:
    """The same with a binary tensor: the body, and the size of its JSON."""
    tensor = httpclient.InferInput("INPUT0", [3], "FP32")
    tensor.set_data_from_numpy(VALUES, binary_data=True)
    output = httpclient.InferRequestedOutput("OUTPUT0", binary_data=binary_output)
    body, size = httpclient.InferenceServerClient.generate_request_body([tensor], outputs=[output])
    assert size is not None
    return body, size


def json_output(answer: Response) -> list[float]:
    """OUTPUT0 of a JSON answer."""
    assert answer.status == 200, answer.body
    assert answer.header("content-type") == "application/json"
    (output,) = answer.json()["outputs"]
    data: list[float] = output["data"]
    return data


def binary_output(answer: Response, json_size: int) -> NDArray[Any]:
    """OUTPUT0 of a binary answer, as tritonclient reads it."""
    result = httpclient.InferenceServerClient.parse_response_body(
        answer.body, header_length=json_size
    )
    values: NDArray[Any] = result.as_numpy("OUTPUT0")
    return values
