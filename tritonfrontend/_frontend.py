"""What all frontends have in common: options, start, stop, drain, context manager.

A frontend holds a counted reference to the server, so stopping and dropping the two in any order
is safe; a request that arrives after `server.stop()` is answered 503 or UNAVAILABLE. All methods
may be called from any thread.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from . import _native
from ._options import CheckedOptions
from .errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    UnavailableError,
)

_Self = TypeVar("_Self", bound="Frontend")


class Frontend(ABC):
    """Base of KServeHttp, KServeGrpc, Metrics, SageMaker and VertexAI. Not for direct use."""

    _label: ClassVar[str]
    _options_class: ClassVar[type[CheckedOptions]]

    def __init__(self, server: Any, options: Any = None) -> None:
        wanted = self._options_class
        if options is None:
            options = wanted()
        elif not isinstance(options, wanted):
            name = wanted.__qualname__
            raise InvalidArgumentError(
                f"Incorrect type for options. options argument must be of type {name}"
            )
        options.as_dict()  # a field that was spoiled after construction is told here
        self._lock = threading.Lock()
        self._options = options
        self._server, self._keep = native_server(server)
        self._prepared: _native.Frontend | None = None
        self._frontend: _native.Frontend | None = None  # while it is running

    def prepare(self) -> None:
        """Make everything but the port; `start` does it otherwise. Raises what `start` does."""
        with self._lock:
            if self._prepared is None and self._frontend is None:
                self._prepared = self._make()

    def start(self) -> None:
        """Listen and serve. Returns when the port is open.

        Raises AlreadyExistsError when it is running, UnavailableError when the address is in use,
        InvalidArgumentError for a bad option.
        """
        with self._lock:
            if self._frontend is not None:
                raise AlreadyExistsError(f"{self._label} server is already running.")
            frontend, self._prepared = self._prepared or self._make(), None
            frontend.start()
            self._frontend = frontend

    def stop(self) -> None:
        """Close the port and every connection; requests in flight are given up (see `drain`).

        Raises UnavailableError when it is not running. `start` may be called again afterwards.
        """
        with self._lock:
            frontend = self._running()
            self._frontend = None
            frontend.stop()

    def drain(self, timeout_s: float = 30.0) -> bool:
        """Stop accepting, finish the requests in flight, tell clients to go elsewhere.

        Blocks up to `timeout_s` seconds. True if nothing was left; `stop` gives up the rest.
        Raises UnavailableError when it is not running.
        """
        seconds = _seconds(timeout_s)
        with self._lock:
            frontend = self._running()
        return frontend.drain(seconds)

    def disperse(self) -> None:
        """Tell the clients that are connected now to go elsewhere, as `drain` does; serve whoever
        comes. For a server that has nothing for them while others behind the same address have.

        What is in flight is finished. Returns at once. Raises UnavailableError when it is not
        running.
        """
        with self._lock:
            self._running().disperse()

    def adopt(self, fd: int) -> bool:
        """Serve a connection that was accepted elsewhere. Takes the descriptor in any case.

        False, and it is closed, if `fd` is no connected stream socket or this frontend drains.
        Raises UnavailableError when it is not running, and then leaves `fd` alone.
        """
        with self._lock:
            return self._running().adopt(fd)

    @property
    def port(self) -> int:
        """The port that is bound; with `Options.port` 0 the one the system chose."""
        with self._lock:
            return self._running().port()

    def statistics(self) -> dict[str, Any]:
        """Counters since `start` (connections, requests, bytes); empty when it is not running."""
        with self._lock:
            return self._frontend.statistics() if self._frontend is not None else {}

    def __enter__(self: _Self) -> _Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._frontend is not None:
            self.stop()

    def _running(self) -> _native.Frontend:
        if self._frontend is None:
            raise UnavailableError(f"{self._label} server is not running.")
        return self._frontend

    @abstractmethod
    def _make(self) -> _native.Frontend: ...


def native_server(server: Any) -> tuple[_native.Server, Any]:
    """The native server behind `server`, and what must stay alive while it is used.

    Takes our `Server` and every other object whose `_ptr()` is the address of a
    TRITONSERVER_Server, such as NVIDIA's `tritonserver.Server`. Raises InvalidArgumentError when
    it is something else or not started.
    """
    binding = getattr(server, "_server", None)
    if isinstance(binding, _native.Server):
        return binding, None
    pointer = getattr(server, "_ptr", None)
    if not callable(pointer):
        kind = type(server).__name__
        raise InvalidArgumentError(
            f"server: expected a started tritonserver.Server (an object with _ptr()), got {kind}"
        )
    address = pointer()
    if not isinstance(address, int) or address <= 0:
        raise InvalidArgumentError(f"server: _ptr() must be an address, got {address!r}")
    from ._core import library

    # The reference to the foreign binding object keeps its TRITONSERVER_Server undeleted: a request
    # after its stop() then meets a stopped server, not freed memory.
    return _native.Server.adopt(
        library().native, address
    ), binding if binding is not None else server


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        raise InvalidArgumentError(f"timeout_s: expected seconds of 0 or more, got {value!r}")
    return float(value)
