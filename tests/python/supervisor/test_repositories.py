"""What lies in model repositories and could not work, found before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tritonfrontend.supervisor.options.repositories import check_gpus, check_paths, gpus


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("instance_group [ { count: 1 kind: KIND_GPU gpus: [ 0, 1 ] } ]", [0, 1]),
        ("instance_group { gpus: 1 gpus: 2 }\ninstance_group { gpus: [3] }", [1, 2, 3]),
        ("instance_group [ { kind: KIND_CPU } ]", []),
        ("# instance_group [ { gpus: [ 7 ] } ]\nname: 'gpus: 3'", []),
        ('parameters { key: "gpus" value { string_value: "instance_group { gpus: 1 }" } }', []),
        ("optimization { gpus: 5 }", []),
        ('instance_group [ { count: 2 name: "gpus" rate_limiter { priority: 4 } } ]', []),
        ("instance_group [ { gpus: [ 1", [1]),  # broken: the core will say so
    ],
)
def test_gpus_of_a_configuration(text: str, expected: list[int]) -> None:
    assert gpus(text) == expected


def test_gpus_that_no_worker_has(tmp_path: Path) -> None:
    for model, numbers in (("good", "[0]"), ("bad", "[ 0, 2, 1 ]"), ("other", "[ 3 ]")):
        folder = tmp_path / model
        folder.mkdir()
        (folder / "config.pbtxt").write_text(f"instance_group [ {{ gpus: {numbers} }} ]")
    (problem,) = check_gpus([str(tmp_path), "s3://bucket"], ["good", "bad", "none"])
    assert str(problem).startswith(f"model 'bad': {tmp_path}/bad/config.pbtxt: ")
    assert "names GPU 1, 2, but each worker has one GPU" in str(problem)


@pytest.mark.parametrize("name", ["my model", "it's", "$HOME", "m;n", "modèle", "a\tb", "(m)"])
def test_paths_that_a_shell_would_take_apart(tmp_path: Path, name: str) -> None:
    """The Python backend starts its processes by one, unquoted; they would end at once."""
    for model in (name, "plain-1.0_x", "other"):
        (tmp_path / model / "1").mkdir(parents=True)
    for model in (name, "plain-1.0_x"):
        (tmp_path / model / "1" / "model.py").touch()
    (problem,) = check_paths([str(tmp_path), "s3://a b"], [name, "plain-1.0_x", "other", name])
    assert problem.model == name
    assert "the Python backend cannot use a path with" in str(problem)
    (tmp_path / name / "1" / "model.py").rename(tmp_path / name / "1" / "model.onnx")
    assert check_paths([str(tmp_path)], [name]) == []
