"""gRPC frontends with options of a test's own, and what their process holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawhttp import HOST

from tritonfrontend import KServeGrpc

if TYPE_CHECKING:
    from tritonfrontend.inprocess import Server


@contextmanager
def grpc_frontend(server: Server, **options: Any) -> Iterator[KServeGrpc]:
    chosen = KServeGrpc.Options(**{"address": HOST, "port": 0, **options})
    with KServeGrpc(server, chosen) as frontend:
        yield frontend


def resident_bytes() -> int:
    """Memory of this process, which the servers of these tests run in."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
