"""Multi-model mode of the SageMaker frontend over real sockets: /models and what is below it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cloud import VALUES, binary_output, binary_request, json_output, json_request
from helpers.models import Model, Tensor, identity, write_model
from rawhttp import RawHttp, Response, call, chunked, request
from sagemaker_endpoint import MIME, TARGET, Endpoint, explicit_models, frontend, listening
from waiting import until

if TYPE_CHECKING:
    from tritonfrontend import SageMaker
    from tritonfrontend.inprocess import Server

OOM = "CUDA out of memory. Tried to allocate 2.00 GiB"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Iterator[Server]:
    with explicit_models(tmp_path_factory.mktemp("single")) as started:
        yield started


@pytest.fixture
def endpoint(server: Server, tmp_path: Path) -> Iterator[Endpoint]:
    """A frontend of its own per test; its models are unloaded again."""
    root = tmp_path.resolve() / "models"
    root.mkdir()
    with frontend(server, root) as port:
        made = Endpoint(port, root)
        yield made
        for name in made.names():
            assert made.unload(name).status == 200


def test_a_model_comes_and_goes(endpoint: Endpoint) -> None:
    name = endpoint.add("0a1b")
    assert endpoint.names() == []
    answer = endpoint.load(name)
    assert (answer.status, answer.body) == (200, b""), answer.body
    described = {"modelName": name, "modelUrl": str(endpoint.root / name)}
    assert call(endpoint.port, "GET", "/models").json() == {"models": [described]}
    assert call(endpoint.port, "GET", "/models/").json() == {"models": [described]}
    assert call(endpoint.port, "GET", f"/models/{name}").json() == described
    assert json_output(endpoint.invoke(name)) == VALUES.tolist()
    assert call(endpoint.port, "GET", f"/models/{name}/invoke").status == 405
    answer = endpoint.unload(name)
    assert (answer.status, answer.body) == (200, b"")
    for gone in (
        call(endpoint.port, "GET", f"/models/{name}"),
        endpoint.invoke(name),
        endpoint.unload(name),
    ):
        assert (gone.status, gone.error()) == (404, f"model '{name}' is not loaded")


def test_unknown_paths(endpoint: Endpoint) -> None:
    for method, path in (
        ("GET", "/"), ("GET", "/v2"), ("GET", "/modelsfoo"), ("POST", "/models/a/foo")
    ):  # fmt: skip
        answer = call(endpoint.port, method, path, b"")
        assert (answer.status, answer.error()) == (404, "Not Found")
    assert call(endpoint.port, "PUT", "/models", b"").status == 405
    assert call(endpoint.port, "DELETE", "/models").status == 405


def test_models_under_target_names_are_listed(endpoint: Endpoint) -> None:
    target = (TARGET, "houston/net.tar.gz")
    name = endpoint.add("1b2c")
    assert endpoint.load(name, target).status == 200
    assert endpoint.names() == [name]
    answer = endpoint.invoke(name, None, target)
    assert json_output(answer) == VALUES.tolist()
    assert answer.json()["model_name"] == target[1]
    assert endpoint.invoke(name).status == 200
    assert endpoint.invoke(name, None, (TARGET, "other")).status == 400


def test_binary_both_ways(endpoint: Endpoint) -> None:
    name = endpoint.add("2c3d")
    assert endpoint.load(name).status == 200
    body, size = binary_request()
    answer = endpoint.invoke(name, body, ("Content-Type", f"{MIME}{size}"))
    kind = answer.header("content-type") or ""
    assert binary_output(answer, int(kind.removeprefix(MIME))).tolist() == VALUES.tolist()


def test_a_second_load_conflicts(endpoint: Endpoint) -> None:
    name = endpoint.add("3d4e")
    assert endpoint.load(name).status == 200
    assert (endpoint.load(name).status, endpoint.load(name).error()) == (
        409,
        f"model '{name}' is already loaded",
    )
    other = endpoint.add("3d4f")
    assert endpoint.load(other, (TARGET, name)).status == 409
    assert endpoint.load("another", url=endpoint.url(name)).status == 409
    assert endpoint.names() == [name]


def test_out_of_memory_is_507(endpoint: Endpoint) -> None:
    name = endpoint.add("4e5f", parameters={"load_error": OOM})
    answer = endpoint.load(name)
    assert answer.status == 507
    assert OOM in answer.error()
    failing = endpoint.add("4e60", backend="fail")
    assert endpoint.load(failing).status == 200
    answer = endpoint.invoke(failing, json_request(error_message=OOM))
    assert (answer.status, answer.error()) == (507, OOM)


def test_failures_are_400(endpoint: Endpoint) -> None:
    name = endpoint.add("5f60", parameters={"load_error": "broken on purpose"})
    answer = endpoint.load(name)
    assert (answer.status, "broken on purpose" in answer.error()) == (400, True)
    failing = endpoint.add("5f61", backend="fail")
    assert endpoint.load(failing).status == 200
    for code in range(8):
        assert endpoint.invoke(failing, json_request(error_code=code)).status == 400
    assert endpoint.invoke(failing, b"{").status == 400
    # A load that failed can be tried again.
    folder = endpoint.root / name
    config = folder / "model" / "config.pbtxt"
    config.write_text(identity("FP32", name="model").config())
    assert endpoint.load(name).status == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "failed to parse the request JSON buffer: The document is empty. at 0"),
        (b"?", "failed to parse the request JSON buffer: Invalid value. at 0"),
        (b"[]", "attempt to get members for non-object"),
        (
            b'{"model_name":"m"}',
            "Unable to parse 'url': attempt to access non-existing object member 'url'",
        ),
        (
            b'{"model_name":"m","url":{}}',
            "Unable to parse 'url': attempt to access JSON non-string as string",
        ),
        (
            b'{"url":"/x"}',
            "Unable to parse 'model_name': attempt to access non-existing object member "
            "'model_name'",
        ),
    ],
)
def test_bad_load_bodies(endpoint: Endpoint, body: bytes, text: str) -> None:
    answer = call(endpoint.port, "POST", "/models", body)
    assert (answer.status, answer.error()) == (400, text)
    assert call(endpoint.port, "GET", "/ping").status == 200


@pytest.mark.parametrize(
    "url", ["", ".", "/", "/dev/null", "/proc/self", "/sys", "/etc", "../../etc", "a" * 4096]
)
def test_urls_elsewhere_are_refused(endpoint: Endpoint, url: str) -> None:
    answer = endpoint.load("m", url=url)
    assert answer.status == 400
    assert answer.error() == (
        f"Invalid \"url\" '{url}': expected a path of the form "
        f"{endpoint.root}/<hash>/model[/<subdir>]"
    )
    assert call(endpoint.port, "GET", "/ping").status == 200
    assert endpoint.names() == []


def test_urls_longer_than_any_path_are_refused(endpoint: Endpoint) -> None:
    answer = endpoint.load("m", url="a" * 4097)
    assert (answer.status, answer.error()) == (
        400,
        'Invalid "url" of 4097 bytes: expected at most 4096',
    )
    assert endpoint.names() == []


def test_links_and_dots_do_not_leave_the_root(endpoint: Endpoint, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_model(outside, identity("FP32", name="model"))
    (endpoint.root / "link").mkdir()
    (endpoint.root / "link" / "model").symlink_to(outside / "model")
    for url in (endpoint.url("link"), f"{endpoint.url('link')}/../../../outside/model"):
        answer = endpoint.load("link", url=url)
        assert answer.status == 400
        assert answer.error().startswith('Invalid "url" ')


def ensemble(name: str, step: str) -> Model:
    mapping = (
        f'ensemble_scheduling {{ step {{ model_name: "{step}" model_version: -1 '
        'input_map { key: "INPUT0" value: "INPUT0" } '
        'output_map { key: "OUTPUT0" value: "OUTPUT0" } } }\nplatform: "ensemble"'
    )
    tensors = ([Tensor("INPUT0", "FP32")], [Tensor("OUTPUT0", "FP32")])
    return Model(name, "python", *tensors, extra=mapping)


def write_ensemble(folder: Path, name: str, step: str) -> None:
    model = ensemble(name, step)
    (folder / name / "1").mkdir(parents=True)
    text = model.config().replace('backend: "python"\n', "")
    (folder / name / "config.pbtxt").write_text(text)


def test_the_ensemble_of_a_folder_is_loaded(endpoint: Endpoint) -> None:
    folder = endpoint.root / "6a7b" / "model"
    write_model(folder, identity("FP32", name="inner"))
    write_model(folder, identity("FP32", name="z_unused"))
    write_ensemble(folder, "joined", "inner")
    assert endpoint.load("6a7b").status == 200
    described = call(endpoint.port, "GET", "/models/6a7b").json()
    assert described == {"modelName": "6a7b", "modelUrl": str(folder)}
    assert json_output(endpoint.invoke("6a7b")) == VALUES.tolist()
    assert endpoint.unload("6a7b").status == 200
    assert endpoint.load("6a7b").status == 200


def test_several_models_in_a_folder_are_named(endpoint: Endpoint) -> None:
    folder = endpoint.root / "7b8c" / "model"
    write_model(folder, identity("FP32", name="two"))
    write_model(folder, identity("FP32", name="one"))
    answer = endpoint.load("7b8c")
    assert (answer.status, answer.error()) == (
        400,
        f"Invalid \"url\" '{folder}': expected one model or one ensemble, "
        "found the models 'one', 'two'",
    )
    assert endpoint.load("7b8c", url=f"{folder}/one").status == 200


def statuses(tasks: list[Callable[[], Response]]) -> list[int]:
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [answer.status for answer in pool.map(lambda task: task(), tasks)]


def test_one_of_many_loads_wins(endpoint: Endpoint) -> None:
    name = endpoint.add("8c9d")
    codes = statuses([lambda: endpoint.load(name) for _ in range(8)])
    assert sorted(codes) == [200] + [409] * 7
    codes = statuses([lambda: endpoint.unload(name) for _ in range(8)])
    # Those that came before its end waited for it.
    assert set(codes) <= {200, 404}
    assert codes.count(200) >= 1
    assert endpoint.names() == []


def wait_until_submitted(started: SageMaker) -> None:
    """The core has the one request: the frontend's only loop has gone on to another client."""
    until(lambda: started.statistics()["in_flight"] == 1, "the request has come")
    assert call(started.port, "GET", "/ping").status == 200


