"""Joining metrics pages, and the HTTP server that offers them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tritonfrontend.supervisor.control.http import Answer, HttpServer
from tritonfrontend.supervisor.options.spec import Device
from tritonfrontend.supervisor.slots.report import SlotReport
from tritonfrontend.supervisor.slots.state import State
from tritonfrontend.supervisor.status.collector import Collector
from tritonfrontend.supervisor.status.metrics import Family, Pages, escape, parse

PAGE = """# HELP nv_requests Number of requests
# TYPE nv_requests counter
nv_requests{model="a",version="1"} 10
nv_requests{model="b {x} \\"y\\"",version="1"} 2.5
# HELP nv_gpu Power
# TYPE nv_gpu gauge
nv_gpu{gpu_uuid="GPU-1"} 55.5
# TYPE nv_latency histogram
nv_latency_bucket{le="+Inf"} 3
nv_latency_sum 12.5
nv_latency_count 3
"""


def test_parse() -> None:
    families = parse(PAGE)
    assert list(families) == ["nv_requests", "nv_gpu", "nv_latency"]
    assert families["nv_requests"].samples[1] == (
        "nv_requests",
        'model="b {x} \\"y\\"",version="1"',
        "2.5",
    )
    assert [name for name, _, _ in families["nv_latency"].samples] == [
        "nv_latency_bucket",
        "nv_latency_sum",
        "nv_latency_count",
    ]


def test_rubbish_is_left_out() -> None:
    text = "\n# \n#x\n{\n}\n{} 1\nname\nname value\nok 1 1700000000\n# TYPE\nnan_is_fine NaN\n"
    families = parse(text)
    assert {name: family.samples for name, family in families.items()} == {
        "ok": [("ok", "", "1")],
        "nan_is_fine": [("nan_is_fine", "", "NaN")],
    }


def test_labels_and_one_header_per_family() -> None:
    pages = Pages()
    pages.update(0, PAGE)
    pages.update(1, PAGE)
    text = pages.render({0: {"worker": "0", "gpu_uuid": "GPU-0"}, 1: {"worker": "1"}})
    assert text.count("# TYPE nv_requests counter") == 1
    assert 'nv_requests{model="a",version="1",worker="0",gpu_uuid="GPU-0"} 10\n' in text
    assert 'nv_requests{model="a",version="1",worker="1"} 10\n' in text
    assert 'nv_gpu{gpu_uuid="GPU-1",worker="0"} 55.5\n' in text  # its own label wins
    assert 'nv_latency_sum{worker="1"} 12.5\n' in text


def test_counters_go_on_and_gauges_vanish() -> None:
    pages = Pages()
    labels = {0: {"worker": "0"}}
    pages.update(0, PAGE)
    pages.fold(0)
    gone = pages.render(labels)
    assert 'nv_requests{model="a",version="1",worker="0"} 10\n' in gone
    assert "nv_gpu" not in gone
    pages.update(0, PAGE.replace("} 10\n", "} 1\n"))
    after = pages.render(labels)
    assert 'nv_requests{model="a",version="1",worker="0"} 11\n' in after
    assert 'nv_latency_bucket{le="+Inf",worker="0"} 6\n' in after
    assert 'nv_latency_sum{worker="0"} 25\n' in after
    assert 'nv_gpu{gpu_uuid="GPU-1",worker="0"} 55.5\n' in after
    pages.fold(0)
    assert 'nv_requests{model="a",version="1",worker="0"} 11\n' in pages.render(labels)


def test_summary_quantiles_do_not_add_up() -> None:
    pages = Pages()
    page = '# TYPE s summary\ns{quantile="0.5"} 7\ns_sum 10\ns_count 2\n'
    pages.update(0, page)
    pages.fold(0)
    pages.update(0, page)
    text = pages.render({0: {"worker": "0"}})
    assert 's{quantile="0.5",worker="0"} 7\n' in text
    assert 's_sum{worker="0"} 20\n' in text


def test_own_families_and_escaping() -> None:
    own = Family("mine", "gauge", "Help.", [("mine", f'x="{escape(chr(34) + chr(10))}"', "1")])
    assert Pages().render({}, [own]) == '# HELP mine Help.\n# TYPE mine gauge\nmine{x="\\"\\n"} 1\n'
    assert Pages().render({}) == ""


def test_words_of_an_older_supervisor_are_escaped() -> None:
    """It may have counted a failure under any text."""

    async def page() -> str:
        slot = SimpleNamespace(
            index=0,
            state=State.FAILED,
            generation=None,
            report=SlotReport(exits={'"so"\n': 2}),
            device=Device("cpu", 0),
        )
        traffic = SimpleNamespace(relay=SimpleNamespace(relayed_total=0), refusals={})
        group: Any = SimpleNamespace(slots=[slot], traffic=traffic)
        return await Collector(group).page()

    name = "tritonfrontend_worker_failures_total"
    assert f'{name}{{worker="0",reason="\\"so\\"\\n"}} 2\n' in asyncio.run(page())


def talk(data: bytes, then: Callable[[bytes], None] | None = None) -> bytes:
    """Send `data` to a server with /metrics, return all it answers until it closes."""

    async def main() -> bytes:
        async def page() -> Answer:
            return Answer(200, "metric 1\n")

        async def broken() -> Answer:
            raise RuntimeError("a bug")

        server = HttpServer({"/metrics": page, "/broken": broken}, 9)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await server.start(listener)
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(data)
            answer = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            await writer.wait_closed()
            await server.close()
            await asyncio.sleep(0)
        return answer

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n", "200 OK"),
        ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", "200 OK"),
        ("GET /other HTTP/1.0\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed"),
        ("GET metrics HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("GET /metrics HTTP/2.0\r\n\r\n", "400 Bad Request"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 Bad Request"),
        ("GET /metrics HTTP/1.1\r\nbad header\r\n\r\n", "400 Bad Request"),
        ("GET /metrics HTTP/1.1\r\n bad: x\r\n\r\n", "400 Bad Request"),
        ("\x16\x03\x01\x02\x00\r\n\r\n", "400 Bad Request"),
        ("GET /" + "x" * 9000 + " HTTP/1.1\r\n\r\n", "431 Request Header Fields Too Large"),
    ],
)
def test_http_answers(request_text: str, status: str) -> None:
    answer = talk(request_text.encode())
    assert answer.startswith(f"HTTP/1.1 {status}\r\n".encode())
    assert answer.count(b"HTTP/1.1 ") == 1


def test_http_keep_alive_and_pipelining() -> None:
    one = b"GET /metrics HTTP/1.1\r\n\r\n"
    last = b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n"
    answer = talk(one + one + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.count(b"metric 1\n") == 3


def test_http_goes_on_after_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    broken = b"GET /broken HTTP/1.1\r\n\r\n"
    answer = talk(broken + b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert answer.endswith(b"metric 1\n")
    assert "RuntimeError: a bug" in caplog.text


def test_http_head_has_no_body() -> None:
    answer = talk(b"HEAD /metrics HTTP/1.0\r\n\r\n")
    assert b"Content-Length: 9\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_http_connections_are_limited() -> None:
    """The one that is idle for longest makes room; those that are answered stay."""

    async def main() -> None:
        answered = asyncio.Event()

        async def slow() -> Answer:
            await answered.wait()
            return Answer(200, "slow\n")

        async def page() -> Answer:
            return Answer(200, "page\n")

        server = HttpServer({"/slow": slow, "/page": page}, 3)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            await server.start(listener)

            async def ask(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
                reader, writer = await asyncio.open_connection(*listener.getsockname())
                writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
                return reader, writer

            first = await ask("/slow")
            idle = [await ask("/page") for _ in range(2)]
            for reader, _ in idle:
                await asyncio.wait_for(reader.readuntil(b"page\n"), 30)
            others = [await ask("/slow") for _ in range(2)]
            for reader, _ in idle:
                assert await asyncio.wait_for(reader.read(), 30) == b""
            refused = await asyncio.open_connection(*listener.getsockname())
            assert await asyncio.wait_for(refused[0].read(), 30) == b""
            answered.set()
            for reader, _ in [first, *others]:
                await asyncio.wait_for(reader.readuntil(b"slow\n"), 30)
            for _, each in [first, *idle, *others, refused]:
                each.close()
                await each.wait_closed()
            await server.close()
            await asyncio.sleep(0)

    asyncio.run(main())
