"""Serves a model repository over HTTP and gRPC from this process, until Ctrl-C.

    python examples/embed.py examples/models

Listens on 127.0.0.1, HTTP on port 8000 and gRPC on 8001.
"""

import contextlib
import signal
import sys

import tritonserver
from tritonfrontend import KServeGrpc, KServeHttp


def main() -> None:
    server = tritonserver.Server(model_repository=sys.argv[1], log_error=True)
    server.start(wait_until_ready=True)
    try:
        with (
            KServeHttp(server, KServeHttp.Options(address="127.0.0.1", port=8000)),
            KServeGrpc(server, KServeGrpc.Options(address="127.0.0.1", port=8001)),
        ):
            print("ready; stop with Ctrl-C", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