def test_models_do_not_wait_for_each_other(server: Server, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    with listening(server, root, thread_count=1) as started, ThreadPoolExecutor(1) as pool:
        endpoint = Endpoint(started.port, root)
        slow = endpoint.add("9d0e", backend="delay")
        quick = endpoint.add("9d0f")
        assert endpoint.load(slow).status == 200
        with RawHttp(endpoint.port) as busy:
            busy.send(request("POST", f"/models/{slow}/invoke", json_request(delay_ms=60_000)))
            wait_until_submitted(started)
            unloading = pool.submit(endpoint.unload, slow)
            until(lambda: slow not in endpoint.names(), "the unload has begun")
            assert endpoint.load(quick).status == 200
            assert json_output(endpoint.invoke(quick)) == VALUES.tolist()
            assert endpoint.unload(quick).status == 200
            assert endpoint.load(slow).status == 409
            assert endpoint.invoke(slow).status == 404
            assert not unloading.done()
        # The client is gone, its inference cancelled.
        assert unloading.result().status == 200
        assert endpoint.load(slow).status == 200
        assert endpoint.unload(slow).status == 200


def test_an_unload_that_takes_too_long(server: Server, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    with listening(server, root, thread_count=1, unload_timeout_s=0) as started:
        endpoint = Endpoint(started.port, root)
        slow = endpoint.add("9d10", backend="delay")
        assert endpoint.load(slow).status == 200
        with RawHttp(endpoint.port) as busy:
            busy.send(request("POST", f"/models/{slow}/invoke", json_request(delay_ms=60_000)))
            wait_until_submitted(started)
            answer = endpoint.unload(slow)
            assert (answer.status, answer.error()) == (
                504,
                f"model '{slow}' is still being unloaded: requests are in flight",
            )
        until(lambda: endpoint.unload(slow).status == 404, "the unload went on")


def test_many_models_at_once(endpoint: Endpoint) -> None:
    names = [endpoint.add(f"aa{index}") for index in range(6)]

    def live(name: str) -> list[int]:
        codes = [endpoint.load(name).status]
        codes += [endpoint.invoke(name).status for _ in range(5)]
        codes.append(endpoint.unload(name).status)
        return codes

    with ThreadPoolExecutor(len(names)) as pool:
        for _ in range(2):
            assert list(pool.map(live, names)) == [[200] * 7] * len(names)
    assert endpoint.names() == []


def test_a_load_in_many_chunks(endpoint: Endpoint) -> None:
    name = endpoint.add("ab01")
    body = json.dumps({"model_name": name, "url": endpoint.url(name)}).encode()
    head = request("POST", "/models", None, [("Transfer-Encoding", "chunked")])
    with RawHttp(endpoint.port) as connection:
        answer = connection.roundtrip(head + chunked([bytes([byte]) for byte in body]))
    assert answer.status == 200, answer.body


def test_a_load_too_large(server: Server, tmp_path: Path) -> None:
    with frontend(server, tmp_path, max_input_size=64) as port:
        answer = call(port, "POST", "/models", b" " * 65)
        assert answer.status == 400
        assert "exceeds the maximum allowed input size of 64 bytes" in answer.error()


def test_restricted_groups(server: Server, tmp_path: Path) -> None:
    rules = ["inference:infer-key=i", "model-repository:repo-key=r", "health:health-key=h"]
    root = tmp_path.resolve()
    with frontend(server, root, restricted_api=rules) as port:
        endpoint = Endpoint(port, root)
        name = endpoint.add("bc12")
        infer, repo = ("Infer-Key", "i"), ("Repo-Key", "r")
        denied = endpoint.load(name)
        assert denied.status == 403
        assert denied.error() == "This API is restricted, expecting header 'repo-key'"
        assert endpoint.load(name, repo).status == 200
        for path in ("/models", f"/models/{name}"):
            assert call(port, "GET", path).status == 403
            assert call(port, "GET", path, None, repo).status == 200
        assert endpoint.invoke(name).status == 403
        assert endpoint.invoke(name, None, repo).status == 403
        assert endpoint.invoke(name, None, infer).status == 200
        assert call(port, "POST", "/invocations", json_request()).status == 403
        assert call(port, "POST", "/invocations", json_request(), infer).status == 200
        assert call(port, "GET", "/ping").status == 403
        assert call(port, "GET", "/ping", None, ("health-key", "h")).status == 200
        assert endpoint.unload(name).status == 403
        assert call(port, "DELETE", f"/models/{name}", None, repo).status == 200


def test_a_server_without_explicit_control(wide_server: Server, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    with frontend(wide_server, root) as port:
        endpoint = Endpoint(port, root)
        answer = endpoint.load(endpoint.add("cd23"))
        assert answer.status == 400
        assert "EXPLICIT" in answer.error()
