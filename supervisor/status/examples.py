"""Commands to paste: one `curl` and one `tritonclient` line that work against a loaded model.

Built from the model's own metadata as the worker reports it; pure.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

#: A request of more elements is no line that a person pastes.
MAX_ELEMENTS = 64

_TEXT = "Roger Roger"
_NUMPY = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}


def lines(
    sample: Mapping[str, Any] | None,
    http: tuple[str, int] | None,
    grpc: tuple[str, int] | None,
    python: str = "python",
    tls: bool = False,
) -> list[str]:
    """Up to two commands. `sample`: name, inputs and outputs of a model, or None; `http` and
    `grpc`: (address, port) of the public endpoints, None where there is none; `python`: an
    interpreter that has tritonclient; `tls`: these ports speak TLS, with a certificate that this
    machine need not trust, which takes more than a line in Python.
    """
    inputs = _inputs(sample)
    found = []
    if http is not None:
        found.append(_curl(_url(*http), sample, inputs, tls))
    if tls:
        return found
    if sample is not None and inputs is not None:
        kind, where = ("http", http) if http is not None else ("grpc", grpc)
        if where is not None:
            found.append(f"{shlex.quote(python)} -c {_client(kind, _url(*where), sample, inputs)}")
    return found


def _inputs(sample: Mapping[str, Any] | None) -> list[dict[str, Any]] | None:
    """Inputs of a small request with data, or None if there is no such request."""
    if sample is None:
        return None
    found = []
    for item in sample["inputs"]:
        shape = [max(1, int(size)) for size in item["shape"]]
        datatype = str(item["datatype"])
        if datatype not in _NUMPY or math.prod(shape) > MAX_ELEMENTS:
            return None
        data = [_value(datatype, position) for position in range(math.prod(shape))]
        found.append({"name": item["name"], "shape": shape, "datatype": datatype, "data": data})
    return found or None


def _value(datatype: str, position: int) -> object:
    if datatype == "BYTES":
        return _TEXT
    if datatype == "BOOL":
        return position % 2 == 0
    return float(position) if datatype.startswith("FP") else position


def _curl(
    url: str, sample: Mapping[str, Any] | None, inputs: Sequence[Any] | None, tls: bool
) -> str:
    scheme, unverified = ("https", "k") if tls else ("http", "")
    if sample is None:
        return f"curl -i{unverified} {scheme}://{url}/v2/health/ready"
    model = f"{scheme}://{url}/v2/models/{sample['name']}"
    if inputs is None:
        return f"curl -s{unverified} {shlex.quote(model)}"
    body = json.dumps({"inputs": list(inputs)}, separators=(",", ":"))
    return f"curl -s{unverified} {shlex.quote(model + '/infer')} -d {shlex.quote(body)}"


def _client(kind: str, url: str, sample: Mapping[str, Any], inputs: Sequence[Any]) -> str:
    makers, names = [], []
    for position, item in enumerate(inputs):
        name = f"i{position}"
        names.append(name)
        array = f"np.array({_py(item['data'])},dtype=np.{_dtype(item)}).reshape({item['shape']})"
        make = f"t.InferInput({_py(item['name'])},{item['shape']},{_py(item['datatype'])})"
        makers.append(f"{name}={make};{name}.set_data_from_numpy({array})")
    output = sample["outputs"][0]["name"]
    code = (
        f"import numpy as np,tritonclient.{kind} as t;c=t.InferenceServerClient({_py(url)});"
        f"{';'.join(makers)};"
        f"print(c.infer({_py(sample['name'])},[{','.join(names)}]).as_numpy({_py(output)}))"
    )
    return shlex.quote(code)


def _py(value: object) -> str:
    """Python source of a value, without single quotes: the shell's quoting uses those."""
    if isinstance(value, list):
        return f"[{','.join(map(_py, value))}]"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _dtype(item: Mapping[str, Any]) -> str:
    name = _NUMPY[item["datatype"]]
    return f"{name}_" if name in ("bool", "object") else name


def _url(address: str, port: int) -> str:
    """Something a client on this machine can reach for a listening address."""
    host = {"0.0.0.0": "localhost", "": "localhost", "::": "localhost"}.get(address, address)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
