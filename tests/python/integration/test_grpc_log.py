"""What the gRPC frontend writes into the server's log, in a process whose log nobody else has."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.isolation import run_script
from helpers.models import identity, write_repository

SURPLUS = """
import sys
import grpc
from tritonclient.grpc import service_pb2 as pb, service_pb2_grpc
from tritonfrontend import KServeGrpc
from tritonfrontend.inprocess import Server

repository, log = sys.argv[1:]
value = bytes(4)
tensor = pb.ModelInferRequest.InferInputTensor(name="INPUT0", datatype="FP32", shape=[1])

def request(*raw):
    return pb.ModelInferRequest(
        model_name="identity_fp32", inputs=[tensor], raw_input_contents=raw)

with Server(model_repository=repository, log_file=log, log_warn=True).start(
        wait_until_ready=True, timeout=60) as server:
    options = KServeGrpc.Options(address="127.0.0.1", port=0)
    with KServeGrpc(server, options) as frontend:
        with grpc.insecure_channel(f"127.0.0.1:{frontend.port}") as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            stub.ModelInfer(request(value), timeout=60)
            for _ in range(3):
                stub.ModelInfer(request(value, value), timeout=60)
            surplus = request(value, value, value)
            answers = list(stub.ModelStreamInfer(iter([surplus] * 6), timeout=60))
            assert len(answers) == 6
"""


def test_surplus_raw_contents_are_told_of(backends_dir: Path, tmp_path: Path) -> None:
    """By unary calls and streams; not each time, since a client that errs does so always."""
    repository = write_repository(tmp_path / "models", [identity("FP32")])
    log = tmp_path / "core.log"
    done = run_script(SURPLUS, str(repository), str(log))
    assert (done.returncode, done.stderr) == (0, "")
    told = re.findall(
        r"^W\d.*GRPC frontend: a request to model 'identity_fp32' has (\d+) raw_input_contents, "
        r"of which its inputs use (\d+) \(such requests so far: (\d+)\)",
        log.read_text(),
        re.MULTILINE,
    )
    assert told == [("2", "1", "1"), ("2", "1", "2"), ("3", "1", "4"), ("3", "1", "8")]
