"""Finding and preparing the core: search order, runtime directory, helper program, silence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.models import identity, write_repository

from tritonfrontend import _native
from tritonfrontend._core import core, libpython, locate, python_models, runtime_dir, stub
from tritonfrontend._core.wheel import Wheel, find_wheel
from tritonfrontend.errors import CoreNotFoundError

START = """\
import sys, tritonserver
server = tritonserver.Server(model_repository=sys.argv[1]).start(wait_until_ready=True)
server.stop()
"""


@pytest.fixture
def no_loaded_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "loaded_library", lambda: None)
    monkeypatch.delenv(locate.ENVIRONMENT, raising=False)


def test_loaded_copy_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, _ = find_wheel()
    assert wheel is not None
    monkeypatch.setattr(_native, "loaded_library", lambda: str(wheel.library))
    monkeypatch.setenv(locate.ENVIRONMENT, "/nowhere")
    assert locate.locate() == locate.Location(wheel.library, wheel)


@pytest.mark.usefixtures("no_loaded_core")
def test_environment_then_system_then_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = tmp_path / "libtritonserver.so"
    library.touch()
    monkeypatch.setattr(locate, "_SYSTEM", library)
    assert locate.locate() == locate.Location(library)
    monkeypatch.setattr(locate, "_SYSTEM", tmp_path / "lib" / "libtritonserver.so")
    found = locate.locate()
    assert found.wheel is not None
    assert found.library == found.wheel.library
    for named in (library, tmp_path):
        monkeypatch.setenv(locate.ENVIRONMENT, str(named))
        assert locate.locate() == locate.Location(library)
    monkeypatch.setenv(locate.ENVIRONMENT, str(found.library))
    assert locate.locate() == found


@pytest.mark.usefixtures("no_loaded_core")
def test_bad_environment_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(locate.ENVIRONMENT, "/nowhere/libtritonserver.so")
    with pytest.raises(CoreNotFoundError, match=r"TRITONFRONTEND_LIBRARY='/nowhere/"):
        locate.locate()


@pytest.mark.usefixtures("no_loaded_core")
def test_no_core_lists_where_it_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "find_wheel", lambda: (None, "not installed"))
    monkeypatch.setattr(locate, "_SYSTEM", Path("/nowhere/libtritonserver.so"))
    with pytest.raises(CoreNotFoundError) as caught:
        locate.locate()
    for part in ("TRITONFRONTEND_LIBRARY", "/nowhere", "nvidia-pytriton", "[embedded]"):
        assert part in str(caught.value)


def test_library_that_is_none(run_script: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "libtritonserver.so"
    wrong.write_bytes(b"no library at all")
    environment = os.environ | {locate.ENVIRONMENT: str(wrong)}
    done = run_script(START, tmp_path, env=environment)
    assert done.returncode == 1
    assert "libtritonserver.so" in done.stderr.splitlines()[-1]


def test_import_loads_no_core(run_script: Any) -> None:
    done = run_script(
        "import pathlib, sys, tritonserver, tritonfrontend\n"
        "tritonserver.Server(model_repository='x'); tritonfrontend.KServeHttp.Options()\n"
        "maps = pathlib.Path('/proc/self/maps').read_text()\n"
        "assert 'libtritonserver' not in maps and 'nvidia_pytriton' not in maps\n"
        "assert 'numpy' not in sys.modules and 'pytriton' not in sys.modules\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_default_start_is_silent_and_leaves_nothing(
    run_script: Any, python_repository: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = run_script(START, python_repository, env=os.environ | {"TMPDIR": str(temporary)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_is_removed(python_repository: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    source = START.replace("server.stop()", "print('up', flush=True); input()")
    command = [sys.executable, "-c", source, str(python_repository)]
    place: dict[str, Any] = {"env": environment, "cwd": tmp_path}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **place) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"up\n"
        (left,) = temporary.glob("tritonfrontend-core-*")
        # A living owner's directory stays.
        done = subprocess.run([*command[:2], START, command[3]], timeout=120, **place)
        assert done.returncode == 0
        assert list(temporary.glob("tritonfrontend-core-*")) == [left]
        first.send_signal(signal.SIGKILL)
    assert left.exists()
    subprocess.run([*command[:2], START, command[3]], timeout=120, check=True, **place)
    assert list(temporary.glob("tritonfrontend-core-*")) == []


def test_runtime_directory_of_a_child_is_its_own(tmp_path: Path) -> None:
    directory = runtime_dir.RuntimeDirectory()
    child = os.fork()
    if child == 0:
        directory.remove()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert directory.path.is_dir()
    assert directory.fresh("a") != directory.fresh("a")
    directory.remove()
    assert not directory.path.exists()


@pytest.fixture
def wheel() -> Wheel:
    found, reason = find_wheel()
    assert found is not None, reason
    return found


def install(wheel: Wheel, tmp_path: Path) -> tuple[str, Path]:
    private = tmp_path / "private bin"
    private.mkdir()
    script = tmp_path / "it's a script"
    return stub.install_stub(wheel, script, private), script


def test_stub_starts(wheel: Wheel, tmp_path: Path) -> None:
    reason, script = install(wheel, tmp_path)
    assert reason == ""
    assert os.access(script, os.X_OK)


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="the stub for 3.13 carries its own libpython"
)
def test_missing_libpython_is_named(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another Python's stub, whose library this machine lacks, stands for this one's.
    other = "3.9" if libpython.python_version() != "3.9" else "3.8"
    monkeypatch.setattr(stub, "find_libpython", lambda: None)
    monkeypatch.setattr(stub, "python_version", lambda: other)
    reason, script = install(wheel, tmp_path)
    if reason == "":
        pytest.fail(f"this machine has a libpython{other} in its default search path")
    assert f"libpython{other}" in reason
    assert "--enable-shared" in reason
    assert not script.exists()


def test_no_stub_for_this_python(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "python_version", lambda: "3.99")
    reason, script = install(wheel, tmp_path)
    assert "no stub for Python 3.99" in reason
    assert "3.12" in reason
    assert not script.exists()


def test_no_bash(wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "bash" in install(wheel, tmp_path)[0]


def test_stub_that_hangs(wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stub, "_TRIAL_SECONDS", 0.2)
    monkeypatch.setattr(stub, "_script", lambda *_: "#!/bin/sh\nexec sleep 60\n")
    reason, script = install(wheel, tmp_path)
    assert "did not answer" in reason
    assert not script.exists()


def test_script_that_cannot_be_executed(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "_script", lambda *_: "#!/no/such/interpreter\n")
    assert "noexec" in install(wheel, tmp_path)[0]


BROKEN_STUB = """\
import sys, tritonserver
from tritonfrontend._core import stub
stub._script = lambda *_: "#!/bin/sh\\nexit 1\\n"
def start(**options):
    return tritonserver.Server(model_repository=sys.argv[1], **options).start()
