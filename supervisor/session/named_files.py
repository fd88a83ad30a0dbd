"""Files that settings name, tried before any start: every worker would fail over the same one."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..options.flags import name_of
from ..options.spec import ServeOptions, SpecError


def check_files(options: ServeOptions) -> None:
    """Raises SpecError for certificates that cannot be used, and logs that cannot be written."""
    for target, given in _frontends(options):
        if given.get("use_ssl"):
            _check_certificates(target, given)
        log = str(given.get("access_log", ""))
        if log not in ("", "-"):
            _check_log(name_of(target, "access_log"), log)
    if log := str(options.core.get("log_file") or ""):
        _check_log("--log-file", log)


def _frontends(options: ServeOptions) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for port in options.worker_ports:
        given = options.frontends.get(port.name, {})
        yield port.name, given
        if grpc := given.get("grpc"):  # on the same port
            yield "grpc", grpc


def _check_certificates(target: str, given: Mapping[str, Any]) -> None:
    chain, key = str(given.get("server_cert", "")), str(given.get("server_key", ""))
    for field, path in (("server_cert", chain), ("server_key", key)):
        _readable(name_of(target, field), path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(chain, key, password=_no_passphrase)
    except (ssl.SSLError, ValueError) as error:
        raise SpecError(
            name_of(target, "server_cert"), f"{chain!r} with the key {key!r}: {_said(error)}"
        ) from None
    if root := str(given.get("root_cert", "")):
        field = name_of(target, "root_cert")
        _readable(field, root)
        try:
            context.load_verify_locations(root)
        except ssl.SSLError as error:
            raise SpecError(field, f"{root!r}: {_said(error)}") from None


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase, which nobody could type; store it without one")


def _said(error: Exception) -> str:
    return getattr(error, "reason", "") or str(error)


def _readable(field: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise SpecError(field, f"{path!r}: {error.strerror}") from None


def _check_log(field: str, path: str) -> None:
    """It is made by the worker; here only whether it could be."""
    place = Path(path) if Path(path).exists() else Path(path).absolute().parent
    if not place.exists():
        raise SpecError(field, f"{path!r}: there is no directory {str(place)!r}")
    if Path(path).is_dir():
        raise SpecError(field, f"{path!r} is a directory")
    if not os.access(place, os.W_OK):
        raise SpecError(field, f"{path!r}: {str(place)!r} cannot be written")
