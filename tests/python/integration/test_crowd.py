"""More inferences at once than the core can hold beside a batcher, see docs/faults.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from helpers.models import Model, Tensor, write_repository

#: A crowd for a model without a batcher, then one inference of a batcher, which the core would
#: unlock a freed mutex for; glibc finds that when the batcher's thread ends.
SCRIPT = """
import collections, sys, threading
import numpy
import tritonclient.grpc as client
from tritonfrontend import KServeGrpc
from tritonfrontend.inprocess import Server

options = KServeGrpc.Options(address="127.0.0.1", port=0, max_inflight_requests=int(sys.argv[2]))
tensor = client.InferInput("INPUT0", [1], "FP32")
tensor.set_data_from_numpy(numpy.ones(1, numpy.float32))
outcomes, ended = collections.Counter(), threading.Semaphore(0)

def note(result, error):
    outcomes["OK" if error is None else error.status().split(".")[1]] += 1
    ended.release()

with Server(model_repository=sys.argv[1]).start(wait_until_ready=True, timeout=60) as server:
    with KServeGrpc(server, options) as frontend:
        triton = client.InferenceServerClient(f"127.0.0.1:{frontend.port}")
        for _ in range(1500):
            triton.async_infer("delay", [tensor], note, parameters={"delay_ms": 1})
        for _ in range(1500):
            ended.acquire()
        for _ in range(1500):
            triton.infer("batched", [tensor])
        triton.close()
print(outcomes["OK"], outcomes["RESOURCE_EXHAUSTED"], sum(outcomes.values()))
"""


def test_a_cap_keeps_the_core_from_harm(tmp_path: Path, backends_dir: Path) -> None:
    tensors = ([Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])
    models = [
        Model("delay", "delay", *tensors),
        Model("batched", "identity", *tensors, extra="dynamic_batching { }"),
    ]
    repository = write_repository(tmp_path / "models", models)
    command = [sys.executable, "-c", SCRIPT, str(repository), "900"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    served, refused, total = map(int, done.stdout.split()[-3:])
    assert total == 1500
    assert served + refused == total
    assert served >= 900
