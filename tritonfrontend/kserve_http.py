"""KServe v2 over HTTP: `KServeHttp(server, KServeHttp.Options(port=8000)).start()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import _native
from ._frontend import Frontend
from ._options import CheckedOptions, flag, integer, optional_integer, text

__all__ = ["KServeHttp"]


class KServeHttp(Frontend):
    """The HTTP frontend of one server. `KServeHttp.Server` is another name for it."""

    @dataclass
    class Options(CheckedOptions):
        """Names and defaults of the first five are NVIDIA's.

        address: IPv4 or IPv6 address, or host name, to listen on.
        port: 0..65535; 0 takes a free port, see `KServeHttp.port`.
        reuse_port: share the port with other processes (SO_REUSEPORT).
        thread_count: most event loop threads; never more than the machine has processors.
        header_forward_pattern: request headers that match become request parameters. Not offered by
            this version: `start` raises UnsupportedError for a pattern.
        max_input_size: most bytes of a request body, also after decompression.
        fd: an inherited listening socket instead of address and port; it is not closed.
        """

        address: str = text("0.0.0.0")
        port: int = integer(8000, 0, 65535)
        reuse_port: bool = flag(False)
        thread_count: int = integer(8, 1, 1024)
        header_forward_pattern: str = text("")
        max_input_size: int = integer(67108864, 1, 2**63 - 1)
        fd: int | None = optional_integer(0)

    Server: ClassVar[type[KServeHttp]]

    _label = "HTTP"
    _options_class = Options
    _not_offered = ("header_forward_pattern",)

    def _make(self) -> _native.Frontend:
        return _native.http_frontend(self._server, self._options.as_dict())


KServeHttp.Server = KServeHttp
