"""The example of NVIDIA's documentation, unchanged but for the model path, and its variations."""

from __future__ import annotations

from pathlib import Path

from helpers.isolation import private_ports, run_script

START = """\
import sys
model_path = sys.argv[1]
import tritonserver
server_options = tritonserver.Options(server_id="ExampleServer", model_repository=model_path,
                                      log_error=True, log_warn=True, log_info=True)
server = tritonserver.Server(server_options).start(wait_until_ready=True)
from tritonfrontend import KServeHttp, KServeGrpc
"""

FRONTENDS = """\
http_options = KServeHttp.Options(thread_count=5)
http_service = KServeHttp.Server(server, http_options)
http_service.start()
grpc_service = KServeGrpc.Server(server)      # default options
grpc_service.start()
"""

HTTP_CLIENT = """\
import tritonclient.http as httpclient
import numpy as np
client = httpclient.InferenceServerClient(url="localhost:8000")
input_data = np.array([["Roger Roger"]], dtype=object)
inputs = [httpclient.InferInput("INPUT0", input_data.shape, "BYTES")]
inputs[0].set_data_from_numpy(input_data)
results = client.infer("identity", inputs=inputs)
print(results.as_numpy("OUTPUT0"))
"""

GRPC_CLIENT = """\
import tritonclient.grpc as grpcclient
import numpy as np
client = grpcclient.InferenceServerClient(url="localhost:8001")
input_data = np.array([["Roger Roger"]], dtype=object)
inputs = [grpcclient.InferInput("INPUT0", input_data.shape, "BYTES")]
inputs[0].set_data_from_numpy(input_data)
results = client.infer("identity", inputs=inputs)
print(results.as_numpy("OUTPUT0"))
"""

CURL = """\
import json, subprocess
request = {"inputs": [{"name": "INPUT0", "datatype": "BYTES", "shape": [1, 1],
                       "data": ["Roger Roger"]}]}
answer = subprocess.run(["curl", "-s", "--fail", "localhost:8000/v2/models/identity/infer",
                         "-d", json.dumps(request)], check=True, capture_output=True).stdout
print(json.loads(answer)["outputs"][0]["data"])
"""


def indent(source: str) -> str:
    return "".join(f"    {line}\n" for line in source.splitlines())


def with_ports(source: str) -> str:
    """``source`` as it is, or with other ports where 8000 and 8001 may belong to somebody else."""
    http, grpc = private_ports()
    if (http, grpc) == (8000, 8001):
        return source
    for old, new in (
        ("thread_count=5)", f"thread_count=5, port={http})"),
        (
            "KServeGrpc.Server(server)",
            f"KServeGrpc.Server(server, KServeGrpc.Options(port={grpc}))",
        ),
        ("KServeHttp(server)", f"KServeHttp(server, KServeHttp.Options(port={http}))"),
        ("localhost:8000", f"localhost:{http}"),
        ("localhost:8001", f"localhost:{grpc}"),
    ):
        source = source.replace(old, new)
    return source


def run(source: str, repository: Path) -> str:
    """The last line that the script printed, after it ended without an error."""
    done = run_script(with_ports(source), str(repository))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_the_documented_example(example_repository: Path) -> None:
    source = START + FRONTENDS + HTTP_CLIENT + "http_service.stop()\n"
    assert run(source, example_repository) == "[[b'Roger Roger']]"


def test_the_same_over_grpc(example_repository: Path) -> None:
    source = START + FRONTENDS + GRPC_CLIENT + "grpc_service.stop()\n"
    assert run(source, example_repository) == "[[b'Roger Roger']]"


def test_the_same_with_curl(example_repository: Path) -> None:
    source = START + FRONTENDS + CURL + "http_service.stop()\nserver.stop()\n"
    assert run(source, example_repository) == "['Roger Roger']"


def test_the_same_as_a_context_manager(example_repository: Path) -> None:
    body = indent(HTTP_CLIENT)
    source = START + "with KServeHttp(server) as http_service:\n" + body + "server.stop()\n"
    assert run(source, example_repository) == "[[b'Roger Roger']]"


def test_a_request_after_the_server_stopped(example_repository: Path) -> None:
    source = (
        START
        + FRONTENDS
        + (
            "server.stop()\n"
            "import tritonclient.http as httpclient\n"
            "client = httpclient.InferenceServerClient(url='localhost:8000')\n"
            "print(client.is_server_live(), client.is_server_ready())\n"
        )
    )
    assert run(source, example_repository) == "False False"
