"""The state of a group as one JSON-able object. Field names are an interface; only add to them."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ... import __version__
from ..devices.nvml import GpuSample
from ..options.spec import Device, ServeOptions
from ..slots.policy import RestartHistory
from ..slots.report import LastExit
from ..slots.slot import Slot
from ..slots.state import SERVING
from ..system import process, procfs

if TYPE_CHECKING:
    from ..group.group import Group

#: Bumped when a field changes its meaning.
STATUS_VERSION = 1

#: What is not known of every model: null rather than absent, so that a reader can rely on it.
_UNKNOWN_OF_MODEL: dict[str, Any] = dict.fromkeys(
    ("hung", "instances_ok", "instances_total", "healing")
)


def status(group: Group) -> dict[str, Any]:
    """Supervisor and workers. Times are seconds, memory bytes, `since` and `at` Unix time."""
    ready = len(group.ready)
    return {
        "v": STATUS_VERSION,
        "supervisor": {
            "version": __version__,
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
            **group.replication.status,
            "ready": ready,
            "total": len(group.slots),
            "min_ready": group.options.min_ready,
            "group_state": group.state,
            "config_hash": config_hash(group.options),
            "config_generation": group.config_generation,
            "last_reload": group.last_reload(),
            "upgrades_total": group.upgrades.total,
            "upgraded_at": group.upgrades.last_at,
            "upgraded_from": group.upgrades.before,
            "last_event": group.events.last,
            "spare_devices": [_spare(group, device) for device in group.spares.idle],
            "model_repository": list(group.options.model_repository),
        },
        "workers": [worker(group, slot) for slot in group.slots],
    }


def worker(group: Group, slot: Slot) -> dict[str, Any]:
    report, generation = slot.report, slot.generation
    pid = generation.pid if generation else None
    now = time.monotonic()
    flights = group.flights.read(slot.index, report.generation, time.monotonic_ns())
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
        "numa": slot.device.numa,
        **_process(group, slot),
        "models_ready": report.models_ready if generation else 0,
        "models_total": len(report.models) or report.loading_total,
        "models": [{**_UNKNOWN_OF_MODEL, **model} for model in report.models],
        "loading": report.loading if not report.models else [],
        "loading_s": report.elapsed,
        "conns": report.total("connections"),
        "inflight": report.total("in_flight"),
        "completed": report.total("requests_total"),
        "failed": report.failed,
        "p50": report.p50,
        "p99": report.p99,
        "stubs": [dict(stub) for stub in report.stubs],
        "oldest_inflight_s": round(flights[0].age, 3) if flights else None,
        "rps_1m": group.rates[slot.index].requests_per_second,
        "handed_out": report.total("handed_over_total"),
        "handed_in": report.total("received_total"),
        "forwarded_out": report.total("forwarded_out_total"),
        "forwarded_in": report.total("forwarded_in_total"),
        "forward_failed": report.total("forward_failed_total"),
        "queue_len": group.traffic.queue_length(slot.index),
        "beat_age_ms": beat_ages(group, slot.index),
        "frontends": {name: dict(values) for name, values in report.frontends.items()},
    }


def _process(group: Group, slot: Slot) -> dict[str, Any]:
    """What the operating system says of a worker; nulls if there is none."""
    generation = slot.generation
    usage = procfs.usage(generation.pid) if generation else None
    return {
        "rss": procfs.rss_bytes(generation.pid) if generation else None,
        "helpers_rss": procfs.private_bytes_of_children(generation.pid) if generation else None,
        "cpu_percent": group.rates[slot.index].cpu_percent,
        "threads": usage.threads if usage else None,
        "fds": usage.fds if usage else None,
        "cpus": usage.cpus if usage else None,
        "shm_bytes": process.shm_bytes(generation.shm_prefix) if generation else None,
    }


def config_hash(options: ServeOptions) -> str:
    """The same for the same settings, whatever they came from."""
    text = json.dumps(asdict(options), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def beat_ages(group: Group, slot: int) -> dict[str, list[int]]:
    """Milliseconds since the last beat of each loop thread, by frontend."""
    now = time.monotonic_ns()
    pages = {name: group.traffic.table.read(slot, name) for name in group.ports}
    return {
        name: [max(0, now - beat) // 1_000_000 for beat in page.beats if beat]
        for name, page in pages.items()
    }


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
        "inflight": [
            {"model": flight.model, "id": flight.id, "age_s": round(flight.age, 3)}
            for flight in last.flights
        ],
        "oom_killed": last.info.meaning == "out of memory",
        "stderr_tail": list(last.tail),
    }


def _spare(group: Group, device: Device) -> dict[str, Any]:
    return {
        "device": device.label,
        "uuid": device.uuid,
        "name": device.name,
        "quarantine": group.gpu_watch.quarantine.reason(device.uuid) or None,
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
        "numa": device.numa,
        "stale": group.gpu_watch.stale,
        "xid_last": group.gpu_watch.xids.get(device.uuid),
        "quarantine": group.gpu_watch.quarantine.reason(device.uuid) or None,
        "mem_needed": group.gpu_watch.memory_needed(device.uuid),
        **asdict(sample or GpuSample()),
    }