try:
    start()
except tritonserver.UnavailableError as error:
    assert "model 'echo' needs the Python backend, which cannot start" in str(error), error
else:
    raise SystemExit("started")
explicit = tritonserver.ModelControlMode.EXPLICIT
server = start(model_control_mode=explicit, startup_models=["identity_fp32"])
for parameters in (None, {"config": '{"backend": "python"}'}):
    try:
        server.load("echo" if parameters is None else "identity_fp32", parameters)
    except tritonserver.UnavailableError as error:
        assert "needs the Python backend" in str(error), error
    else:
        raise SystemExit("loaded")
try:
    server._server.load_model("echo", [])  # as a client of a frontend would
except tritonserver.TritonError as error:
    pass
else:
    raise SystemExit("loaded behind our back")
server.stop()
"""


def test_broken_stub_is_an_error_and_no_hang(run_script: Any, python_repository: Path) -> None:
    done = run_script(BROKEN_STUB, python_repository)
    assert (done.returncode, done.stderr) == (0, "")


def test_broken_stub_does_not_matter_without_python_models(run_script: Any, tmp_path: Path) -> None:
    repository = write_repository(tmp_path / "plain", [identity("FP32")])
    source = START.replace(
        "server =",
        "from tritonfrontend._core import stub\n"
        "stub._script = lambda *_: '#!/bin/sh\\nexit 1\\n'\nserver =",
    )
    done = run_script(source, repository)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("config", "file", "needs"),
    [
        ('backend: "python"', None, True),
        ("backend:'python'", None, True),
        ('# backend: "python"\nbackend: "identity"', "model.py", False),
        ('platform: "tensorrt_plan"', "model.py", False),
        ('name: "x"', "model.py", True),
        (None, "model.py", True),
        (None, "model.onnx", False),
        ('default_model_filename: "a"', None, False),
    ],
)
def test_which_models_need_python(
    tmp_path: Path, config: str | None, file: str | None, needs: bool
) -> None:
    version = tmp_path / "models" / "m" / "1"
    version.mkdir(parents=True)
    if config is not None:
        (version.parent / "config.pbtxt").write_text(config)
    if file is not None:
        (version / file).touch()
    paths = [str(tmp_path / "models"), str(tmp_path / "missing"), "s3://bucket"]
    assert (python_models.first_python_model(paths) == "m") is needs
    assert python_models.first_python_model(paths, names=["other"]) is None


def test_fork_before_a_server(run_script: Any, python_repository: Path) -> None:
    source = (
        "import os, sys, tritonserver\n"
        "from tritonfrontend._core import library\n"
        "parent = library().layout()\n"
        "child = os.fork()\n"
        "server = tritonserver.Server(model_repository=sys.argv[1]).start(wait_until_ready=True)\n"
        "assert server.model('echo').ready()\n"
        "assert (library().layout() is parent) == bool(child)\n"
        "server.stop()\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )
    done = run_script(source, python_repository)
    assert (done.returncode, done.stderr) == (0, "")


def test_core_is_opened_once() -> None:
    assert core.library() is core.library()
    assert core.library().native.api_version[0] == 1
    assert _native.loaded_library() == core.library().native.path
