"""gRPC: ModelConfig is, field by field, what protobuf makes of the core's own text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from calls import outcome, stub
from google.protobuf import json_format
from helpers.models import Model, Tensor, identity, write_repository
from rawhttp import call
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc import service_pb2 as pb

if TYPE_CHECKING:
    pass

LOCAL = "127.0.0.1"
OPTIMIZATION = """
optimization {
  graph { level: -1 } priority: PRIORITY_MIN eager_batching: true gather_kernel_buffer_threshold: 7
  input_pinned_memory { enable: false } output_pinned_memory { enable: true }
  cuda {
    graphs: true busy_wait_events: true output_copy_stream: true
    graph_spec {
      batch_size: 2
      input { key: "INPUT0" value { dim: [ 9007199254740993 ] } }
      graph_lower_bound { batch_size: 1 input { key: "INPUT0" value { dim: [ 1, 2 ] } } }
    }
  }
  execution_accelerators {
    cpu_execution_accelerator { name: "any" parameters { key: "k" value: "v" } }
    gpu_execution_accelerator { name: "\\303\\244" }
  }
}
metric_tags { key: "team" value: "vision" }
cc_model_filenames { key: "8.0" value: "model.bin" }
default_model_filename: "model.bin"
response_cache { enable: false }
model_operations { op_library_filename: [ "a.so", "b.so" ] }
version_policy { specific { versions: [ 1, 3 ] } }
instance_group {
  name: "two" count: 2 kind: KIND_CPU host_policy: "here" passive: false
  rate_limiter { resources { name: "r" global: true count: 3 } priority: 4 }
}
model_warmup {
  name: "zeros" batch_size: 1 count: 1
  inputs { key: "INPUT0" value { data_type: TYPE_FP32 dims: 4 zero_data: true } }
}
"""
BATCHING = """
dynamic_batching {
  preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 5 preserve_ordering: false
  priority_levels: 2 default_priority_level: 1
  default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 9 }
  priority_queue_policy {
    key: 2 value { allow_timeout_override: true max_queue_size: 8 timeout_action: REJECT }
  }
}
"""
SEQUENCE = """
sequence_batching {
  max_sequence_idle_microseconds: 5000000
  control_input {
    name: "START"
    control { kind: CONTROL_SEQUENCE_START fp32_false_true: [ 0, 1 ] }
  }
  control_input {
    name: "READY"
    control { kind: CONTROL_SEQUENCE_READY int32_false_true: [ 0, 1 ] }
  }
  control_input {
    name: "CORRID"
    control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 }
  }
  state {
    input_name: "STATE_IN" output_name: "STATE_OUT" data_type: TYPE_FP32 dims: [ 2 ]
    initial_state { name: "zero" data_type: TYPE_FP32 dims: [ 2 ] zero_data: true }
  }
  oldest {
    max_candidate_sequences: 3 preferred_batch_size: [ 2 ] max_queue_delay_microseconds: 1
  }
}
"""
DIRECT = """
sequence_batching { direct { max_queue_delay_microseconds: 1 minimum_slot_utilization: 0.3 } }
"""
RESHAPED = """
input [
  { name: "IMAGE" data_type: TYPE_UINT8 format: FORMAT_NHWC dims: [ 2, 2, 3 ]
    reshape { shape: [ 12 ] } optional: true }
]
batch_input {
  kind: BATCH_ELEMENT_COUNT target_name: "COUNT" data_type: TYPE_FP32 source_input: "INPUT0"
}
"""
ENSEMBLE = """
name: "chain"
platform: "ensemble"
input { name: "INPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
ensemble_scheduling {
  step {
    model_name: "plain" model_version: -1
    input_map { key: "INPUT0" value: "INPUT0" } output_map { key: "OUTPUT0" value: "middle" }
  }
  step {
    model_name: "plain" model_version: 1
    input_map { key: "INPUT0" value: "middle" } output_map { key: "OUTPUT0" value: "OUTPUT0" }
  }
}
"""


def rich_models() -> list[Model]:
    fixed = ([Tensor("INPUT0", "FP32", (4,))], [Tensor("OUTPUT0", "FP32", (4,))])
    return [
        identity("FP32", name="plain"),
        Model("tuned", "identity", *fixed, extra=OPTIMIZATION, versions=(1, 3)),
        Model("batching", "identity", *fixed, max_batch_size=4, extra=BATCHING),
        Model("sequences", "identity", *fixed, max_batch_size=4, extra=SEQUENCE),
        Model("direct", "identity", *fixed, max_batch_size=1, extra=DIRECT),
        Model("reshaped", "identity", *fixed, max_batch_size=2, extra=RESHAPED),
        Model("unset", "identity", *fixed, extra="model_transaction_policy {} version_policy {}"),
        Model(
            "decoupled",
            "repeat",
            [Tensor("INPUT0", "FP32")],
            [Tensor("OUTPUT0", "FP32"), Tensor("INDEX", "INT32", (1,))],
            extra="model_transaction_policy { decoupled: true }",
        ),
    ]


@pytest.fixture(scope="module")
def ports(
    tmp_path_factory: pytest.TempPathFactory, backends_dir: Path
) -> Iterator[tuple[int, int]]:
    """HTTP and gRPC port of a server whose models set what there is to set."""
    from tritonfrontend import KServeGrpc, KServeHttp
    from tritonfrontend.inprocess import Server

    repository = write_repository(tmp_path_factory.mktemp("rich"), rich_models())
    (repository / "chain" / "1").mkdir(parents=True)
    (repository / "chain" / "config.pbtxt").write_text(ENSEMBLE)
    stopped = Server(model_repository=str(repository), log_error=True)
    with (
        stopped.start(wait_until_ready=True, timeout=60) as server,
        KServeHttp(server, KServeHttp.Options(address=LOCAL, port=0)) as http,
        KServeGrpc(server, KServeGrpc.Options(address=LOCAL, port=0)) as rpc,
    ):
        yield http.port, rpc.port


def core_config(http_port: int, model: str) -> Any:
    """What protobuf's own JSON reader makes of the core's text."""
    text = call(http_port, "GET", f"/v2/models/{model}/config").body
    return json_format.Parse(text, model_config_pb2.ModelConfig(), ignore_unknown_fields=True)


def models_of(made: Any) -> list[str]:
    index = made.RepositoryIndex(pb.RepositoryIndexRequest(ready=True))
    return sorted({model.name for model in index.models})


def same_configs(http_port: int, grpc_port: int) -> list[str]:
    """Compares all models; their names."""
    with stub(grpc_port) as made:
        names = models_of(made)
        for name in names:
            got = made.ModelConfig(pb.ModelConfigRequest(name=name))
            assert got.HasField("config")
            assert got.config == core_config(http_port, name), name
    return names


def test_models_of_every_kind(ports: tuple[int, int]) -> None:
    names = same_configs(*ports)
    assert set(names) == {model.name for model in rich_models()} | {"chain"}


def test_the_models_of_the_tests(http_port: int, grpc_port: int) -> None:
    assert len(same_configs(http_port, grpc_port)) > 20


def test_the_examples() -> None:
    from tritonfrontend import KServeGrpc, KServeHttp
    from tritonfrontend.inprocess import Server

    repository = Path(__file__).resolve().parents[3] / "examples" / "models"
    stopped = Server(model_repository=str(repository), log_error=True)
    with (
        stopped.start(wait_until_ready=True, timeout=60) as server,
        KServeHttp(server, KServeHttp.Options(address=LOCAL, port=0)) as http,
        KServeGrpc(server, KServeGrpc.Options(address=LOCAL, port=0)) as rpc,
    ):
        assert same_configs(http.port, rpc.port)


def test_what_the_core_writes_as_text(ports: tuple[int, int]) -> None:
    """64-bit numbers that are strings in the core's JSON, presence of members, map keys."""
    with stub(ports[1]) as made:

        def config(name: str) -> Any:
            return made.ModelConfig(pb.ModelConfigRequest(name=name)).config

        (spec,) = config("tuned").optimization.cuda.graph_spec
        assert list(spec.input["INPUT0"].dim) == [9007199254740993]
        (initial,) = config("sequences").sequence_batching.state[0].initial_state
        assert list(initial.dims) == [2]
        assert initial.WhichOneof("state_data") == "zero_data"
        policies = config("batching").dynamic_batching.priority_queue_policy
        assert policies[2].max_queue_size == 8
        assert config("tuned").HasField("response_cache")
        assert not config("plain").HasField("response_cache")
        assert config("chain").WhichOneof("scheduling_choice") == "ensemble_scheduling"


@pytest.mark.parametrize(
    ("name", "version", "code", "text"),
    [
        ("nope", "", "NOT_FOUND", "Request for unknown model: 'nope' is not found"),
        ("", "", "NOT_FOUND", "Request for unknown model: '' is not found"),
        (
            "identity_fp32",
            "9",
            "NOT_FOUND",
            "Request for unknown model: 'identity_fp32' version 9 is not found",
        ),
        ("identity_fp32\0x", "", "INVALID_ARGUMENT", "name must not contain a NUL byte"),
        (
            "identity_fp32",
            "-1",
            "INVALID_ARGUMENT",
            "invalid model version specified '-1' , version should be an integral value > 0",
        ),
    ],
)
def test_models_that_are_not_there(
    triton_stub: Any, name: str, version: str, code: str, text: str
) -> None:
    request = pb.ModelConfigRequest(name=name, version=version)
    assert outcome(lambda: triton_stub.ModelConfig(request)) == (code, text)


def test_through_the_client(grpc_client: Any) -> None:
    got = grpc_client.get_model_config("identity_batch", as_json=True)["config"]
    assert got["max_batch_size"] == 8
    assert got["input"][0]["dims"] == ["-1"]
