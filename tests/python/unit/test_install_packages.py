"""tools/install_packages.sh against imitations of dpkg-query and apt-get."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "tools" / "install_packages.sh"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A folder of programs that log their calls; its file `installed` lists what is there."""
    (tmp_path / "installed").write_text("")
    programs = {
        "dpkg-query": f'grep -qx "$3" {tmp_path}/installed && printf installed',
        "apt-get": f'echo "$@" >> {tmp_path}/calls',
        "sudo": f'echo "sudo $*" >> {tmp_path}/calls',
    }
    for name, body in programs.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/bash\n{body}\n")
        program.chmod(0o755)
    return tmp_path


def install(system: Path, *groups: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{system}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", str(SCRIPT), *groups], capture_output=True, text=True, env=environment
    )


def listed(group: str) -> list[str]:
    lines = (SCRIPT.parent / "apt-packages.txt").read_text().splitlines()
    start = lines.index(f"[{group}]") + 1
    end = next((i for i in range(start, len(lines)) if lines[i].startswith("[")), len(lines))
    return [line for line in lines[start:end] if line and not line.startswith("#")]


def test_nothing_to_do(system: Path) -> None:
    (system / "installed").write_text("\n".join(listed("build")))
    done = install(system, "build")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"all {len(listed('build'))} system packages are present" in done.stdout
    assert not (system / "calls").exists()


def test_only_what_is_missing(system: Path) -> None:
    present = [name for name in listed("build") if name != "ccache"]
    (system / "installed").write_text("\n".join(present + listed("test")))
    done = install(system, "build", "test")
    assert done.returncode == 0, done.stderr
    calls = (system / "calls").read_text().splitlines()
    if os.geteuid() == 0:
        assert calls[0] == "update -q"
        assert calls[1].startswith("install -y")
    else:
        assert all(call.startswith("sudo ") for call in calls)
    assert calls[-1].split()[-1] == "ccache"


def test_an_unknown_group(system: Path) -> None:
    done = install(system, "nope")
    assert done.returncode != 0
    assert "no group [nope]" in done.stderr


def test_every_package_is_listed_once() -> None:
    names = [name for group in ("build", "test", "bench") for name in listed(group)]
    assert len(names) == len(set(names))
