"""The in-process server API: the names of NVIDIA's `tritonserver` package, on our own bindings.

    server = Server(model_repository="models").start(wait_until_ready=True)
    for response in server.model("identity").infer(inputs={"INPUT0": [["hello"]]}):
        print(response.outputs["OUTPUT0"].to_string_array())
    server.stop()

The Triton core is loaded by the first `Server.start`.
"""

from .. import __version__
from ..errors import (
    AlreadyExistsError,
    CancelledError,
    CoreNotFoundError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    TritonError,
    UnavailableError,
    UnknownError,
    UnsupportedError,
)
from .devices import DLDeviceType
from .enums import (
    DataType,
    InstanceGroupKind,
    LogFormat,
    LogLevel,
    MemoryType,
    MetricFormat,
    MetricKind,
    ModelBatchFlag,
    ModelControlMode,
    ModelTxnPropertyFlag,
    RateLimitMode,
)
from .iterators import AsyncResponseIterator, ResponseIterator
from .logging import LogMessage
from .memory import MemoryBuffer
from .metrics import Metric, MetricFamily
from .model import Model
from .models import ModelDictionary
from .options import ModelLoadDeviceLimit, Options, RateLimiterResource
from .request import InferenceRequest
from .response import InferenceResponse
from .server import Server
from .tensor import Tensor

__all__ = [
    "AlreadyExistsError",
    "AsyncResponseIterator",
    "CancelledError",
    "CoreNotFoundError",
    "DLDeviceType",
    "DataType",
    "InferenceRequest",
    "InferenceResponse",
    "InstanceGroupKind",
    "InternalError",
    "InvalidArgumentError",
    "LogFormat",
    "LogLevel",
    "LogMessage",
    "MemoryBuffer",
    "MemoryType",
    "Metric",
    "MetricFamily",
    "MetricFormat",
    "MetricKind",
    "Model",
    "ModelBatchFlag",
    "ModelControlMode",
    "ModelDictionary",
    "ModelLoadDeviceLimit",
    "ModelTxnPropertyFlag",
    "NotFoundError",
    "Options",
    "RateLimitMode",
    "RateLimiterResource",
    "ResponseIterator",
    "Server",
    "Tensor",
    "TritonError",
    "UnavailableError",
    "UnknownError",
    "UnsupportedError",
    "__version__",
]
