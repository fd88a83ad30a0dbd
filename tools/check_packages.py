"""Checks the folder rules of supervisor/README.md; prints violations, exits with 1 if there is one.

Rules, all read from the table between the ``layers`` marks of that file:
  * a module imports only from its own folder and the folders of its row, at any depth of its code
    and for type checkers too;
  * packages outside the standard library, and modules of it that reach the operating system, only
    where the row names them;
  * functions that act on processes, signals, memory files and the inheritance of descriptors (see
    system_calls.py) only in ``system``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import system_calls
from check_layers import ROOT, Layer, read_table

PLACE = "supervisor"
PACKAGE = "tritonfrontend"  # which `supervisor` is a part of
SYSTEM_LAYER = "system"


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields (line, absolute or relative name) of all that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots, name = "." * node.level, node.module or ""
            # `from .. import folder` names the folder last.
            names = [name] if name else [alias.name for alias in node.names]
            yield from ((node.lineno, dots + each) for each in names)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("import_module")
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.lineno, str(node.args[0].value)


def check_import(layer: Layer, name: str, layers: Mapping[str, Layer]) -> str | None:
    """What is wrong with importing ``name`` in a module of ``layer``, or None."""
    depth = len(name) - len(name.lstrip("."))
    first = name[depth:].partition(".")[0]
    if depth == 1 or name == "__future__":
        return None
    if depth == 2:
        if first in layers and (first == layer.name or first in layer.includes):
            return None
        return f"`{layer.name}` must not import `{first}`: {name}"
    outside = PACKAGE if depth else first
    if outside in layer.external:
        return None
    if outside in system_calls.MODULES and layer.name != SYSTEM_LAYER:
        others = [row.name for row in layers.values() if outside in row.external]
        owners = ", ".join(f"`{owner}`" for owner in (SYSTEM_LAYER, *others))
        return f"`{layer.name}` must not import {name}: what needs it belongs in {owners}"
    if outside in sys.stdlib_module_names:
        return None
    return f"`{layer.name}` must not import the package {outside}: {name}"


def check_module(
    layer: Layer, tree: ast.AST, layers: Mapping[str, Layer]
) -> Iterator[tuple[int, str]]:
    """Yields (line, message) for each violation in a module of ``layer``."""
    for line, name in imported(tree):
        if (message := check_import(layer, name, layers)) is not None:
            yield line, message
    if layer.name != SYSTEM_LAYER:
        for line, name in system_calls.functions(tree):
            yield line, f"`{layer.name}` must not use {name}: it belongs in `{SYSTEM_LAYER}`"


def check_tree(root: Path) -> Iterator[str]:
    """Yields every violation in the checkout at ``root`` as ``path:line: message``."""
    readme = f"{PLACE}/README.md"
    layers = read_table((root / readme).read_text(), readme)
    for path in sorted((root / PLACE).rglob("*.py")):
        place = path.relative_to(root)
        if len(place.parts) == 2:  # the package itself and its program
            continue
        if place.parts[1] not in layers:
            yield f"{place}: the folder has no row in the table"
            continue
        tree = ast.parse(path.read_text())
        for line, message in check_module(layers[place.parts[1]], tree, layers):
            yield f"{place}:{line}: {message}"


def rises(layers: Mapping[str, Layer]) -> Iterator[str]:
    """Yields the rows that may import what stands at their height or below: circles begin there."""
    above: set[str] = set()
    for layer in layers.values():
        for late in sorted(layer.includes - above):
            yield f"{PLACE}/README.md: `{late}` stands below `{layer.name}`, which may import it"
        above.add(layer.name)


def main() -> int:
    readme = f"{PLACE}/README.md"
    try:
        violations = list(check_tree(ROOT))
        violations += rises(read_table((ROOT / readme).read_text(), readme))
    except ValueError as error:
        violations = [str(error)]
    for violation in violations:
        print(violation)
    print(f"packages: {len(violations)} violations" if violations else "packages: the table holds")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
