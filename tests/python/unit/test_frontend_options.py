"""Option classes of the frontends: NVIDIA's names and defaults, checked on construction."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tritonfrontend import InvalidArgumentError, KServeGrpc, KServeHttp, Metrics

NVIDIA_DEFAULTS: list[tuple[Any, dict[str, Any]]] = [
    (
        KServeHttp,
        {
            "address": "0.0.0.0",
            "port": 8000,
            "reuse_port": False,
            "thread_count": 8,
            "header_forward_pattern": "",
        },
    ),
    (Metrics, {"address": "0.0.0.0", "port": 8002, "thread_count": 1}),
    (
        KServeGrpc,
        {
            "address": "0.0.0.0",
            "port": 8001,
            "reuse_port": False,
            "use_ssl": False,
            "server_cert": "",
            "server_key": "",
            "root_cert": "",
            "use_mutual_auth": False,
            "keepalive_time_ms": 7200000,
            "keepalive_timeout_ms": 20000,
            "keepalive_permit_without_calls": False,
            "http2_max_pings_without_data": 2,
            "http2_min_recv_ping_interval_without_data_ms": 300000,
            "http2_max_ping_strikes": 2,
            "max_connection_age_ms": 0,
            "max_connection_age_grace_ms": 0,
            "infer_compression_level": 0,
            "infer_thread_count": 2,
            "infer_allocation_pool_size": 8,
            "max_response_pool_size": 2147483647,
            "forward_header_pattern": "",
        },
    ),
]


@pytest.mark.parametrize(("frontend", "expected"), NVIDIA_DEFAULTS)
def test_names_order_and_defaults(frontend: Any, expected: dict[str, Any]) -> None:
    options = frontend.Options()
    positional = [field.name for field in dataclasses.fields(options) if not field.kw_only]
    assert positional[: len(expected)] == list(expected)
    assert {name: getattr(options, name) for name in expected} == expected


@pytest.mark.parametrize("frontend", [KServeHttp, KServeGrpc, Metrics])
def test_own_fields(frontend: Any) -> None:
    options = frontend.Options()
    assert options.fd is None
    assert frontend.Options(fd=3).fd == 3
    assert frontend.Server is frontend


@pytest.mark.parametrize(
    ("frontend", "field", "value"),
    [
        (KServeHttp, "port", -1),
        (KServeHttp, "port", 65536),
        (KServeHttp, "port", "http"),
        (KServeHttp, "port", 80.5),
        (KServeHttp, "port", True),
        (KServeHttp, "port", None),
        (KServeHttp, "thread_count", 0),
        (KServeHttp, "address", 1),
        (KServeHttp, "address", "a\0b"),
        (KServeHttp, "reuse_port", "maybe"),
        (KServeHttp, "reuse_port", 2),
        (KServeHttp, "header_forward_pattern", 10),
        (KServeHttp, "max_input_size", 0),
        (KServeHttp, "fd", -1),
        (KServeHttp, "restricted_api", "health:key=value"),
        (KServeHttp, "restricted_api", [1]),
        (KServeHttp, "cors_allow_origins", "*"),
        (KServeHttp, "max_connections", 0),
        (KServeHttp, "max_inflight_bytes", -1),
        (KServeHttp, "compression_level", 10),
        (KServeHttp, "access_log", None),
        (KServeHttp, "server_cert", "chain.pem"),  # without use_ssl
        (KServeHttp, "use_mutual_auth", True),
        (Metrics, "server_key", "key.pem"),
        (Metrics, "header_timeout_ms", -1),
        (Metrics, "tls_min_version", "1.1"),
        (KServeGrpc, "infer_thread_count", 0),
        (KServeGrpc, "max_response_pool_size", 0),
        (KServeGrpc, "infer_compression_level", 99),
        (KServeGrpc, "infer_compression_level", KServeGrpc.Grpc_compression_level.COUNT),
        (KServeGrpc, "keepalive_time_ms", -1),
        (KServeGrpc, "http2_max_ping_strikes", 2**31),
        (Metrics, "thread_count", -3),
        (Metrics, "port", 1 << 20),
    ],
)
def test_bad_value_names_the_field(frontend: Any, field: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"Options\.{field}\b") as caught:
        frontend.Options(**{field: value})
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("port", "8080", 8080),
        ("port", 8080.0, 8080),
        ("reuse_port", "yes", True),
        ("reuse_port", 0, False),
        ("reuse_port", " OFF ", False),
    ],
)
def test_lossless_conversions(field: str, given: object, kept: object) -> None:
    value = getattr(KServeHttp.Options(**{field: given}), field)  # type: ignore[arg-type]
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "server_cert"),
        ({"server_cert": "chain.pem"}, "server_key"),
        ({"server_cert": "c", "server_key": "k", "use_mutual_auth": True}, "root_cert"),
    ],
)
def test_incomplete_tls(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"Options\.{named}: "):
        KServeHttp.Options(use_ssl=True, **fields)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("header_forward_pattern", "a(b", r"a\(b"),
        ("restricted_api", ["secrets:key=value"], "unknown restricted api 'secrets'"),
        ("restricted_api", ["health:a=b", "health:c=d"], "multiple config groups"),
        ("restricted_api", ["health"], "health"),
    ],
)
def test_what_the_native_side_refuses(field: str, value: Any, text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        KServeHttp.Options(**{field: value})


def test_lists_are_copied() -> None:
    rules = ["health:key=value"]
    options = KServeHttp.Options(restricted_api=rules)
    rules.clear()
    assert options.restricted_api == ["health:key=value"]
    assert KServeHttp.Options().restricted_api is not KServeHttp.Options().restricted_api


def test_compression_enum_becomes_its_number() -> None:
    level = KServeGrpc.Options(
        infer_compression_level=KServeGrpc.Grpc_compression_level.MED
    ).infer_compression_level
    assert level == 2
    assert type(level) is int


def test_positional_arguments_and_unknown_names() -> None:
    assert KServeHttp.Options("127.0.0.1", 9000).port == 9000
    with pytest.raises(TypeError, match="prot"):
        KServeHttp.Options(prot=1)  # type: ignore[call-arg]


def test_later_assignment_is_checked_when_used() -> None:
    options = KServeHttp.Options()
    options.port = 70000
    with pytest.raises(InvalidArgumentError, match=r"KServeHttp\.Options\.port"):
        options.as_dict()


@pytest.mark.parametrize("frontend", [KServeHttp, KServeGrpc, Metrics])
def test_wrong_options_class(frontend: Any) -> None:
    with pytest.raises(
        InvalidArgumentError,
        match=rf"options argument must be of type {frontend.__name__}\.Options",
    ):
        frontend(object(), {"port": 1})


@pytest.mark.parametrize("server", [None, 5, object()])
def test_not_a_server(server: object) -> None:
    with pytest.raises(InvalidArgumentError, match="server: expected a started"):
        KServeHttp(server)


@pytest.mark.parametrize("address", [0, None, "x"])
def test_foreign_server_with_a_bad_address(address: object) -> None:
    class Foreign:
        def _ptr(self) -> object:
            return address

    with pytest.raises(InvalidArgumentError, match=r"_ptr\(\)"):
        KServeHttp(Foreign())
