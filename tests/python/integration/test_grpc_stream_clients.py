"""ModelStreamInfer through the client library, sync and aio."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.grpc.aio as aioclient
from streams import FOREVER_MS
from tritonclient.utils import InferenceServerException


def client_input(module: Any, value: float) -> Any:
    made = module.InferInput("INPUT0", [1], "FP32")
    made.set_data_from_numpy(np.array([value], dtype=np.float32))
    return made


Done = queue.Queue[tuple[Any, Any]]


def take(done: Done, count: int) -> list[tuple[Any, Any]]:
    return [done.get(timeout=30) for _ in range(count)]


def test_stream_of_the_client(grpc_client: grpcclient.InferenceServerClient) -> None:
    done: Done = queue.Queue()
    grpc_client.start_stream(lambda result, error: done.put((result, error)))
    for n in range(100):
        grpc_client.async_stream_infer(
            "identity_fp32", [client_input(grpcclient, n)], request_id=str(n)
        )
    answers = take(done, 100)
    assert [error for _, error in answers] == [None] * 100
    assert [result.get_response().id for result, _ in answers] == [str(n) for n in range(100)]
    assert [result.as_numpy("OUTPUT0")[0] for result, _ in answers] == list(range(100))
    grpc_client.stop_stream()


def test_errors_reach_the_callback_and_the_stream_goes_on(
    grpc_client: grpcclient.InferenceServerClient,
) -> None:
    done: Done = queue.Queue()
    grpc_client.start_stream(lambda result, error: done.put((result, error)))
    grpc_client.async_stream_infer("nope", [client_input(grpcclient, 1)])
    grpc_client.async_stream_infer("fail", [client_input(grpcclient, 1)])
    grpc_client.async_stream_infer("identity_fp32", [client_input(grpcclient, 1)])
    (_, unknown), (_, failed), (result, error) = take(done, 3)
    assert unknown.message() == "Request for unknown model: 'nope' is not found"
    assert failed.message() == "the model fails on demand"
    assert error is None
    assert result.as_numpy("OUTPUT0") == [1]
    grpc_client.stop_stream()


def test_decoupled_stream_of_the_client(grpc_client: grpcclient.InferenceServerClient) -> None:
    done: Done = queue.Queue()
    grpc_client.start_stream(lambda result, error: done.put((result, error)))
    grpc_client.async_stream_infer(
        "repeat",
        [client_input(grpcclient, 1)],
        request_id="r",
        parameters={"responses": 5, "final": "separate"},
        enable_empty_final_response=True,
    )
    responses = [result.get_response() for result, _ in take(done, 6)]
    finals = [response.parameters["triton_final_response"].bool_param for response in responses]
    assert finals == [False] * 5 + [True]
    assert [len(response.outputs) for response in responses] == [2] * 5 + [0]
    assert {response.id for response in responses} == {"r"}
    grpc_client.stop_stream()


def test_errors_end_the_stream_of_a_client_that_asks(
    grpc_client: grpcclient.InferenceServerClient,
) -> None:
    done: Done = queue.Queue()
    grpc_client.start_stream(
        lambda result, error: done.put((result, error)), headers={"triton_grpc_error": "true"}
    )
    grpc_client.async_stream_infer(
        "fail", [client_input(grpcclient, 1)], parameters={"error_code": 2, "error_message": "gone"}
    )
    ((_, error),) = take(done, 1)
    assert (error.status(), error.message()) == ("StatusCode.NOT_FOUND", "gone")
    grpc_client.stop_stream()


def test_cancelled_stream_of_the_client(grpc_client: grpcclient.InferenceServerClient) -> None:
    done: Done = queue.Queue()
    grpc_client.start_stream(lambda result, error: done.put((result, error)))
    grpc_client.async_stream_infer("identity_fp32", [client_input(grpcclient, 1)])
    grpc_client.async_stream_infer(
        "repeat", [client_input(grpcclient, 1)], parameters={"interval_ms": FOREVER_MS}
    )
    take(done, 1)
    grpc_client.stop_stream(cancel_requests=True)
    ((_, error),) = take(done, 1)
    assert error.status() == "StatusCode.CANCELLED"


def test_stream_of_the_client_with_a_deadline(
    grpc_client: grpcclient.InferenceServerClient,
) -> None:
    done: Done = queue.Queue()
    grpc_client.start_stream(lambda result, error: done.put((result, error)), stream_timeout=0.5)
    grpc_client.async_stream_infer(
        "repeat", [client_input(grpcclient, 1)], parameters={"interval_ms": FOREVER_MS}
    )
    ((_, error),) = take(done, 1)
    assert error.status() == "StatusCode.DEADLINE_EXCEEDED"
    grpc_client.stop_stream()


def test_aio_stream(grpc_port: int) -> None:
    async def requests() -> AsyncIterator[dict[str, Any]]:
        for n in range(20):
            yield {
                "model_name": "identity_fp32",
                "inputs": [client_input(aioclient, n)],
                "request_id": str(n),
            }
        yield {"model_name": "nope", "inputs": [client_input(aioclient, 1)]}
        yield {
            "model_name": "repeat",
            "inputs": [client_input(aioclient, 7)],
            "parameters": {"responses": 3},
        }

    async def run() -> tuple[list[str], list[str]]:
        got: list[str] = []
        errors: list[str] = []
        async with aioclient.InferenceServerClient(f"127.0.0.1:{grpc_port}") as client:
            async for result, error in client.stream_infer(requests()):
                if error is not None:
                    errors.append(error.message())
                else:
                    got.append(result.get_response().id)
        return got, errors

    got, errors = asyncio.run(run())
    assert [name for name in got if name] == [str(n) for n in range(20)]
    assert got.count("") == 3
    assert errors == ["Request for unknown model: 'nope' is not found"]


def test_aio_stream_can_be_cancelled(grpc_port: int) -> None:
    async def requests() -> AsyncIterator[dict[str, Any]]:
        yield {
            "model_name": "repeat",
            "inputs": [client_input(aioclient, 7)],
            "parameters": {"responses": 2, "interval_ms": 1},
        }
        await asyncio.Event().wait()

    async def run() -> None:
        async with aioclient.InferenceServerClient(f"127.0.0.1:{grpc_port}") as client:
            stream = client.stream_infer(requests())
            async for _ in stream:
                stream.cancel()
                break
            with pytest.raises((InferenceServerException, asyncio.CancelledError)):
                async for _ in stream:
                    pass

    asyncio.run(run())
