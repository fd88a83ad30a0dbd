"""Model: one version of a model of a server."""

from __future__ import annotations

import json
from typing import Any

from .. import _native
from .enums import ModelBatchFlag, ModelTxnPropertyFlag
from .iterators import AsyncResponseIterator, ResponseIterator
from .request import InferenceRequest, build

__all__ = ["Model"]


class Model:
    """Made by `Server.model` and `Server.models`.

    `version` -1 is the model's version policy. `state` and `reason` are those of the model index
    when the object was made, None where unknown. It keeps the server's memory, not the server
    running.
    """

    def __init__(
        self,
        server: _native.Server,
        name: str,
        version: int = -1,
        state: str | None = None,
        reason: str | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.state = state
        self.reason = reason
        self._server = server

    def create_request(self, **kwargs: Any) -> InferenceRequest:
        """An `InferenceRequest` for this model; takes its other fields as keywords."""
        kwargs.pop("model", None)
        return InferenceRequest(model=self, **kwargs)

    def infer(
        self,
        inference_request: InferenceRequest | None = None,
        raise_on_error: bool = True,
        **kwargs: Any,
    ) -> ResponseIterator:
        """Send a request now and iterate over its responses.

        `inference_request`: a request, whose own model is used; without one the keywords make it.
        Raises for a request that the core refuses. An inference that fails raises from the
        iterator, or is a response with `error` set if `raise_on_error` is false.
        """
        return ResponseIterator(*self._send(inference_request, kwargs), raise_on_error)

    def async_infer(
        self,
        inference_request: InferenceRequest | None = None,
        raise_on_error: bool = True,
        **kwargs: Any,
    ) -> AsyncResponseIterator:
        """As `infer`, for asyncio: a plain function whose result is used with `async for`."""
        return AsyncResponseIterator(*self._send(inference_request, kwargs), raise_on_error)

    def metadata(self) -> dict[str, Any]:
        """Name, versions, platform, inputs and outputs, as in the KServe protocol."""
        return _parse(self._server.model_metadata(self.name, self.version))

    def config(self, config_version: int = 1) -> dict[str, Any]:
        """The model configuration; the only `config_version` is 1."""
        return _parse(self._server.model_config(self.name, self.version, config_version))

    def statistics(self) -> dict[str, Any]:
        """Counts and durations in nanoseconds, as in Triton's statistics extension."""
        return _parse(self._server.model_statistics(self.name, self.version))

    def ready(self) -> bool:
        """Whether it can be used now; False for a model that does not exist."""
        return self._server.model_ready(self.name, self.version)

    def batch_properties(self) -> ModelBatchFlag:
        """Whether the first dimension of every tensor is the batch."""
        batched = self._server.model_traits(self.name, self.version)[1]
        return ModelBatchFlag.FIRST_DIM if batched else ModelBatchFlag.UNKNOWN

    def transaction_properties(self) -> ModelTxnPropertyFlag:
        """Whether a request has exactly one response."""
        decoupled = self._server.model_traits(self.name, self.version)[0]
        return ModelTxnPropertyFlag.DECOUPLED if decoupled else ModelTxnPropertyFlag.ONE_TO_ONE

    def _send(
        self, request: InferenceRequest | None, kwargs: dict[str, Any]
    ) -> tuple[InferenceRequest, _native.ResponseQueue, _native.Cancellation]:
        if request is None:
            request = self.create_request(**kwargs)
        responses = _native.ResponseQueue()
        return request, responses, build(request).send(responses)

    def __repr__(self) -> str:
        return repr({"name": self.name, "version": self.version, "state": self.state})


def _parse(text: str) -> dict[str, Any]:
    return json.loads(text)  # type: ignore[no-any-return]
