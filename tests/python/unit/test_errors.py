"""Exception classes: names, families and module as in NVIDIA's package."""

from __future__ import annotations

import pickle

import pytest

import tritonserver
from tritonfrontend import errors

NVIDIA_NAMES = (
    "AlreadyExistsError",
    "InternalError",
    "InvalidArgumentError",
    "NotFoundError",
    "UnavailableError",
    "UnknownError",
    "UnsupportedError",
)


@pytest.mark.parametrize("name", NVIDIA_NAMES)
def test_classes(name: str) -> None:
    kind = getattr(errors, name)
    assert errors.TritonError in kind.__bases__
    assert kind.__module__ == "tritonserver"
    assert getattr(tritonserver, name) is kind
    assert type(pickle.loads(pickle.dumps(kind("text")))) is kind


def test_additions_are_compatible() -> None:
    assert issubclass(errors.InvalidArgumentError, ValueError)
    assert issubclass(errors.InvalidTypeError, (errors.InvalidArgumentError, TypeError))
    assert issubclass(errors.CancelledError, errors.UnknownError)
    assert issubclass(errors.CoreNotFoundError, errors.UnavailableError)
