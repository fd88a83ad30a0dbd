"""tools/check_packages.py: each rule is seen broken once, and the checkout keeps them all."""

from __future__ import annotations

import ast

import check_layers
import check_packages
import pytest

TABLE = """\
<!-- layers: begin -->
| folder | may import | other packages | knows |
|---|---|---|---|
| `system` | - | - | processes |
| `slots` | system | - | workers |
| `cli` | slots | `rich` `tritonfrontend` | commands |
<!-- layers: end -->
"""


def violations(folder: str, source: str) -> list[str]:
    layers = check_layers.read_table(TABLE)
    found = check_packages.imported(ast.parse(source))
    messages = (check_packages.check_import(layers[folder], name, layers) for _, name in found)
    return [message for message in messages if message is not None]


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("slots", "from ..system import process\nfrom .state import State\nfrom . import slot\n"),
        ("slots", "from .. import system\nimport os\nfrom collections.abc import Mapping\n"),
        ("cli", "from rich.table import Table\nfrom ... import __version__\n"),
        ("cli", "importlib.import_module('tritonfrontend.inprocess')\nimport_module(name)\n"),
        ("system", "from __future__ import annotations\n"),
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
    ],
)
def test_forbidden(folder: str, source: str, message: str) -> None:
    (found,) = violations(folder, source)
    assert message in found


def test_table_is_in_order() -> None:
    layers = check_layers.read_table(TABLE.replace("| `system` | - |", "| `system` | cli |"))
    (found,) = check_packages.rises(layers)
    assert "`cli` stands below `system`" in found


def test_checkout() -> None:
    assert list(check_packages.check_tree(check_layers.ROOT)) == []
