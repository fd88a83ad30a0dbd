"""Checks the layer rules of cpp/README.md; prints each violation and exits with 1 if there is one.

Rules, all read from the table between the ``layers`` marks of that file:
  * a source file includes only its own folder and the folders of its row, written from ``cpp/``;
  * third-party headers only where the row names them; headers of libc and the standard library
    are free unless some row names them, then they are reserved to the rows that do;
  * ``tfe_layer(<folder> DEPENDS ...)`` in CMakeLists.txt says the same as the row;
  * only ``triton`` names functions or types of Triton's C API.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
C_API_LAYER = "triton"
# Built by its own rules in cmake/Module.cmake.
MODULE_LAYER = "bindings"
SUFFIXES = {".h", ".cc", ".def"}

TABLE = re.compile(r"<!-- layers: begin -->(.*)<!-- layers: end -->", re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
CMAKE_LAYER = re.compile(r"^\s*tfe_layer\(([^)]*)\)", re.MULTILINE | re.DOTALL)
C_API = re.compile(r"\bTRITON(?:SERVER|BACKEND)_\w+")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# Folders of the system's own headers, and those at its top.
SYSTEM_FOLDERS = {"arpa", "linux", "net", "netinet", "sanitizer", "sys"}
SYSTEM_HEADERS = {
    *("dirent.h", "fcntl.h", "glob.h", "ifaddrs.h", "netdb.h", "poll.h", "pthread.h", "sched.h"),
    *("signal.h", "spawn.h", "stdlib.h", "string.h", "time.h", "unistd.h"),
}


@dataclass(frozen=True)
class Layer:
    """One row: the folders it may include, and prefixes of the external headers it may."""

    name: str
    includes: frozenset[str]
    external: tuple[str, ...]


def read_table(readme: str, name: str = "cpp/README.md") -> dict[str, Layer]:
    """The rows of the file ``name`` by folder.

    Raises:
        ValueError: there is no table, or a row is not understood or names an unknown folder.
    """
    match = TABLE.search(readme)
    if match is None:
        raise ValueError(f"{name}: no table between the `layers` marks")
    layers = {}
    for line in match[1].strip().splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 4:
            raise ValueError(f"{name}: a row needs 4 cells: {line}")
        folder = cells[0].strip("`")
        includes = frozenset(re.findall(r"\w+", cells[1]))
        layers[folder] = Layer(folder, includes, tuple(re.findall(r"`([^`]+)`", cells[2])))
    for layer in layers.values():
        for unknown in layer.includes - layers.keys():
            raise ValueError(f"{name}: `{layer.name}` may include `{unknown}`: no such row")
    return layers


def is_free(header: str) -> bool:
    """True for the standard library and the system's own headers."""
    folder, slash, _ = header.partition("/")
    if slash:
        return folder in SYSTEM_FOLDERS
    return "." not in header or header in SYSTEM_HEADERS


def check_include(
    layer: Layer, quoted: bool, header: str, layers: Mapping[str, Layer]
) -> str | None:
    """What is wrong with including ``header`` in a file of ``layer``, or None."""
    if quoted:
        folder = header.partition("/")[0]
        if folder not in layers:
            return f'"{header}" does not start with a layer: write includes from cpp/'
        if folder != layer.name and folder not in layer.includes:
            return f"`{layer.name}` must not include `{folder}`: {header}"
        return None
    reserved = [row.name for row in layers.values() if header.startswith(row.external)]
    if reserved and layer.name not in reserved:
        return f"<{header}> is reserved to {', '.join(reserved)}"
    if not reserved and not is_free(header):
        return f"<{header}> is in no row of the table"
    return None


def check_source(layer: Layer, text: str, layers: Mapping[str, Layer]) -> Iterator[tuple[int, str]]:
    """Yields (line, message) for each violation in one source file."""
    # Comments may name anything; replaced by as many newlines, so that line numbers stay right.
    code = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    for number, line in enumerate(code.splitlines(), start=1):
        if (match := INCLUDE.match(line)) is not None:
            message = check_include(layer, match[1] == '"', match[2], layers)
            if message is not None:
                yield number, message
        if layer.name == C_API_LAYER:
            continue
        if (match := C_API.search(STRING.sub("", line))) is not None:
            yield number, f"only `{C_API_LAYER}` names the C API: {match[0]}"


def check_cmake(text: str, layers: Mapping[str, Layer]) -> Iterator[str]:
    """Yields what differs between the tfe_layer() calls and the table."""
    text = re.sub(r"#[^\n]*", "", text)
    seen = {}
    for match in CMAKE_LAYER.finditer(text):
        name, *words = match[1].split()
        depends = words[words.index("DEPENDS") + 1 :] if "DEPENDS" in words else []
        seen[name] = frozenset(depends[: depends.index("LINK")] if "LINK" in depends else depends)
    for layer in layers.values():
        if layer.name == MODULE_LAYER:
            continue
        if layer.name not in seen:
            yield f"no tfe_layer({layer.name}), but the table has it"
        elif seen[layer.name] != layer.includes:
            yield (
                f"tfe_layer({layer.name}) depends on {sorted(seen[layer.name])}, "
                f"the table says {sorted(layer.includes)}"
            )
    for name in seen.keys() - layers.keys():
        yield f"tfe_layer({name}) has no row in the table"


def check_tree(root: Path) -> Iterator[str]:
    """Yields every violation in the checkout at ``root`` as ``path:line: message``."""
    layers = read_table((root / "cpp" / "README.md").read_text())
    for message in check_cmake((root / "CMakeLists.txt").read_text(), layers):
        yield f"CMakeLists.txt: {message}"
    for path in sorted((root / "cpp").rglob("*")):
        if path.suffix not in SUFFIXES:
            continue
        place = path.relative_to(root)
        if place.parts[1] not in layers:
            yield f"{place}: the folder has no row in the table"
            continue
        for line, message in check_source(layers[place.parts[1]], path.read_text(), layers):
            yield f"{place}:{line}: {message}"


def main() -> int:
    try:
        violations = list(check_tree(ROOT))
    except ValueError as error:
        violations = [str(error)]
    for violation in violations:
        print(violation)
    print(f"layers: {len(violations)} violations" if violations else "layers: the table holds")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
