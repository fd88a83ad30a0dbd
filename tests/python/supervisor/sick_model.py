"""A model that breaks in one of two workers, as a test wants it: real Triton, real stubs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
from helpers.models import Model, Tensor, python_model, write_repository
from instance import Instance, running
from test_forwarding import request
from test_model_health import stubs
from tritonclient.grpc import service_pb2_grpc

_TENSORS = ([Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])
#: Hangs in the worker whose pid is in a file, and there it loads again only when that has gone.
_MODEL = """
import os, time
import triton_python_backend_utils as pb_utils
def hangs():
    try:
        with open({path!r}) as file:
            return file.read() == str(os.getppid())
    except FileNotFoundError:
        return False
class TritonPythonModel:
    def initialize(self, args):
        while hangs():
            time.sleep(0.05)
    def execute(self, requests):
        while hangs():
            time.sleep(0.05)
        return [pb_utils.InferenceResponse(
            [pb_utils.Tensor("OUTPUT0", pb_utils.get_input_tensor_by_name(r, "INPUT0").as_numpy())]
        ) for r in requests]
"""
#: A request for it over HTTP.
INFER = json.dumps(
    {"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [7.0]}]}
)


def repository(folder: Path, sick: Path) -> Path:
    """With "echo", which breaks where `sick` says, and one more, so that clients stay."""
    echo = python_model("echo", *_TENSORS, _MODEL.format(path=str(sick)))
    return write_repository(folder / "models", [Model("delay", "delay", *_TENSORS), echo])


def started(folder: Path, sick: Path, *flags: str) -> Any:
    """`flags`: instead of two workers without a GPU."""
    every = ("--model-repository", str(repository(folder, sick)), "--model-hang-timeout=1")
    return running(folder, *every, *(flags or ("--devices=cpu:2",)), fake=False)


def channels(instance: Instance) -> list[grpc.Channel]:
    """One to each worker: connections are spread evenly if they come one after the other."""
    target = f"127.0.0.1:{instance.port('grpc')}"
    alone = [("grpc.use_local_subchannel_pool", 1)]  # a connection of its own
    made = []
    for _ in instance.wait("status", lambda status: status["workers"])["workers"]:
        made.append(grpc.insecure_channel(target, alone))
        grpc.channel_ready_future(made[-1]).result(60)
    return made


class Victim:
    """Worker 0, which has a channel of its own, and its model "echo"."""

    def __init__(self, instance: Instance, sick: Path) -> None:
        self.instance = instance
        self.pid: int = instance.wait_ready()["workers"][0]["pid"]
        self._sick = sick
        self._channels = channels(instance)
        self.calls = [service_pb2_grpc.GRPCInferenceServiceStub(each) for each in self._channels]
        for calls in self.calls:
            calls.ModelInfer(request("echo"), timeout=60)

    @property
    def stub(self) -> int:
        (found,) = stubs(self.instance, "echo")
        return found

    def fall_sick(self) -> None:
        """From now on the model neither answers nor loads."""
        self._sick.write_text(str(self.pid))

    def hang(self) -> list[grpc.Future]:
        """The model hangs, with a request of each channel: one is at worker 0."""
        self.fall_sick()
        return [calls.ModelInfer.future(request("echo")) for calls in self.calls]

    def cure(self) -> None:
        self._sick.unlink()

    def close(self) -> None:
        self._sick.unlink(missing_ok=True)
        for channel in self._channels:
            channel.close()
