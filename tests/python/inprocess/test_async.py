"""async_infer: responses in asyncio event loops."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np
import pytest

from tritonfrontend.inprocess import (
    AlreadyExistsError,
    CancelledError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    Server,
)

ONES = {"INPUT0": np.ones(1, np.float32)}


async def collect(responses: Any) -> list[Any]:
    return [response async for response in responses]


def test_many_requests_at_once(server: Server) -> None:
    model = server.model("identity_int32")

    async def one(value: int) -> int:
        array = np.array([value], np.int32)
        (response,) = await collect(model.async_infer(inputs={"INPUT0": array}))
        return int(np.from_dlpack(response.outputs["OUTPUT0"])[0])

    async def main() -> list[int]:
        return await asyncio.gather(*(one(value) for value in range(300)))

    assert asyncio.run(main()) == list(range(300))


def test_decoupled_and_after_the_end(server: Server) -> None:
    async def main() -> None:
        responses = server.model("repeat").async_infer(
            inputs=ONES, parameters={"responses": 5, "interval_ms": 1}
        )
        assert len(await collect(responses)) == 5
        with pytest.raises(StopAsyncIteration):
            await anext(responses)

    asyncio.run(main())


def test_errors(server: Server) -> None:
    async def main() -> None:
        with pytest.raises(NotFoundError):
            server.model("missing").async_infer()
        with pytest.raises(InternalError) as caught:
            await collect(server.model("fail").async_infer(inputs=ONES))
        assert caught.value.args[1].final
        fine = await collect(server.model("fail").async_infer(inputs=ONES, raise_on_error=False))
        assert isinstance(fine[0].error, InternalError)
        with pytest.raises(InvalidArgumentError, match="response_queue"):
            server.model("fail").async_infer(inputs=ONES, response_queue=1)

    asyncio.run(main())


def test_cancelled_waits_do_no_harm(server: Server) -> None:
    async def main() -> None:
        responses = server.model("delay").async_infer(inputs=ONES, parameters={"delay_ms": 200})
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(responses), 0.02)
        assert (await anext(responses)).final

    asyncio.run(main())


def test_cancel(server: Server) -> None:
    async def main() -> None:
        responses = server.model("repeat").async_infer(
            inputs=ONES, parameters={"responses": 100000, "interval_ms": 5}
        )
        await anext(responses)
        responses.cancel()
        with pytest.raises(CancelledError):
            await collect(responses)

    asyncio.run(main())


def test_one_fetch_at_a_time(server: Server) -> None:
    async def main() -> None:
        responses = server.model("delay").async_infer(inputs=ONES, parameters={"delay_ms": 100})
        first = asyncio.ensure_future(anext(responses))
        await asyncio.sleep(0)
        with pytest.raises(AlreadyExistsError):
            await anext(responses)
        assert (await first).final

    asyncio.run(main())


def test_response_queue(server: Server) -> None:
    async def main() -> None:
        user: asyncio.Queue[Any] = asyncio.Queue()
        responses = await collect(
            server.model("repeat").async_infer(
                inputs=ONES, parameters={"responses": 3}, response_queue=user
            )
        )
        assert len(responses) == 3
        assert [user.get_nowait() for _ in range(3)] == responses

    asyncio.run(main())


def test_sent_without_a_loop(server: Server) -> None:
    responses = server.model("identity_fp32").async_infer(inputs=ONES)
    assert len(asyncio.run(collect(responses))) == 1


def test_loops_in_threads_and_one_after_the_other(server: Server) -> None:
    counts: list[int] = []

    async def main() -> None:
        for _ in range(20):
            counts.append(len(await collect(server.model("delay").async_infer(inputs=ONES))))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(5):
        asyncio.run(main())
    assert counts == [1] * 180
