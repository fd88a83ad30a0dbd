"""What several workers answer to one question, as one server would. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tritonfrontend.supervisor.worker.group_sums import merged


def duration(count: int) -> dict[str, int]:
    return {"count": count, "ns": 1000 * count}


def statistics(name: str, count: int, last: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1",
        "last_inference": last,
        "inference_count": count,
        "inference_stats": {"success": duration(count), "fail": duration(0)},
        **more,
    }


def total(op: str, *parts: Any) -> Any:
    return json.loads(merged(op, [json.dumps(part).encode() for part in parts]))


def test_statistics_are_sums() -> None:
    batches = [{"batch_size": size, "compute_infer": duration(size)} for size in (1, 4)]
    responses = {"0": {"compute_infer": duration(2)}}
    memory = [{"type": "GPU", "id": 0, "byte_size": 100}]
    one = statistics(
        "a", 3, 50, batch_stats=batches[:1], response_stats=responses, memory_usage=memory
    )
    two = statistics("a", 4, 40, batch_stats=batches, response_stats={}, memory_usage=memory)
    found = total("statistics", {"model_stats": [one]}, {"model_stats": [two]})
    assert found == {
        "model_stats": [
            statistics(
                "a",
                7,
                50,
                batch_stats=[{"batch_size": 1, "compute_infer": duration(2)}, batches[1]],
                response_stats=responses,
                memory_usage=[{"type": "GPU", "id": 0, "byte_size": 200}],
            )
        ]
    }


def test_models_and_versions_are_told_apart() -> None:
    other = {**statistics("a", 1, 2), "version": "2"}
    found = total(
        "statistics",
        {"model_stats": [statistics("a", 1, 2)]},
        {"model_stats": [other, statistics("b", 5, 6)]},
        {"model_stats": [statistics("b", 5, 4)]},
    )
    rows = [(row["name"], row["version"], row["inference_count"]) for row in found["model_stats"]]
    assert rows == [("a", "1", 1), ("a", "2", 1), ("b", "1", 10)]


def test_a_model_is_where_it_is_best() -> None:
    def row(name: str, state: str, reason: str = "") -> dict[str, str]:
        return {"name": name, "version": "1", "state": state, "reason": reason}

    found = total(
        "index",
        [row("a", "UNAVAILABLE", "broken"), {"name": "b"}, row("c", "LOADING")],
        [row("a", "READY"), row("b", "UNAVAILABLE", "unloaded"), row("c", "UNAVAILABLE", "x")],
    )
    by_name = {(each["name"], each.get("version")): each.get("state") for each in found}
    assert by_name[("a", "1")] == "READY"
    assert by_name[("c", "1")] == "LOADING"
    assert by_name[("b", "1")] == "UNAVAILABLE"


def test_names_need_not_be_utf_8() -> None:
    part = b'{"model_stats":[{"name":"\xff","version":"1","inference_count":2}]}'
    assert merged("statistics", [part]) == part
    assert merged("statistics", [part, part]) == part.replace(b":2", b":4")


@pytest.mark.parametrize("other", [b"", b"[]", b'{"model_stats": [1]}', b'{"model_stats": [{}]}'])
def test_what_does_not_fit(other: bytes) -> None:
    part = json.dumps({"model_stats": [statistics("a", 1, 1)]}).encode()
    with pytest.raises(ValueError, match=r"\w"):
        merged("statistics", [part, other])
