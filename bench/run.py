"""Compares our frontends with the reference server: same core, same model, same backend.

    make bench                       # everything, a few minutes
    make bench BENCH="--quick --only gRPC"

For each case the two servers are measured in turns, several rounds, and the ratio is formed inside
each round. See bench/README.md for what the numbers mean and how far to trust them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

# Model repositories come from the tests' helpers.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "python"))

from cases import Case, all_cases, write_bodies
from footprint import footprint
from helpers import models
from load import Load, LoadError, run_load
from report import Row, Sample, as_json, table
from servers import BenchServer, Ours, Reference, ServerError
from verify import VerifyError, verify

# A reference that dies is started again this often in one case.
MAX_ATTEMPTS = 3
# A round waits until everything together used less than this, for at most --patience.
QUIET_WINDOW_S = 0.3
QUIET_CORES = 0.15


def cpu_plan() -> tuple[list[int], list[int]]:
    """(CPUs of the server, CPUs of the generator).

    With four or more, each side has its half. With fewer the server may use all and the generator
    stays on the last: a server that is confined to one CPU would be measured for its scheduling.
    """
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) >= 4:
        return cpus[: len(cpus) // 2], cpus[len(cpus) // 2 :]
    return cpus, cpus[-1:]


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent on work since it started."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Bench:
    """Both servers and everything a sample needs."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        repository = models.write_repository(folder / "models", [models.identity("FP32")])
        server_cpus, self._client_cpus = cpu_plan()
        self._arguments = arguments
        self.bodies = folder / "bodies"
        self.bodies.mkdir()
        self.cases = all_cases(write_bodies(self.bodies))
        self.logs = folder
        self.ours = Ours(repository, folder / "ours.log", server_cpus)
        self.reference = Reference(repository, folder / "reference.log", server_cpus)

    def __enter__(self) -> Bench:
        self.ours.start()
        self.reference.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ours.stop()
        self.reference.stop()

    def row(self, case: Case) -> Row:
        """Measures one case on both servers, in turns, each round in the other order."""
        verify(case, self.bodies, self.ours, self.reference)
        both: tuple[BenchServer, BenchServer] = (self.ours, self.reference)
        rates = {server.name: self._warm_up(server, case) for server in both}
        samples: dict[str, list[Sample]] = {server.name: [] for server in both}
        for number in range(self._arguments.rounds):
            self._settle()
            for server in both if number % 2 == 0 else reversed(both):
                samples[server.name].append(self._sample(server, case, rates[server.name]))
        return Row(case.name, samples["ours"], samples["reference"])

    def _settle(self) -> None:
        """Waits a while for a moment in which the machine does little else."""
        deadline = time.monotonic() + self._arguments.patience
        while time.monotonic() < deadline:
            before = busy_seconds()
            time.sleep(QUIET_WINDOW_S)
            if (busy_seconds() - before) / QUIET_WINDOW_S < QUIET_CORES:
                return

    def _warm_up(self, server: BenchServer, case: Case) -> float:
        """Requests per second, roughly; also fills caches, pools and connections' tables."""
        probe = self._load(server, case, 0.2, None)[0]
        load = self._load(server, case, 0.5, probe.requests / probe.seconds)[0]
        return load.requests / load.seconds

    def _sample(self, server: BenchServer, case: Case, rate: float) -> Sample:
        load, server_cpu, busy, elapsed = self._load(server, case, self._arguments.seconds, rate)
        other = max(0.0, busy - server_cpu - load.client_cpu) / elapsed
        return Sample(load.requests / load.seconds, server_cpu / load.requests * 1e6, other)

    def _load(
        self, server: BenchServer, case: Case, seconds: float, rate: float | None
    ) -> tuple[Load, float, float, float]:
        """(load, server CPU seconds, machine CPU seconds, elapsed); retried if the server died."""
        for _ in range(MAX_ATTEMPTS):
            server.ensure()
            port = server.http if case.protocol == "http" else server.grpc
            cpu, busy, start = server.cpu_seconds(), busy_seconds(), time.monotonic()
            try:
                load = run_load(case, port, self.bodies, seconds, rate, self._client_cpus)
                used = server.cpu_seconds() - cpu
            except (LoadError, OSError):
                if server.alive():
                    raise
                continue
            return load, used, busy_seconds() - busy, time.monotonic() - start
        raise ServerError(f"{server.name} died {MAX_ATTEMPTS} times during {case.name}")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="samples per server (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="per sample (default 2)")
    parser.add_argument(
        "--patience",
        type=float,
        default=5.0,
        help="seconds to wait for a quiet machine (default 5)",
    )
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 second: a smoke test")
    parser.add_argument("--only", default="", help="only cases whose name contains this text")
    parser.add_argument("--json", type=Path, help="also write every sample to this file")
    parser.add_argument(
        "--min-ratio", type=float, help="exit with 1 if a row's median ratio is below this"
    )
    parsed = parser.parse_args(arguments)
    if parsed.quick:
        parsed.rounds, parsed.seconds, parsed.patience = 2, 1.0, 0.0
    if parsed.rounds < 1 or parsed.seconds <= 0:
        parser.error("--rounds and --seconds must be above 0")
    return parsed


def measure(bench: Bench, arguments: argparse.Namespace) -> list[Row]:
    rows = []
    cases = [case for case in bench.cases if arguments.only in case.name]
    for number, case in enumerate(cases, start=1):
        print(f"[{number}/{len(cases)}] {case.name}", flush=True)
        rows.append(bench.row(case))
    return rows


def main(arguments: Sequence[str]) -> int:
    parsed = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="tritonfrontend-bench-") as folder:
        try:
            with Bench(parsed, Path(folder)) as bench:
                rows = measure(bench, parsed)
        except (LoadError, ServerError, VerifyError) as error:
            print(f"bench: {error}", file=sys.stderr)
            for log in sorted(Path(folder).glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}", file=sys.stderr)
            return 1
    print(f"\n{table(rows)}\n")
    sizes = footprint()
    print("\n".join(f"{name}: {value}" for name, value in sizes.items()))
    if bench.reference.crashes:
        print(f"the reference died and was restarted {bench.reference.crashes} times")
    if parsed.json is not None:
        document = {"cases": [as_json(row) for row in rows], "footprint": sizes}
        parsed.json.write_text(json.dumps(document, indent=2) + "\n")
    slow = [row.name for row in rows if row.ratio < (parsed.min_ratio or 0)]
    if slow:
        print(f"below {parsed.min_ratio}x: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
