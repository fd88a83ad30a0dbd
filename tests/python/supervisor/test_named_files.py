"""Files that settings name are tried before anything starts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from certificates import Authority, Identity
from test_settings import options

from tritonfrontend.supervisor.options.spec import SpecError
from tritonfrontend.supervisor.session.named_files import check_files


@pytest.fixture
def server(tmp_path: Path) -> Identity:
    return Authority(tmp_path).issue("server")


def tls(identity: Identity, kind: str = "http") -> list[str]:
    files = (f"--{kind}-server-cert={identity.cert}", f"--{kind}-server-key={identity.key}")
    return [f"--{kind}-use-ssl", *files]


def test_what_can_be_used(tmp_path: Path, server: Identity) -> None:
    root = f"--http-root-cert={tmp_path / 'ca.pem'}"
    logs = (f"--http-access-log={tmp_path / 'new.log'}", "--grpc-access-log=-")
    core = f"--log-file={tmp_path / 'core.log'}"
    check_files(options(tmp_path, *tls(server), *tls(server, "grpc"), root, *logs, core))


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_certificates(tmp_path: Path, server: Identity, kind: str) -> None:
    missing = Identity(tmp_path / "gone.pem", server.key)
    with pytest.raises(SpecError, match=rf"^--{kind}-server-cert: .*gone\.pem': No such file"):
        check_files(options(tmp_path, *tls(missing, kind)))
    other = Identity(server.cert, Authority(tmp_path).issue("other").key)
    with pytest.raises(SpecError, match=rf"^--{kind}-server-cert: .*KEY_VALUES_MISMATCH"):
        check_files(options(tmp_path, *tls(other, kind)))
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(SpecError, match=rf"^--{kind}-root-cert: .*empty\.pem"):
        check_files(options(tmp_path, *tls(server, kind), f"--{kind}-root-cert={empty}"))


def test_key_with_a_passphrase_is_not_asked_for(tmp_path: Path, server: Identity) -> None:
    locked = Identity(server.cert, tmp_path / "locked.key")
    command = ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", str(server.key)]
    subprocess.run([*command, "-out", str(locked.key)], check=True, capture_output=True, timeout=60)
    with pytest.raises(SpecError, match="the key has a passphrase"):
        check_files(options(tmp_path, *tls(locked)))


@pytest.mark.parametrize("flag", ["--http-access-log", "--grpc-access-log", "--log-file"])
def test_logs(tmp_path: Path, flag: str) -> None:
    with pytest.raises(SpecError, match=f"^{flag}: .*there is no directory '/no/where'"):
        check_files(options(tmp_path, f"{flag}=/no/where/x.log"))
    with pytest.raises(SpecError, match=f"^{flag}: .* is a directory"):
        check_files(options(tmp_path, f"{flag}={tmp_path}"))
