"""Our side of the comparison: one process with the core, the HTTP and the gRPC frontend.

    python bench/serve.py MODEL_REPOSITORY

Prints one JSON line with the ports when ready, and ends when its standard input does.
"""

from __future__ import annotations

import json
import sys

from tritonfrontend import KServeGrpc, KServeHttp
from tritonfrontend.inprocess import Server

ADDRESS = "127.0.0.1"


def main() -> None:
    server = Server(model_repository=sys.argv[1], metrics=False, log_error=True)
    server.start(wait_until_ready=True, timeout=60)
    try:
        with (
            KServeHttp(server, KServeHttp.Options(address=ADDRESS, port=0)) as http,
            KServeGrpc(server, KServeGrpc.Options(address=ADDRESS, port=0)) as grpc,
        ):
            print(json.dumps({"http": http.port, "grpc": grpc.port}), flush=True)
            sys.stdin.read()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
