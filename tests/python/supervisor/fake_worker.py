"""A stand-in for the worker process: speaks the control protocol and serves on its sockets.

What it does wrong is told by FAKE_MODE (or FAKE_MODE_<slot>): see the tests. Each HTTP answer is
the worker's pid. Deliberately without any import from the package: it checks the protocol itself.
"""

from __future__ import annotations

import array
import contextlib
import json
import mmap
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

with open(int(sys.argv[sys.argv.index("--spec-fd") + 1])) as spec_file:
    spec = json.load(spec_file)
mode = os.environ.get(f"FAKE_MODE_{spec['slot']}", os.environ.get("FAKE_MODE", ""))
if os.path.exists(os.environ.get("FAKE_CURED", "/nowhere")):
    mode = ""
control = socket.socket(fileno=spec["control_fd"])
stopping = threading.Event()
served = [0]
relayed = [0]
serving: list[threading.Thread] = []


def send(op: str, fds: Sequence[int] = (), **args: Any) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    control.sendmsg([json.dumps({"op": op, **args}).encode()], rights)


def beat_page(options: dict[str, Any]) -> mmap.mmap | None:
    """The frontend's page, with FAKE_BEATS: without it the stand-in shows no sign of life."""
    if "FAKE_BEATS" not in os.environ:
        return None
    page = mmap.mmap(options["heartbeat_fd"], 4096, offset=options["heartbeat_offset"])
    page[:8] = struct.pack("=II", 0x42454154, 1)
    return page


def next_client(listener: socket.socket, inbox: socket.socket) -> socket.socket | None:
    with contextlib.suppress(BlockingIOError):
        return listener.accept()[0]
    with contextlib.suppress(BlockingIOError):
        flags = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
        _, ancillary, _, _ = inbox.recvmsg(1 << 17, socket.CMSG_LEN(4), flags)
        for _, _, payload in ancillary:
            relayed[0] += 1
            return socket.socket(fileno=struct.unpack("=i", payload[:4])[0])
    return None


def serve(options: dict[str, Any]) -> None:
    listener = socket.socket(fileno=os.dup(options["fd"]))
    inbox = socket.socket(fileno=os.dup(options["inbox_fd"]))
    page = beat_page(options)
    arrivals = 0
    while not stopping.is_set():
        if page is not None:
            page[64:72] = struct.pack("=Q", time.monotonic_ns())
            page[8:16] = struct.pack("=Q", arrivals)
        client = None if mode == "accepts-nothing" else next_client(listener, inbox)
        if client is None:
            time.sleep(0.002)
            continue
        arrivals += 1
        client.settimeout(5)
        with client:
            if client.recv(4096):
                served[0] += 1
                body = str(os.getpid()).encode()
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def leave_shared_memory() -> None:
    with open(f"/dev/shm/{spec['shm_prefix']}left", "w") as file:
        file.write("x")


def note_flights() -> None:
    """A table of three requests: an old one with an id, one without, one half written."""
    where = spec["flights"]
    table = mmap.mmap(where["fd"], 65536, offset=where["offset"])
    struct.pack_into("=IIQ", table, 0, 0x464C4947, 511, 0)
    now = time.monotonic_ns()
    for cell, state, start, model, name in (
        (7, 2, now, b"young", b""),
        (9, 2, now - 10**10, b"old", b"id-1"),
        (10, 1, now, b"half", b""),
    ):
        struct.pack_into("=IIQ64s48s", table, 128 * cell, state, 0, start, model, name)


def flood() -> None:
    line = b"y" * 1000 + b"\n"
    while True:
        os.write(1, line * 100)
        os.write(2, line * 100)


def answer(message: dict[str, Any]) -> None:
    if message["op"] == "SERVE":
        for options in spec["frontends"].values():
            thread = threading.Thread(target=serve, args=(options,), daemon=True)
            thread.start()
            serving.append(thread)
        send("READY")
        send("STATS", frontends={"http": {"connections": 1, "in_flight": 0, "requests_total": 7}})
        if mode == "gpu-fault" and spec["generation"] == 1:
            send("RESTART", reason="CUDA error 214 (uncorrectable ECC error)", device_failed=True)
        if mode == "computes":
            note_flights()
        if mode == "speaks-in-halves":  # the other half when it is told to
            signal.signal(signal.SIGUSR1, lambda *_: os.write(2, b"and the other\n"))
            os.write(2, b"one half ")
        if mode == "hangs-up" and spec["generation"] == 1:
            control.close()
            time.sleep(600)
        if mode == "floods":
            threading.Thread(target=flood, daemon=True).start()
        if mode == "dies-amid-a-line":
            os.write(2, b"x" * 20000 + b"\nlast words")
        if mode in ("crash-when-ready", "dies-amid-a-line"):
            os.kill(os.getpid(), signal.SIGSEGV)
    elif message["op"] == "METRICS":
        fd = os.memfd_create("page")
        text = f'# TYPE served counter\nserved{{model="m"}} {served[0]}\n'
        text += f"# TYPE relayed counter\nrelayed {relayed[0]}\n"
        os.write(fd, text.encode())
        send("METRICS", [fd], seq=message["seq"])
    elif message["op"] == "DRAIN":
        if mode == "drain-hangs":
            return
        time.sleep(0.05)
        stopping.set()
        for thread in serving:
            thread.join(5)
        send("DRAINED", clean=True)
    elif message["op"] == "STOP":
        if mode == "stop-hangs":
            return
        os._exit(0)


def main() -> None:
    if mode == "silent":
        time.sleep(600)
    send("HELLO", pid=os.getpid(), generation=spec["generation"])
    print("fake worker", spec["slot"], "speaks", flush=True)
    print("fake error", file=sys.stderr, flush=True)
    leave_shared_memory()
    if mode == "helper":
        os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "600")
    if mode.startswith("exit-"):
        send("FATAL", code=int(mode[5:]), text="model 'broken' version 1: it is broken")
        os._exit(int(mode[5:]))
    if mode == "loads-forever" or (mode == "second-loads-forever" and spec["generation"] == 2):
        time.sleep(600)
    send("PROGRESS", elapsed=0.1, models=["identity"], total=1)
    row = {"name": "identity", "version": 1, "state": "READY", "reason": "", "failed": False}
    if mode == "one-model-lost":
        row.update(state="UNAVAILABLE", reason="no such file", failed=True)
    send("MODELS", first=True, last=True, models=[row])
    tensor = {"datatype": "BYTES", "shape": [-1, -1]}
    sample = {"name": "identity", "inputs": [{"name": "INPUT0", **tensor}]}
    send("LOADED", sample={**sample, "outputs": [{"name": "OUTPUT0", **tensor}]})
    while data := control.recv(65536):
        answer(json.loads(data))
    os._exit(15)


main()
