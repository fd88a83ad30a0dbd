"""Certificates for tests, made by the openssl command: a CA and what it signs."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Identity:
    """The PEM files of one certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """A CA in ``directory``."""

    def __init__(self, directory: Path, name: str = "Test CA") -> None:
        self._directory = directory
        self.cert = directory / "ca.pem"
        self._key = directory / "ca.key"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.cert,
        )  # fmt: skip

    def issue(self, name: str) -> Identity:
        """A certificate for 127.0.0.1 and localhost with the subject ``name``."""
        request = self._directory / f"{name}.csr"
        made = Identity(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        extensions = self._directory / f"{name}.ext"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", made.key, "-out", request,
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-days", "2", "-in", request, "-CA", self.cert, "-CAkey", self._key,
            "-CAcreateserial", "-extfile", extensions, "-out", made.cert,
        )  # fmt: skip
        return made

    def client(self, identity: Identity | None = None) -> ssl.SSLContext:
        """What a client that trusts this CA needs; with ``identity`` it shows a certificate."""
        context = ssl.create_default_context(cafile=str(self.cert))
        if identity is not None:
            context.load_cert_chain(identity.cert, identity.key)
        return context

    @staticmethod
    def _openssl(*arguments: Any) -> None:
        command = ["openssl", *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
