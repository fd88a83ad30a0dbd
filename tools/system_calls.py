"""What Python code asks of the operating system itself, by the names that it uses.

Files, and what a process may know of itself (`os.environ`, `os.getpid`), are everybody's. Reserved
are the modules below, and what acts on processes, signals, memory files and the inheritance of
descriptors.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

MODULES = frozenset(
    {
        *("ctypes", "fcntl", "mmap", "multiprocessing", "posix", "pty", "resource", "select"),
        *("selectors", "signal", "socket", "subprocess", "termios", "tty"),
    }
)
OF_OS = re.compile(
    r"kill(pg)?|exec[lv]\w*|fork\w*|p?spawn[lv]\w*|posix_spawnp?|system|popen|_exit|abort"
    r"|wait\w*|pidfd_open|sched_\w+|nice|[gs]etpriority|set(sid|pgid|pgrp)|unshare|setns"
    r"|memfd_create|eventfd\w*|dup2?|pipe2?|openpty|login_tty|register_at_fork"
    r"|[gs]et_inheritable|[gs]et_blocking"
)
#: Whatever they are called on: a C library, an event loop, `asyncio`.
OF_ANYTHING = frozenset(
    {
        *("prctl", "add_signal_handler", "remove_signal_handler", "subprocess_exec"),
        *("subprocess_shell", "create_subprocess_exec", "create_subprocess_shell"),
    }
)


def functions(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields (line, name) of each reserved function that a module names, called or not."""
    systems = {"os", *_other_names(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if node.module == "os" and OF_OS.fullmatch(alias.name):
                    yield node.lineno, f"os.{alias.name}"
                elif alias.name in OF_ANYTHING:
                    yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Attribute):
            on_os = isinstance(node.value, ast.Name) and node.value.id in systems
            if on_os and OF_OS.fullmatch(node.attr):
                yield node.lineno, f"os.{node.attr}"
            elif node.attr in OF_ANYTHING:
                yield node.lineno, ast.unparse(node)


def _other_names(tree: ast.AST) -> Iterator[str]:
    """`import os as system` must not hide anything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.asname for each in node.names if each.name == "os" and each.asname)
