"""The load generators: wrk for HTTP, h2load for gRPC. Each run is bounded in time and count."""

from __future__ import annotations

import math
import os
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cases import Case

# h2load counts requests, not seconds; the bound keeps a stalled server from holding up the run.
RUN_TIMEOUT_S = 60.0
PROBE_REQUESTS = 200
LUA = Path(__file__).with_name("post.lua")

WRK_TOTAL = re.compile(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b")
WRK_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)")
WRK_ERRORS = re.compile(r"Socket errors: (.*)")
H2_FINISHED = re.compile(r"finished in ([\d.]+)(us|ms|s|m)\b")
H2_REQUESTS = re.compile(r"requests: (\d+) total, .* (\d+) succeeded, (\d+) failed, (\d+) errored")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


class LoadError(RuntimeError):
    """Requests failed, or the generator did not end; its output is in the text."""


@dataclass(frozen=True)
class Load:
    """One run: requests answered, seconds they took, CPU seconds of the generator."""

    requests: int
    seconds: float
    client_cpu: float


def run_load(
    case: Case, port: int, bodies: Path, seconds: float, rate: float | None, cpus: Sequence[int]
) -> Load:
    """Sends requests for about ``seconds``.

    ``rate`` (requests per second, from an earlier run) sizes the run of h2load; None probes.

    Raises:
        LoadError: a request failed or the run was cut off.
    """
    url = f"http://127.0.0.1:{port}{case.path}"
    if case.protocol == "http":
        return _wrk(case, url, bodies / case.body, seconds, cpus)
    # Fewer than one request per stream would leave connections idle.
    least = case.connections * case.streams * 2
    wanted = PROBE_REQUESTS if rate is None else math.ceil(rate * seconds)
    return _h2load(case, url, bodies / case.body, max(least, wanted), cpus)


def _wrk(case: Case, url: str, body: Path, seconds: float, cpus: Sequence[int]) -> Load:
    command = ["wrk", "-t", "1", "-c", str(case.connections), "-d", f"{math.ceil(seconds)}s"]
    command += ["--timeout", "30s", "-s", str(LUA), url, "--", str(body)]
    command += [word for header in case.headers for word in header]
    output, cpu = _run(command, cpus)
    total = WRK_TOTAL.search(output)
    bad, errors = WRK_BAD.search(output), WRK_ERRORS.search(output)
    if total is None or bad is not None or errors is not None or int(total[1]) == 0:
        raise LoadError(f"{case.name}: {output}")
    return Load(int(total[1]), float(total[2]) * UNITS[total[3]], cpu)


def _h2load(case: Case, url: str, body: Path, count: int, cpus: Sequence[int]) -> Load:
    command = ["h2load", "-t", "1", "-n", str(count), "-c", str(case.connections)]
    command += ["-m", str(case.streams), "-w", "30", "-W", "30", "-d", str(body)]
    command += [word for name, value in case.headers for word in ("-H", f"{name}: {value}")]
    output, cpu = _run([*command, url], cpus)
    finished, requests = H2_FINISHED.search(output), H2_REQUESTS.search(output)
    if finished is None or requests is None or int(requests[2]) != count:
        raise LoadError(f"{case.name}: {output}")
    return Load(count, float(finished[1]) * UNITS[finished[2]], cpu)


def _run(command: list[str], cpus: Sequence[int]) -> tuple[str, float]:
    """Output and CPU seconds of a command that is pinned to ``cpus``."""
    pinned = ["taskset", "-c", ",".join(str(cpu) for cpu in cpus), *command]
    before = os.times()
    start = time.monotonic()
    try:
        done = subprocess.run(pinned, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        spent = time.monotonic() - start
        raise LoadError(f"{command[0]} did not end within {spent:.0f} s") from None
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return done.stdout + done.stderr, cpu
