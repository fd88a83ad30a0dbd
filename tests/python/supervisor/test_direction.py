"""A worker none of whose models is available gets no clients while another has some."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import tritonclient.grpc as grpcclient
from clients import grpc_client, text_tensor
from instance import Instance, until
from test_real_triton import EXAMPLES, infer, serve

from tritonfrontend.supervisor.group.direction import Direction
from tritonfrontend.supervisor.ports.traffic import Traffic
from tritonfrontend.supervisor.slots.report import SlotReport
from tritonfrontend.supervisor.slots.slot import Slot
from tritonfrontend.supervisor.slots.state import State
from tritonfrontend.supervisor.system import procfs

FINE, LOST = {"name": "a", "failed": False}, {"name": "b", "failed": True}


class Rig:
    """Slots without processes, and who is sent to whom."""

    def __init__(self, count: int) -> None:
        self.dispersed: list[int] = []
        self.clients_go_to: Sequence[int] = ()
        self.slots = [self._slot(index) for index in range(count)]
        traffic = SimpleNamespace(update=lambda useful, unsound: self._told(useful))
        slots = cast(Sequence[Slot], self.slots)
        self.direction = Direction(slots, cast(Traffic, traffic))

    def _told(self, useful: Sequence[int]) -> None:
        self.clients_go_to = useful

    def _slot(self, index: int) -> Any:
        slot = SimpleNamespace(index=index, state=State.READY, report=SlotReport(models=[FINE]))
        slot.disperse = lambda: self.dispersed.append(index)
        return slot

    def has(self, index: int, *models: dict[str, Any]) -> None:
        slot = self.slots[index]
        slot.report.models = list(models)
        lost = any(model["failed"] for model in models)
        slot.state = State.DEGRADED if lost else State.READY
        self.direction.update()


@pytest.fixture
def rig() -> Rig:
    made = Rig(3)
    made.direction.update()
    assert made.clients_go_to == [0, 1, 2]
    return made


def test_some_models_are_enough(rig: Rig) -> None:
    rig.has(0, FINE, LOST)
    assert rig.clients_go_to == [0, 1, 2]
    assert rig.dispersed == []


def test_without_models_it_is_left_once(rig: Rig) -> None:
    rig.has(0, FINE, LOST)
    rig.has(0, LOST, LOST)
    rig.has(1, FINE)
    assert rig.clients_go_to == [1, 2]
    assert rig.dispersed == [0]
    rig.has(0, FINE)
    assert rig.clients_go_to == [0, 1, 2]
    rig.has(0, LOST)
    assert rig.dispersed == [0, 0]


def test_a_worker_with_nothing_to_load_is_none_that_has_lost_it(rig: Rig) -> None:
    rig.has(0)
    assert rig.clients_go_to == [0, 1, 2]


def test_when_all_have_lost_theirs_nobody_is_sent_away(rig: Rig) -> None:
    for index in range(3):
        rig.has(index, LOST)
    assert rig.clients_go_to == [0, 1, 2]
    assert rig.dispersed == [0, 1]  # while another had some


def test_whoever_never_had_clients_has_none_to_send_away() -> None:
    rig = Rig(2)
    rig.slots[0].state = State.LOADING
    rig.direction.update()
    rig.has(0, LOST)
    assert rig.clients_go_to == [1]
    assert rig.dispersed == []


def test_what_does_not_answer_is_not_counted_as_ready() -> None:
    """The core goes on calling a model ready whose processes have died."""
    models = [{"state": "READY", "failed": failed} for failed in (True, False, True)]
    assert SlotReport(models=list(models)).models_ready == 1


def connections(instance: Instance, slot: int) -> int:
    frontends = instance.worker(slot)["frontends"]
    return sum(int(found.get("connections", 0)) for found in frontends.values())


def test_clients_of_a_worker_whose_model_broke_go_to_another(tmp_path: Path) -> None:
    """Real Triton; the model's only stub is stopped, so nothing heals it meanwhile."""
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "identity", repository / "identity")
    with serve(tmp_path, repository, "--devices=cpu:2") as instance:
        worker = instance.wait_ready()["workers"][0]["pid"]
        clients = [grpc_client(instance.port("grpc")) for _ in range(6)]  # spread evenly
        for client in clients:
            client.infer("identity", [text_tensor(grpcclient)])
        until(lambda: connections(instance, 0) == 3, "told")
        (stub,) = [each.pid for each in procfs.children_of(worker) if each.state not in "ZX"]
        os.kill(stub, signal.SIGSTOP)
        until(lambda: "its clients go elsewhere" in instance.text(), "said")
        until(lambda: connections(instance, 0) == 0, "gone")
        for client in clients:
            client.infer("identity", [text_tensor(grpcclient)], client_timeout=60)
            client.close()
        for _ in range(20):
            assert infer(instance.port("http")) == "Roger Roger"
        assert instance.worker(0)["state"] == "DEGRADED"
        before = instance.worker(0)["completed"]
        os.kill(stub, signal.SIGCONT)
        instance.wait_ready()

        def back() -> bool:
            return bool(infer(instance.port("http"))) and instance.worker(0)["completed"] > before

        until(back, "back")
