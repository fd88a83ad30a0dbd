"""The state of a group as one JSON-able object. Field names are an interface; only add to them."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from . import procfs
from .policy import RestartHistory
from .report import LastExit
from .slot import Slot
from .state import SERVING

if TYPE_CHECKING:
    from .group import Group

#: Bumped when a field changes its meaning.
STATUS_VERSION = 1


def status(group: Group) -> dict[str, Any]:
    """Supervisor and workers. Times are seconds, memory bytes, `since` and `at` Unix time."""
    ready = len(group.ready)
    return {
        "v": STATUS_VERSION,
        "supervisor": {
            "name": group.options.instance_name,
            "pid": os.getpid(),
            "run_id": group.run_id,
            "run_dir": str(group.run_dir.path),
            "uptime_s": round(time.monotonic() - group.started_at, 1),
            "ports": {
                name: {"address": ports.spec.address, "port": ports.port}
                for name, ports in group.all_ports.items()
            },
            "steering": group.traffic.steering.mode,
            "relayed_total": group.traffic.relay.relayed_total,
            "parked_now": group.traffic.relay.parked,
            "refused_total": sum(r.total for r in group.traffic.refusals.values()),
            "ready": ready,
            "total": len(group.slots),
            "min_ready": 1,
            "group_state": group.state,
            "model_repository": list(group.options.model_repository),
        },
        "workers": [worker(group, slot) for slot in group.slots],
    }


def worker(group: Group, slot: Slot) -> dict[str, Any]:
    report, generation = slot.report, slot.generation
    pid = generation.pid if generation else None
    now = time.monotonic()
    return {
        "slot": slot.index,
        "state": str(slot.state),
        "since": round(report.since, 3),
        "reason": report.reason,
        "serving": slot.state in SERVING,
        "generation": report.generation,
        "pid": pid,
        "uptime_s": round(now - generation.spawned_at, 1) if generation else None,
        "restarts_total": report.restarts,
        "restarts_window": RestartHistory.failures_in_window(slot.history),
        "last_exit": _last_exit(report.last_exit),
        "next_try_in_s": round(max(0.0, slot.next_try_at - now), 1) if slot.next_try_at else None,
        "device": slot.device.label,
        "gpu": _gpu(group, slot),
        "rss": procfs.rss_bytes(pid) if pid else None,
        "models_ready": report.models_ready,
        "models_total": len(report.models) or report.loading_total,
        "models": [dict(model) for model in report.models],
        "loading": report.loading if not report.models else [],
        "loading_s": report.elapsed,
        "conns": _sum(slot, "connections"),
        "inflight": _sum(slot, "in_flight"),
        "completed": _sum(slot, "requests_total"),
        "queue_len": group.traffic.queue_length(slot.index),
        "beat_age_ms": beat_ages(group, slot.index),
        "frontends": {name: dict(values) for name, values in report.frontends.items()},
    }


def beat_ages(group: Group, slot: int) -> dict[str, list[int]]:
    """Milliseconds since the last beat of each loop thread, by frontend."""
    now = time.monotonic_ns()
    pages = {name: group.traffic.table.read(slot, name) for name in group.ports}
    return {
        name: [max(0, now - beat) // 1_000_000 for beat in page.beats if beat]
        for name, page in pages.items()
    }


def _sum(slot: Slot, key: str) -> int:
    return sum(values.get(key, 0) for values in slot.report.frontends.values())


def _last_exit(last: LastExit | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return {
        "code": last.info.code,
        "signal": last.info.signal,
        "meaning": last.info.meaning,
        "text": str(last.info),
        "reason": last.reason,
        "at": round(last.at, 3),
        "uptime_s": round(last.uptime, 1),
        "oom_killed": last.info.meaning == "out of memory",
        "stderr_tail": list(last.tail),
    }


def _gpu(group: Group, slot: Slot) -> dict[str, Any] | None:
    device = slot.device
    if not device.uuid:
        return None
    sample = group.gpu_watch.samples.get(device.uuid)
    return {
        "index": device.index,
        "uuid": device.uuid,
        "kind": device.kind,
        "name": device.name,
        "pci": device.pci,
        "stale": group.gpu_watch.stale,
        **(asdict(sample) if sample else {}),
    }
