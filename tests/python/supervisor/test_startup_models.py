"""`--load-model` with a name that no repository has: the core does not miss it. Real Triton."""

from __future__ import annotations

import shutil
from pathlib import Path

from instance import DEADLINE, command
from test_real_triton import EXAMPLES, infer, serve

MISSING = "model 'identitty' (--load-model): no repository has a model of this name"


def test_a_misspelt_model_is_no_start_and_no_reload(tmp_path: Path) -> None:
    """A reload to it would take a model from clients that have it."""
    repository, settings = tmp_path / "repository", tmp_path / "serve.toml"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    right = 'model-control-mode = "explicit"\nload-model = ["identity"]\n'
    settings.write_text(right.replace('["identity"]', '["identity", "identitty"]'))
    flags = (f"--config={settings}", "--devices=cpu:1")
    with serve(tmp_path, repository, *flags) as refused:
        assert refused.popen.wait(DEADLINE) == 6
        assert MISSING in refused.text()
    settings.write_text(right)
    with serve(tmp_path, repository, *flags) as instance:
        before = instance.wait_ready()["workers"][0]["pid"]
        settings.write_text(right.replace("identity", "identitty"))
        done = command(tmp_path, "reload")
        assert done.returncode == 1
        assert MISSING in done.stdout + done.stderr
        assert instance.wait_ready()["workers"][0]["pid"] == before
        assert infer(instance.port("http")) == "Roger Roger"
