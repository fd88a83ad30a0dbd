"""`import tritonserver`: ours on a machine without NVIDIA's package, NVIDIA's where it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from helpers.models import identity, write_repository

import tritonserver
from tritonfrontend import inprocess

NVIDIA_NAMES = [
    *("AlreadyExistsError", "DLDeviceType", "DataType", "InferenceRequest", "InferenceResponse"),
    *("InstanceGroupKind", "InternalError", "InvalidArgumentError", "LogFormat", "MemoryBuffer"),
    *("MemoryType", "Metric", "MetricFamily", "MetricFormat", "MetricKind", "Model"),
    *("ModelBatchFlag", "ModelControlMode", "ModelTxnPropertyFlag", "NotFoundError", "Options"),
    *("RateLimitMode", "RateLimiterResource", "Server", "Tensor", "TritonError"),
    *("UnavailableError", "UnknownError", "UnsupportedError", "__version__"),
]

# The parts of NVIDIA's package that a frontend meets: a server whose `_ptr()` is the address, on
# top of a binding object. Under it is a real server, made through the core's C API.
IMITATION = """\
import ctypes
from tritonfrontend._core import core as _core  # only to find and open the library

class Binding:
    def __init__(self, repository):
        self.core = _core.library()
        self.api = ctypes.CDLL(self.core.native.path)
        self.api.TRITONSERVER_ErrorMessage.restype = ctypes.c_char_p
        options, self.server = ctypes.c_void_p(), ctypes.c_void_p()
        self("ServerOptionsNew", ctypes.byref(options))
        self("ServerOptionsSetModelRepositoryPath", options, repository.encode())
        self("ServerOptionsSetModelControlMode", options, 0)
        self("ServerOptionsSetModelLoadRetryCount", options, 0)
        self("ServerOptionsSetEnablePeerAccess", options, ctypes.c_bool(False))
        self("ServerOptionsSetStrictModelConfig", options, ctypes.c_bool(False))
        self("ServerOptionsSetGpuMetrics", options, ctypes.c_bool(False))
        for level in ("Info", "Warn", "Error"):
            self("ServerOptionsSetLog" + level, options, ctypes.c_bool(False))
        self("ServerNew", ctypes.byref(self.server), options)
        self("ServerOptionsDelete", options)

    def __call__(self, name, *arguments):
        function = getattr(self.api, "TRITONSERVER_" + name)
        function.restype = ctypes.c_void_p
        error = function(*arguments)
        if error:
            raise RuntimeError(self.api.TRITONSERVER_ErrorMessage(ctypes.c_void_p(error)))

    def __del__(self):
        self("ServerDelete", self.server)

class Server:
    def __init__(self, repository):
        self._server = Binding(repository)

    def _ptr(self):
        return self._server.server.value

    def stop(self):
        self._server("ServerStop", self._server.server)
        self._server = None
"""

USE = """\
import http.client, sys, tritonserver
assert tritonserver.__file__.endswith("tritonserver/__init__.py"), tritonserver.__file__
server = tritonserver.Server(sys.argv[1])
from tritonfrontend import KServeHttp
def status(path):
    connection = http.client.HTTPConnection("127.0.0.1", frontend.port, timeout=20)
    connection.request("GET", path)
    code = connection.getresponse().status
    connection.close()
    return code
with KServeHttp(server, KServeHttp.Options(address="127.0.0.1", port=0)) as frontend:
    assert status("/v2/models/identity_fp32/ready") == 200
    server.stop()
    assert status("/v2/health/ready") == 503
    assert status("/v2/models/identity_fp32/config") == 503
del server, frontend
"""


def test_ours() -> None:
    assert Path(str(tritonserver.__file__)).name == "tritonserver.py"
    for name in NVIDIA_NAMES:
        assert getattr(tritonserver, name) is getattr(inprocess, name)


@pytest.mark.parametrize("first", [True, False])
def test_nvidias_package_wins(
    run_script: Any, tmp_path: Path, backends_dir: Path, first: bool
) -> None:
    """The directory before our file on the path, and beside it as in site-packages."""
    beside = tmp_path / "site"
    (beside / "tritonserver").mkdir(parents=True)
    (beside / "tritonserver" / "__init__.py").write_text(IMITATION)
    if not first:
        ours = Path(str(tritonserver.__file__)).read_text()
        (beside / "tritonserver.py").write_text(ours)
    repository = write_repository(tmp_path / "models", [identity("FP32")])
    path = os.pathsep.join([str(beside), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = run_script(USE, repository, env=os.environ | {"PYTHONPATH": path})
    assert (done.returncode, done.stderr) == (0, "")
