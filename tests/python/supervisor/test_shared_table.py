"""The table that workers write: what is read, and what of rubbish."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator

import pytest

from tritonfrontend.supervisor.protocol.shared_table import Page, SharedTable
from tritonfrontend.supervisor.system.shared_memory import PAGE_BYTES


@pytest.fixture
def table() -> Iterator[SharedTable]:
    made = SharedTable(3, ["http", "grpc"])
    yield made
    made.close()
    made.close()


def write(table: SharedTable, slot: int, port: str, data: bytes) -> None:
    """As another process does, through a mapping of its own."""
    fd = os.dup(table.fd)
    with mmap.mmap(fd, PAGE_BYTES, offset=table.offset(slot, port, 0)) as page:
        page[: len(data)] = data
    os.close(fd)


def page(threads: int = 2, magic: int = 0x42454154) -> bytes:
    head = struct.pack("=IIQQQQQQ", magic, threads, 7, 5, 2, 99, 3, 1)
    return head.ljust(64, b"\0") + struct.pack("=2Q", 1000, 2000)


def test_reads_what_a_frontend_wrote(table: SharedTable) -> None:
    write(table, 1, "grpc", page())
    assert table.read(1, "grpc") == Page((1000, 2000), 7, 5, 2, 99, lacking=1)
    for slot, port in [(0, "grpc"), (1, "http"), (2, "http"), (2, "grpc")]:
        assert table.read(slot, port) == Page()


def test_clear_wipes_one_slot(table: SharedTable) -> None:
    for slot in range(3):
        write(table, slot, "http", page())
        write(table, slot, "grpc", page())
    table.clear(1)
    assert table.read(1, "http") == table.read(1, "grpc") == Page()
    assert table.read(0, "grpc").connections == table.read(2, "http").connections == 5


@pytest.mark.parametrize("data", [page(0), page(257), page(2**32 - 1), page(magic=1), b"\xff" * 9])
def test_rubbish_is_a_blank_page(table: SharedTable, data: bytes) -> None:
    write(table, 0, "http", data)
    assert table.read(0, "http") == Page()


def test_the_descriptor_does_not_leak() -> None:
    table = SharedTable(1, ["http"])
    assert not os.get_inheritable(table.fd)
    table.close()


def test_a_file_of_another_layout_is_refused(table: SharedTable) -> None:
    fd = os.dup(table.fd)
    with pytest.raises(ValueError, match=r"tritonfrontend-beats has \d+ bytes, not \d+"):
        SharedTable(4, ["http", "grpc"], fd)
    table.set_serving([2])
    resumed = SharedTable(3, ["http", "grpc"], fd)  # it stays the caller's when refused
    assert os.pread(resumed.fd, 1, resumed.serving_offset(2)) == b"\1"
    resumed.close()


def test_workers_see_who_serves_and_which_page_counts(table: SharedTable) -> None:
    table.select(1, 3)
    table.set_serving([1, 2])
    at = [table.serving_offset(slot) for slot in range(3)]
    assert [os.pread(table.fd, 1, offset)[0] for offset in at] == [0, 2, 1]
    table.set_serving([])
    assert [os.pread(table.fd, 1, offset)[0] for offset in at] == [0, 0, 0]
