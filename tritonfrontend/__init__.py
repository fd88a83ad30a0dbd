"""HTTP, gRPC and metrics frontends for a Triton server inside this process.

    import tritonserver
    from tritonfrontend import KServeHttp

    server = tritonserver.Server(model_repository="models").start(wait_until_ready=True)
    with KServeHttp(server, KServeHttp.Options(port=8000)):
        ...

`tritonfrontend.inprocess` (also importable as `tritonserver`) is the in-process server API. No
Triton core is loaded before the first server is started.
"""

from ._native import version as _version
from .errors import (
    AlreadyExistsError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    TritonError,
    UnavailableError,
    UnknownError,
    UnsupportedError,
)
from .kserve_grpc import KServeGrpc
from .kserve_http import KServeHttp
from .metrics import Metrics
from .sagemaker import SageMaker
from .tracing import configure_tracing
from .vertex_ai import VertexAI

__version__: str = _version()

__all__ = [
    "AlreadyExistsError",
    "InternalError",
    "InvalidArgumentError",
    "KServeGrpc",
    "KServeHttp",
    "Metrics",
    "NotFoundError",
    "SageMaker",
    "TritonError",
    "UnavailableError",
    "UnknownError",
    "UnsupportedError",
    "VertexAI",
    "__version__",
    "configure_tracing",
]
