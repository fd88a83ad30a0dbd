"""Models that only the integration tests use, beside ``helpers.models.standard_models``."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.models import Model, Tensor, identity

LABELS = ("apple", "banana", "cherry")


@dataclass(frozen=True)
class LabelledTensor(Tensor):
    """An output whose first classes have names."""

    def text(self) -> str:
        return super().text()[:-1] + 'label_filename: "1/labels.txt" }'


def _labelled(name: str, dims: tuple[int, ...], batch: int = 0) -> Model:
    return Model(
        name,
        "identity",
        [Tensor("INPUT0", "FP32", dims)],
        [LabelledTensor("OUTPUT0", "FP32", dims)],
        max_batch_size=batch,
        files={"labels.txt": "\n".join(LABELS) + "\n"},
    )


def extra_models() -> list[Model]:
    """The models that a server of these tests has at its start.

    ==================  =====================================================================
    ``labels``          FP32 of any shape, classes 0-2 are called as in ``LABELS``
    ``labels_batch``    the same, max_batch_size 4
    ``fixed``           FP32, dims [4]: for raw requests and size checks
    ``two_free``        FP32, dims [-1, 4, -1]
    ``one_text``        BYTES, dims [1]
    ``sequence``        FP32, dims [1], takes part in sequences
    ``spare``           for load and unload
    ==================  =====================================================================
    """
    free = ([Tensor("INPUT0", "FP32", (-1, 4, -1))], [Tensor("OUTPUT0", "FP32", (-1, 4, -1))])
    fixed = ([Tensor("INPUT0", "FP32", (4,))], [Tensor("OUTPUT0", "FP32", (4,))])
    one = ([Tensor("INPUT0", "FP32", (1,))], [Tensor("OUTPUT0", "FP32", (1,))])
    text = ([Tensor("INPUT0", "BYTES", (1,))], [Tensor("OUTPUT0", "BYTES", (1,))])
    echo = {"echo": "true"}
    return [
        _labelled("labels", (-1,)),
        _labelled("labels_batch", (-1,), batch=4),
        Model("fixed", "identity", *fixed),
        Model("two_free", "identity", *free),
        Model("one_text", "identity", *text),
        Model(
            "sequence",
            "identity",
            *one,
            parameters=echo,
            max_batch_size=1,
            extra="sequence_batching { max_sequence_idle_microseconds: 60000000 }",
        ),
        identity("FP32", name="spare"),
    ]


def queued_model() -> Model:
    """``delay_queued``: ``delay`` with one instance and the queue of the dynamic batcher."""
    tensors = ([Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])
    return Model("delay_queued", "delay", *tensors, extra="dynamic_batching { }")


def broken_model() -> Model:
    """``broken``: its load fails with a text of its own."""
    return identity("FP32", name="broken", parameters={"load_error": "broken on purpose"})


def device_model() -> Model:
    """``device``: an identity that says which memory it was given, see tests/backends/device.cc."""
    return Model("device", "device", [Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])
