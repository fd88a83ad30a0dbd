"""Builds the clients in ``go`` and ``cpp`` for the tests, where their tools are installed.

    python tests/clients/build.py FOLDER

makes FOLDER/go_client and FOLDER/cpp_client. What cannot be built is told and left out; the tests
skip it. The service is described by what tritonclient holds of it, so there is no copy of its
.proto files here. Packages for C++: libgrpc++-dev protobuf-compiler protobuf-compiler-grpc. For Go,
with a protoc-gen-go that still makes the stubs of services, as Debian 12 has it: golang-go
golang-google-grpc-dev golang-goprotobuf-dev protobuf-compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROTOS = ("grpc_service.proto", "model_config.proto")
GO_LIBRARIES = Path("/usr/share/gocode")  # where packages of Debian put the sources of Go


def descriptors() -> bytes:
    """The service and all that it imports, as protoc's --descriptor_set_in takes it."""
    from google.protobuf import descriptor_pb2
    from tritonclient.grpc import service_pb2

    found = descriptor_pb2.FileDescriptorSet()

    def add(file: Any) -> None:
        for imported in file.dependencies:
            add(imported)
        if file.name not in {known.name for known in found.file}:
            file.CopyToProto(found.file.add())

    add(service_pb2.DESCRIPTOR)
    return bytes(found.SerializeToString())


def run(*command: str | Path, **environ: str) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True, text=True, check=False, env={**os.environ, **environ},
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise RuntimeError(f"{program} is not installed")


def generate(folder: Path, *options: str) -> None:
    """Runs protoc with ``options``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    described = folder / "service.desc"
    described.write_bytes(descriptors())
    run("protoc", f"--descriptor_set_in={described}", *options, *PROTOS)


def build_go(folder: Path) -> None:
    need("go", "protoc", "protoc-gen-go")
    if not (GO_LIBRARIES / "src/google.golang.org/grpc").is_dir():
        raise RuntimeError("golang-google-grpc-dev is not installed")
    path = (folder / "gopath").resolve()
    package = path / "src/inference"
    generate(package, f"--go_out=plugins=grpc,import_path=inference:{package}")
    # Sources outside of GOPATH are not built in this mode.
    client = path / "src/client"
    shutil.copytree(HERE / "go", client, dirs_exist_ok=True)
    environ = {
        "GO111MODULE": "off",
        "GOPATH": f"{path}:{GO_LIBRARIES}",
        "GOFLAGS": "",
        "GOCACHE": str(path / "cache"),
    }
    run("go", "build", "-o", folder.resolve() / "go_client", "client", **environ)


def build_cpp(folder: Path) -> None:
    compiler = os.environ.get("CXX", "g++")
    need("protoc", "grpc_cpp_plugin", "pkg-config", compiler)
    made = folder / "generated"
    plugin = f"--plugin=protoc-gen-grpc={shutil.which('grpc_cpp_plugin')}"
    generate(made, f"--cpp_out={made}", f"--grpc_out={made}", plugin)
    flags = subprocess.run(
        ["pkg-config", "--libs", "grpc++", "protobuf"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    launcher = ["ccache"] if shutil.which("ccache") else []

    def build_object(source: Path) -> Path:
        target = made / f"{source.name}.o"
        # Run for seconds only: no time is spent on making it fast.
        run(*launcher, compiler, "-std=c++17", "-O0", f"-I{made}", "-c", source, "-o", target)
        return target

    sources = [*(HERE / "cpp").glob("*.cc"), *made.glob("*.pb.cc")]
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        objects = list(workers.map(build_object, sources))
    run(compiler, *objects, "-o", folder / "cpp_client", *flags)


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    builders: dict[str, Callable[[Path], None]] = {"go": build_go, "cpp": build_cpp}
    for name, build in builders.items():
        try:
            build(folder)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"the {name} client is not built, its tests are skipped: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
