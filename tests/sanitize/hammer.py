"""Clients that never stop sending: HTTP and gRPC inferences against ports that come and go.

    python hammer.py HTTP_PORT GRPC_PORT COUNTERS_FILE

Runs until its standard input ends. Refused and broken connections are part of the game; a wrong
answer is not. What happened is counted in COUNTERS_FILE, see counters.py.
"""

from __future__ import annotations

import http.client
import json
import struct
import sys
import threading
import time

import grpc
from counters import Counters
from tritonclient.grpc import service_pb2, service_pb2_grpc

CLIENTS = 3
PAUSE_S = 0.002
DEADLINE_S = 20
MODEL = "identity_fp32"
VALUES = [0.25 * i for i in range(16)]
BACKOFF = (
    ("grpc.initial_reconnect_backoff_ms", 10),
    ("grpc.min_reconnect_backoff_ms", 10),
    ("grpc.max_reconnect_backoff_ms", 50),
    # Otherwise all channels of a process share one connection.
    ("grpc.use_local_subchannel_pool", 1),
)


def hammer_http(port: int, counters: Counters) -> None:
    tensor = {"name": "INPUT0", "datatype": "FP32", "shape": [16], "data": VALUES}
    body = json.dumps({"inputs": [tensor]})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    while True:
        try:
            connection.request("POST", f"/v2/models/{MODEL}/infer", body)
            response = connection.getresponse()
            data = response.read()
        except TimeoutError:
            counters.wrong(f"HTTP: no answer within {DEADLINE_S} s")
        except (OSError, http.client.HTTPException):
            connection.close()
            time.sleep(PAUSE_S)
            continue
        judge_http(response.status, data, counters)


def judge_http(status: int, data: bytes, counters: Counters) -> None:
    if status == 503:
        counters.add("unavailable")
        time.sleep(PAUSE_S)
    elif status == 200 and json.loads(data)["outputs"][0]["data"] == VALUES:
        counters.add("http_answers")
    else:
        counters.wrong(f"HTTP {status}: {data[:200]!r}")


def hammer_grpc(port: int, counters: Counters) -> None:
    request = service_pb2.ModelInferRequest(model_name=MODEL)
    tensor = request.inputs.add(name="INPUT0", datatype="FP32", shape=[16])
    tensor.contents.fp32_contents.extend(VALUES)
    expected = struct.pack("<16f", *VALUES)
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=BACKOFF)
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    while True:
        try:
            answer = stub.ModelInfer(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            judge_grpc_error(error, counters)
            continue
        if answer.raw_output_contents[0] == expected:
            counters.add("grpc_answers")
        else:
            counters.wrong(f"gRPC: {answer}")


def judge_grpc_error(error: grpc.RpcError, counters: Counters) -> None:
    # A connection that breaks under a call is UNAVAILABLE or CANCELLED, as is a stopped server.
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        counters.add("unavailable")
        time.sleep(PAUSE_S)
    else:
        counters.wrong(f"gRPC {error.code()}: {error.details()}")


def main() -> None:
    http_port, grpc_port, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    counters = Counters(path)
    for _ in range(CLIENTS):
        for target, port in ((hammer_http, http_port), (hammer_grpc, grpc_port)):
            threading.Thread(target=target, args=(port, counters), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
