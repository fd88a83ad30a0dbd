"""Whether a worker's GPU is poisoned for its process: a look at the CUDA context now and then.

On a thread: a sick driver may keep it, and then it is not asked again. Belongs to the worker's main
loop.
"""

from __future__ import annotations

from collections.abc import Callable

from .cuda import Fault, context_fault

_EVERY = 5.0  # seconds; every request fails anyway after such an error


class GpuLook:
    """`found` is called on the main loop, once, with the first fault."""

    def __init__(
        self,
        thread: Callable[[Callable[[], None]], None],
        post: Callable[[Callable[[], None]], None],
        found: Callable[[Fault], None],
    ) -> None:
        """`thread` runs something elsewhere, `post` on the main loop."""
        self._thread = thread
        self._post = post
        self._found = found
        self._busy = False
        self._next = 0.0

    def begin(self, now: float) -> None:
        """Look, unless the last look was a moment ago or has not ended. `now`: monotonic."""
        if self._busy or now < self._next:
            return
        self._busy, self._next = True, now + _EVERY

        def work() -> None:
            fault = context_fault()
            self._post(lambda: self._looked(fault))

        self._thread(work)

    def _looked(self, fault: Fault | None) -> None:
        self._busy = False
        if fault is not None:
            self._next = float("inf")
            self._found(fault)
