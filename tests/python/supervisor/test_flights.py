"""Tables of requests in flight as the supervisor reads them."""

from __future__ import annotations

import os
import struct

from tritonfrontend.supervisor.protocol.flights import TABLE_BYTES, FlightTables


def write(tables: FlightTables, slot: int, at: int, data: bytes) -> None:
    os.pwrite(tables.fd, data, 2 * slot * TABLE_BYTES + at)


def cell(state: int, start: int, model: bytes, name: bytes) -> bytes:
    return struct.pack("=IIQ64s48s", state, 0, start, model, name)


def test_used_cells_of_one_slot_oldest_first() -> None:
    tables = FlightTables(2)
    assert tables.inherited(1, 4) == {"fd": tables.fd, "offset": 2 * TABLE_BYTES}
    assert tables.read(1, 4, 0) == []
    write(tables, 1, 0, struct.pack("=IIQ", 0x464C4947, 511, 3))
    write(tables, 1, 128, cell(2, 5_000_000_000, b"young", b""))
    write(tables, 1, 511 * 128, cell(2, 1_000_000_000, b"m" * 64, b"i" * 48))
    write(tables, 1, 256, cell(1, 1, b"claimed", b""))
    write(tables, 1, 384, cell(0, 1, b"free again", b""))
    found = tables.read(1, 4, 6_000_000_000)
    assert [(f.model, f.id, f.age) for f in found] == [
        ("m" * 64, "i" * 48, 5.0),
        ("young", "", 1.0),
    ]
    assert tables.read(0, 2, 0) == tables.read(1, 5, 0) == []
    assert tables.inherited(1, 5)["offset"] == 3 * TABLE_BYTES
    assert len(tables.read(1, 6, 0)) == 2
    tables.clear(1, 4)
    assert tables.read(1, 4, 0) == []
    tables.close()
    tables.close()


def test_rubbish_is_not_believed() -> None:
    tables = FlightTables(1)
    write(tables, 0, 0, struct.pack("=IIQ", 0x464C4947, 2**31, 0))
    assert tables.read(0, 2, 0) == []
    write(tables, 0, 0, struct.pack("=IIQ", 1, 511, 0))
    assert tables.read(0, 2, 0) == []
    write(tables, 0, 0, struct.pack("=IIQ", 0x464C4947, 511, 0))
    write(tables, 0, 128, cell(2, 2**64 - 1, b"\xff\xfe", b"\x00x"))
    (flight,) = tables.read(0, 2, 10)
    assert (flight.model, flight.age) == ("\N{REPLACEMENT CHARACTER}" * 2, 0.0)
    tables.close()
