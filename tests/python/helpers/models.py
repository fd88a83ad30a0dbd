"""Writes Triton model repositories for tests and benchmarks.

A model on one of our C++ backends carries a link to the backend's library in its own folder, where
Triton looks before it looks in the backend directory. Such models and Python models therefore live
in one repository, whatever backend directory the server was given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Every datatype of the protocol with the numpy name of its elements; BF16 has none.
DATATYPES: Mapping[str, str | None] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
    "BF16": None,
}
BACKENDS_VARIABLE = "TRITONFRONTEND_TEST_BACKENDS"


@dataclass(frozen=True)
class Tensor:
    """One input or output of a configuration; -1 is a dimension of any size."""

    name: str
    datatype: str
    dims: tuple[int, ...] = (-1,)

    def text(self) -> str:
        datatype = "STRING" if self.datatype == "BYTES" else self.datatype
        dims = ", ".join(str(dim) for dim in self.dims)
        return f'{{ name: "{self.name}" data_type: TYPE_{datatype} dims: [ {dims} ] }}'


@dataclass(frozen=True)
class Model:
    """What config.pbtxt and the model's folder say.

    ``parameters`` become the knobs of our backends. ``extra`` is appended to the configuration as
    it is. ``files`` maps paths inside version folder 1 to their contents.
    """

    name: str
    backend: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    max_batch_size: int = 0
    parameters: Mapping[str, str] | None = None
    extra: str = ""
    files: Mapping[str, str] | None = None
    versions: Sequence[int] = (1,)

    def config(self) -> str:
        lines = [f'name: "{self.name}"', f'backend: "{self.backend}"']
        lines.append(f"max_batch_size: {self.max_batch_size}")
        lines += [f"input {tensor.text()}" for tensor in self.inputs]
        lines += [f"output {tensor.text()}" for tensor in self.outputs]
        for key, value in (self.parameters or {}).items():
            lines.append(f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}')
        lines.append(self.extra)
        return "\n".join(lines) + "\n"


def backends_directory() -> Path:
    """The folder that holds ``<name>/libtriton_<name>.so`` of our test backends.

    Raises:
        RuntimeError: the environment does not name a folder that holds them.
    """
    value = os.environ.get(BACKENDS_VARIABLE, "")
    if not (Path(value) / "identity" / "libtriton_identity.so").is_file():
        raise RuntimeError(
            f"{BACKENDS_VARIABLE} must name the folder of the test backends, got {value!r}: "
            "`make test` builds them and sets it"
        )
    return Path(value)


def write_model(repository: Path, model: Model) -> Path:
    """Creates the model's folder in ``repository`` and returns it."""
    folder = repository / model.name
    for version in model.versions:
        (folder / str(version)).mkdir(parents=True)
    for name, text in (model.files or {}).items():
        (folder / "1" / name).write_text(text)
    if model.backend != "python":
        library = f"libtriton_{model.backend}.so"
        (folder / library).symlink_to(backends_directory() / model.backend / library)
    # Last, so that a server that polls the repository never sees half a model.
    (folder / "config.pbtxt").write_text(model.config())
    return folder


def identity(datatype: str, *, name: str | None = None, **changes: object) -> Model:
    """``identity_<datatype>``: OUTPUT0 equals INPUT0, any one-dimensional shape."""
    tensor = ("INPUT0", "OUTPUT0")
    fields: dict[str, object] = {
        "name": name or f"identity_{datatype.lower()}",
        "backend": "identity",
        "inputs": [Tensor(tensor[0], datatype)],
        "outputs": [Tensor(tensor[1], datatype)],
    }
    return Model(**(fields | changes))  # type: ignore[arg-type]


def python_model(
    name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], source: str, extra: str = ""
) -> Model:
    """A model of the python backend; ``source`` is its model.py."""
    return Model(name, "python", inputs, outputs, extra=extra, files={"model.py": source})


_FP32 = ([Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])
_DECOUPLED = "model_transaction_policy { decoupled: true }"
_INDEXED = [Tensor("OUTPUT0", "FP32"), Tensor("INDEX", "INT32", (1,))]


def standard_models() -> list[Model]:
    """The repository that most tests use; needs no Python backend.

    ========================  ===============================================================
    ``identity_<datatype>``   one per datatype, dims [-1]
    ``identity_matrix``       FP32, dims [-1, -1]
    ``identity_two``          INPUT0 FP32 and INPUT1 BYTES, both mirrored
    ``identity_batch``        FP32, max_batch_size 8, dynamic batching
    ``identity_versions``     versions 1 and 3, both served
    ``identity_echo``         answers with the request's parameters and fields as parameters
    ``delay``                 FP32, knob ``delay_ms``; four instances
    ``repeat``                decoupled, knobs of the repeat backend, output INDEX
    ``split``                 one-to-one, but the final flag comes after the response
    ``fail``                  knobs ``error_code``, ``error_message``, ``error_from``
    ========================  ===============================================================
    """
    inputs, outputs = _FP32
    matrix = ([Tensor("INPUT0", "FP32", (-1, -1))], [Tensor("OUTPUT0", "FP32", (-1, -1))])
    two = [Tensor("INPUT0", "FP32"), Tensor("INPUT1", "BYTES")]
    two_out = [Tensor("OUTPUT0", "FP32"), Tensor("OUTPUT1", "BYTES")]
    batching = "dynamic_batching { max_queue_delay_microseconds: 1000 }"
    return [
        *(identity(datatype) for datatype in DATATYPES),
        Model("identity_matrix", "identity", *matrix),
        Model("identity_two", "identity", two, two_out),
        identity("FP32", name="identity_batch", max_batch_size=8, extra=batching),
        identity(
            "FP32", name="identity_versions", versions=(1, 3), extra="version_policy { all {} }"
        ),
        identity("FP32", name="identity_echo", parameters={"echo": "true"}),
        Model(
            "delay", "delay", inputs, outputs, extra="instance_group { count: 4 kind: KIND_CPU }"
        ),
        Model("repeat", "repeat", inputs, _INDEXED, extra=_DECOUPLED),
        Model("split", "split", inputs, outputs),
        Model("fail", "fail", inputs, outputs),
    ]


def dangerous_models() -> list[Model]:
    """``crash`` and ``hang``: only for servers that run in a process of their own."""
    inputs, outputs = _FP32
    return [Model("crash", "crash", inputs, outputs), Model("hang", "hang", inputs, outputs)]


def write_repository(repository: Path, models: Sequence[Model] | None = None) -> Path:
    """Writes ``models`` (default: :func:`standard_models`) and returns ``repository``."""
    repository.mkdir(parents=True, exist_ok=True)
    for model in standard_models() if models is None else models:
        write_model(repository, model)
    return repository
