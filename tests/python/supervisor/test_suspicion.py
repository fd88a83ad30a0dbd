"""When a worker is suspect, cleared, lost: a fake clock, no process."""

from __future__ import annotations

import pytest

from tritonfrontend.supervisor.group.suspicion import Limits, OwnTime, Signs, Verdict, Watchdog

BEAT = 0.05


class Worker:
    """Two frontends of two loops each, looked at every 40 ms."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self.watchdog = Watchdog(limits)
        self.now = 0.0
        self.silent: set[tuple[str, int]] = set()
        self.beats = {(name, loop): 1 for name in ("http", "grpc") for loop in (0, 1)}
        self.arrivals = 0
        self.queued = 0
        self.lacking = False
        self.reason = ""

    def run(self, seconds: float) -> list[Verdict]:
        """Verdicts while the time passes, repetitions left out."""
        found: list[Verdict] = []
        end = self.now + seconds
        while self.now < end:
            self.now += 0.04
            for key in self.beats.keys() - self.silent:
                self.beats[key] = 1 + int(self.now / BEAT)
            verdict, reason = self.watchdog.judge(self.now, self.signs())
            self.reason = reason or self.reason
            if found[-1:] != [verdict]:
                found.append(verdict)
        return found

    def signs(self) -> dict[str, Signs]:
        return {
            name: Signs(
                (self.beats[name, 0], self.beats[name, 1]),
                self.arrivals,
                self.queued if name == "http" else 0,
                self.lacking and name == "grpc",
            )
            for name in ("http", "grpc")
        }


@pytest.fixture
def worker() -> Worker:
    made = Worker()
    assert made.run(1.0) == [Verdict.FINE]
    return made


def test_all_loops_silent_then_back(worker: Worker) -> None:
    worker.silent = set(worker.beats)
    assert worker.run(1.0) == [Verdict.FINE, Verdict.SUSPECT]
    worker.silent = set()
    assert worker.run(1.0) == [Verdict.WAIT, Verdict.FINE]


def test_a_debugger_that_lets_go_leaves_it_the_whole_time(worker: Worker) -> None:
    worker.silent = set(worker.beats)
    assert worker.run(10.5)[-1] is Verdict.HUNG
    worker.watchdog.held(worker.now)
    assert worker.run(9.0) == [Verdict.SUSPECT]
    assert worker.run(2.0) == [Verdict.SUSPECT, Verdict.HUNG]


@pytest.mark.parametrize("loop", [("http", 0), ("http", 1), ("grpc", 0), ("grpc", 1)])
def test_one_silent_loop_is_enough_and_named(worker: Worker, loop: tuple[str, int]) -> None:
    worker.silent = {loop}
    assert worker.run(0.5) == [Verdict.FINE, Verdict.SUSPECT]
    assert worker.reason == f"{loop[0]} loop {loop[1]} is silent"


def test_lack_of_descriptors_is_one_suspicion_for_as_long_as_it_lasts(worker: Worker) -> None:
    """Its queue is empty meanwhile: the supervisor empties it. That clears nothing."""
    worker.lacking = True
    assert worker.run(5.0) == [Verdict.SUSPECT]
    assert worker.reason == "grpc has no descriptors left"
    worker.lacking = False
    assert worker.run(1.0) == [Verdict.WAIT, Verdict.FINE]


def test_lack_of_descriptors_without_suspicions() -> None:
    worker = Worker(Limits(suspect_after=0))
    worker.lacking = True
    assert worker.run(1.0) == [Verdict.FINE]


def test_not_before_the_limit(worker: Worker) -> None:
    worker.silent = set(worker.beats)
    assert worker.run(0.1) == [Verdict.FINE]
    worker.silent = set()
    assert worker.run(0.3) == [Verdict.FINE]


def test_one_beat_does_not_clear(worker: Worker) -> None:
    worker.silent = {("http", 0)}
    worker.run(0.5)
    worker.beats["http", 0] += 100
    # Suspicion pauses with the beat, but comes back without having been cleared.
    assert worker.run(1.0) == [Verdict.WAIT, Verdict.SUSPECT]


def test_hysteresis(worker: Worker) -> None:
    worker.silent = set(worker.beats)
    worker.run(0.5)
    worker.silent = set()
    assert worker.run(0.28) == [Verdict.WAIT]
    assert worker.run(0.2)[-1] is Verdict.FINE


def test_hang(worker: Worker) -> None:
    worker.silent = {("grpc", 1)}
    assert worker.run(9.5) == [Verdict.FINE, Verdict.SUSPECT]
    assert worker.run(1.0) == [Verdict.SUSPECT, Verdict.HUNG]
    assert worker.reason.startswith("grpc loop 1 hangs: silent for 10.")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(hang_after=0), [Verdict.FINE, Verdict.SUSPECT]),
        (Limits(suspect_after=0), [Verdict.FINE, Verdict.HUNG]),
        (Limits(suspect_after=0, hang_after=0), [Verdict.FINE]),
    ],
)
def test_limits_may_be_off(limits: Limits, expected: list[Verdict]) -> None:
    worker = Worker(limits)
    worker.run(1.0)
    worker.silent = set(worker.beats)
    worker.queued = 1
    assert worker.run(60.0) == expected


def test_a_queue_that_nobody_accepts_from(worker: Worker) -> None:
    worker.queued = 3
    assert worker.run(1.0) == [Verdict.FINE, Verdict.SUSPECT]
    assert worker.reason == "nobody accepts http connections"
    worker.queued = 0  # relayed
    assert worker.run(1.0) == [Verdict.WAIT, Verdict.FINE]


def test_a_busy_queue_is_no_standstill(worker: Worker) -> None:
    worker.queued = 100
    for _ in range(50):
        worker.arrivals += 1
        assert worker.run(0.08) == [Verdict.FINE]


def test_a_queue_never_kills(worker: Worker) -> None:
    worker.queued = 1
    assert worker.run(60.0) == [Verdict.FINE, Verdict.SUSPECT]


def test_threads_that_do_not_run_are_not_judged() -> None:
    watchdog = Watchdog(Limits())
    for step in range(1000):
        signs = {"http": Signs((0, 0), 0, 5), "grpc": Signs(())}
        assert watchdog.judge(step * 0.04, signs)[0] is Verdict.FINE


def test_own_stall_is_not_held_against_the_worker() -> None:
    """The supervisor was stopped for a minute, and the beats of all are old when it looks again."""
    real = 100.0
    own = OwnTime(lambda: real, 0.08)
    watchdog = Watchdog(Limits())
    for beat in range(1, 20):
        real += 0.04
        assert watchdog.judge(own.advance(), {"http": Signs((beat,))})[0] is Verdict.FINE
    real += 60.0
    assert watchdog.judge(own.advance(), {"http": Signs((19,))})[0] is Verdict.FINE
    real += 0.04
    assert watchdog.judge(own.advance(), {"http": Signs((20,))})[0] is Verdict.FINE
    # A worker that stays silent is found out a little later.
    verdicts = []
    for _ in range(10):
        real += 0.04
        verdicts.append(watchdog.judge(own.advance(), {"http": Signs((20,))})[0])
    assert verdicts[-1] is Verdict.SUSPECT


def test_own_time_ignores_a_clock_that_goes_back() -> None:
    readings = iter([10.0, 10.04, 9.0, 9.04])
    own = OwnTime(lambda: next(readings), 0.08)
    assert [round(own.advance(), 6) for _ in range(3)] == [0.04, 0.04, 0.08]
