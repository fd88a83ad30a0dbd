"""tools/check_packages.py: each rule is seen broken once, and the checkout keeps them all."""

from __future__ import annotations

import ast

import check_layers
import check_packages
import pytest

TABLE = """\
<!-- layers: begin -->
| folder | may import | other modules | knows |
|---|---|---|---|
| `system` | - | - | processes |
| `slots` | system | `socket` | workers |
| `cli` | slots | `rich` `tritonfrontend` | commands |
<!-- layers: end -->
"""


def violations(folder: str, source: str) -> list[str]:
    layers = check_layers.read_table(TABLE)
    found = check_packages.check_module(layers[folder], ast.parse(source), layers)
    return [f"{line}: {message}" for line, message in found]


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("slots", "from ..system import process\nfrom .state import State\nfrom . import slot\n"),
        ("slots", "from .. import system\nimport os\nfrom collections.abc import Mapping\n"),
        ("cli", "from rich.table import Table\nfrom ... import __version__\n"),
        ("cli", "importlib.import_module('tritonfrontend.inprocess')\nimport_module(name)\n"),
        ("system", "from __future__ import annotations\n"),
        ("system", "import signal, pty\nimport ctypes\nos.kill(1, 2)\nlibc.prctl(1)\n"),
        ("slots", "import socket\nsock.dup()\nprocess.kill()\nself._exit = 0\n"),
        ("slots", "import os\nos.close(os.open(os.devnull, os.O_RDWR))\nos.getpid()\n"),
    ],
)
def test_allowed(folder: str, source: str) -> None:
    assert violations(folder, source) == []


@pytest.mark.parametrize(
    ("folder", "source", "message"),
    [
        ("system", "from ..slots import slot", "`system` must not import `slots`: ..slots"),
        ("system", "def f():\n    from ..cli.main import main\n", "must not import `cli`"),
        ("slots", "if TYPE_CHECKING:\n    from ..cli import main\n", "must not import `cli`"),
        ("slots", "from .. import cli", "must not import `cli`: ..cli"),
        ("slots", "from ..gone import x", "must not import `gone`"),
        ("slots", "import rich.table", "`slots` must not import the package rich"),
        ("slots", "from ... import KServeHttp", "must not import the package tritonfrontend"),
        ("slots", "importlib.import_module('pynvml')", "must not import the package pynvml"),
        ("slots", "\nimport signal", "2: `slots` must not import signal: what needs it belongs in"),
        ("cli", "from socket import socket", "socket: what needs it belongs in `system`, `slots`"),
        (
            "cli",
            "import os\n\nos.kill(1, 2)",
            "3: `cli` must not use os.kill: it belongs in `system`",
        ),
        ("cli", "import os as posix\nstop = posix._exit", "must not use os._exit"),
        ("cli", "from os import getpid, execve", "must not use os.execve"),
        ("cli", "ctypes_of_another.CDLL(None).prctl(1, 15)", "CDLL(None).prctl: it belongs in"),
        ("cli", "loop.add_signal_handler(2, stop)", "must not use loop.add_signal_handler"),
        ("cli", "from asyncio import create_subprocess_exec", "asyncio.create_subprocess_exec"),
    ],
)
def test_forbidden(folder: str, source: str, message: str) -> None:
    (found,) = violations(folder, source)
    assert message in found


@pytest.mark.parametrize(
    "name",
    [
        *("kill", "killpg", "execve", "execvp", "fork", "forkpty", "posix_spawn", "posix_spawnp"),
        *("spawnlp", "pidfd_open", "wait", "waitpid", "waitid", "waitstatus_to_exitcode", "_exit"),
        *("memfd_create", "dup", "dup2", "pipe", "pipe2", "set_inheritable", "set_blocking"),
        *("sched_setaffinity", "sched_getaffinity", "setsid", "system", "popen"),
    ],
)
def test_function_of_the_system(name: str) -> None:
    (found,) = violations("slots", f"import os\nos.{name}()\n")
    assert found == f"2: `slots` must not use os.{name}: it belongs in `system`"


def test_table_is_in_order() -> None:
    layers = check_layers.read_table(TABLE.replace("| `system` | - |", "| `system` | cli |"))
    (found,) = check_packages.rises(layers)
    assert "`cli` stands below `system`" in found


def test_checkout() -> None:
    assert list(check_packages.check_tree(check_layers.ROOT)) == []
