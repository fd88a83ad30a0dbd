"""tools/check_layers.py: each rule is seen broken once, and the checkout keeps them all."""

from __future__ import annotations

from pathlib import Path

import check_layers
import pytest

TABLE = """\
<!-- layers: begin -->
| folder | may include | external headers | knows |
|---|---|---|---|
| `base` | - | - | bytes |
| `net` | base | `openssl/` | sockets |
| `triton` | base | `dlfcn.h` | the C API |
<!-- layers: end -->
"""
CMAKE = """\
tfe_layer(base)
tfe_layer(net DEPENDS base LINK OpenSSL::SSL)
tfe_layer(triton DEPENDS base)
"""


def violations(folder: str, source: str) -> list[str]:
    layers = check_layers.read_table(TABLE)
    return [message for _, message in check_layers.check_source(layers[folder], source, layers)]


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("net", '#include "base/status.h"\n#include "net/loop.h"\n#include <vector>\n'),
        ("net", "#include <openssl/ssl.h>\n#include <sys/socket.h>\n#include <unistd.h>\n"),
        ("triton", "#include <dlfcn.h>\nint x = TRITONSERVER_ApiVersion();\n"),
        ("net", 'auto doc = "a \\" TRITONSERVER_Server";\n'),
        ("base", '// "net/loop.h" calls TRITONSERVER_ServerStop\n/* #include "net/loop.h" */\n'),
    ],
)
def test_allowed(folder: str, source: str) -> None:
    assert violations(folder, source) == []


@pytest.mark.parametrize(
    ("folder", "source", "message"),
    [
        ("base", '#include "net/loop.h"', "`base` must not include `net`: net/loop.h"),
        ("triton", '#include "net/loop.h"', "`triton` must not include `net`: net/loop.h"),
        ("base", '#include "status.h"', '"status.h" does not start with a layer'),
        ("base", "#include <openssl/ssl.h>", "<openssl/ssl.h> is reserved to net"),
        ("net", "#include <dlfcn.h>", "<dlfcn.h> is reserved to triton"),
        ("net", "#include <boost/asio.hpp>", "<boost/asio.hpp> is in no row of the table"),
        ("net", "#include <zlib.h>", "<zlib.h> is in no row of the table"),
        ("net", "  #  include <zlib.h>", "<zlib.h> is in no row of the table"),
        ("base", "TRITONSERVER_Error* e;", "only `triton` names the C API: TRITONSERVER_Error"),
        (
            "net",
            "TRITONBACKEND_Request* r;",
            "only `triton` names the C API: TRITONBACKEND_Request",
        ),
    ],
)
def test_forbidden(folder: str, source: str, message: str) -> None:
    (found,) = violations(folder, source)
    assert found.startswith(message)


def test_line_numbers_count_comments() -> None:
    layers = check_layers.read_table(TABLE)
    source = '/* one\ntwo */\n// three\n#include "net/loop.h"\n'
    (found,) = check_layers.check_source(layers["base"], source, layers)
    assert found[0] == 4


def test_cmake_must_agree() -> None:
    layers = check_layers.read_table(TABLE)
    assert list(check_layers.check_cmake(CMAKE, layers)) == []
    loose = CMAKE.replace("triton DEPENDS base", "triton DEPENDS base net")
    assert "tfe_layer(triton) depends on" in next(check_layers.check_cmake(loose, layers))
    missing = CMAKE.replace("tfe_layer(base)\n", "")
    assert list(check_layers.check_cmake(missing, layers)) == [
        "no tfe_layer(base), but the table has it"
    ]
    unknown = CMAKE + "tfe_layer(extra)\n"
    assert list(check_layers.check_cmake(unknown, layers)) == [
        "tfe_layer(extra) has no row in the table"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no table", "no table between"),
        (
            TABLE.replace("| base | `dlfcn.h` |", "| bass | `dlfcn.h` |"),
            "may include `bass`: no such row",
        ),
        (TABLE.replace(" | the C API |", " |"), "a row needs 4 cells"),
    ],
)
def test_a_broken_table_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_layers.read_table(text)


def test_a_folder_without_a_row(tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    (tmp_path / "cpp" / "extra").mkdir(parents=True)
    (tmp_path / "cpp" / "README.md").write_text(TABLE)
    (tmp_path / "cpp" / "extra" / "file.cc").write_text("int x;\n")
    assert list(check_layers.check_tree(tmp_path)) == [
        "cpp/extra/file.cc: the folder has no row in the table"
    ]


def test_the_checkout_keeps_the_rules() -> None:
    assert list(check_layers.check_tree(check_layers.ROOT)) == []
