"""Questions over the real request socket that are lost with their connection, or answered late."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
import zmq

from hostmon import client
from hostmon.client import Subscriber
from hostmon.client.asking import ANSWER_TIMEOUT
from hostmon.errors import AgentUnreachableError
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.scheduler.claimer import Claimer
from hostmon.status import ClaimAnswer, ClaimWanted, HealthAnswer, Request
from tests.unit.bus import Bus, until

GIB = 1 << 30
HOST = Topology(arch="", cells=(Cell(0, 64 * GIB, tuple(Cpu(n) for n in range(16))),))

Take = Callable[[zmq.Socket[bytes]], None]


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    bus = Bus(tmp_path, topology=HOST, heartbeat_ns=3600 * 10**9)
    yield bus
    bus.close()


def first_answered_by(bus: Bus, take: Take, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have the first question taken by another function; what it returns counts the questions."""
    asked: list[int] = []
    usual = bus.server._answer_one

    def answer_one(socket: zmq.Socket[bytes]) -> None:
        asked.append(1)
        (take if len(asked) == 1 else usual)(socket)

    monkeypatch.setattr(bus.server, "_answer_one", answer_one)
    return asked


def carried_out_and_lost(bus: Bus) -> Take:
    """Does what was asked; then every connection ends before the answer is sent."""

    def take(socket: zmq.Socket[bytes]) -> None:
        peer, *frames = socket.recv_multipart()
        bus.server.answer(peer, frames[-1])
        assert bus.server._bound is not None
        bus.server._bound.reopen()
        # The loop's own poller must not look at the socket that is closed.

    return take


def wanted(vcpus: int) -> ClaimWanted:
    return ClaimWanted(id=str(uuid.uuid4()), vcpus=vcpus)


def test_a_question_lost_with_its_connection_is_put_again(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = first_answered_by(bus, carried_out_and_lost(bus), monkeypatch)
    assert isinstance(client.ask(bus.endpoint, "health"), HealthAnswer)
    assert len(asked) == 2


def test_a_claim_whose_answer_was_lost_is_granted_once(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_answered_by(bus, carried_out_and_lost(bus), monkeypatch)
    answer = client.ask(bus.endpoint, Request(ask="claim", claim=wanted(10)))
    assert isinstance(answer, ClaimAnswer)
    assert (answer.state, answer.sums.vcpus_claimed, answer.sums.claims) == ("granted", 10, 1)
    assert bus.answers.granting.status().granted == 1


def test_a_file_that_is_gone_for_a_moment_is_waited_for(bus: Bus, tmp_path: Path) -> None:
    path = tmp_path / "requests"
    away = path.rename(tmp_path / "away")
    began = time.monotonic()
    with pytest.raises(AgentUnreachableError, match="no agent answers there"):
        client.ask(bus.endpoint, "health", timeout=0.1)
    assert time.monotonic() - began >= 0.1
    away.rename(path)
    client.ask(bus.endpoint, "health", timeout=0.1)


def test_a_subscriber_that_asked_too_often_asks_again_soon(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [False]
    monkeypatch.setattr(bus.server._rate, "allows", lambda _: not refusals or refusals.pop())
    with Subscriber(bus.endpoint, view=True) as subscriber:
        view = subscriber.views[0]
        until(lambda: not refusals, lambda: subscriber.receive(0.01))
        began = time.monotonic()
        until(lambda: view.joined, lambda: subscriber.receive(0.01))
        assert time.monotonic() - began < ANSWER_TIMEOUT / 2


@pytest.fixture
def claimer(bus: Bus) -> Iterator[Claimer]:
    with zmq.Context() as context:
        made = Claimer([bus.endpoint], context)
        yield made
        made.close()


def test_a_claimer_asks_again_and_has_its_room_once(
    bus: Bus, claimer: Claimer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_answered_by(bus, carried_out_and_lost(bus), monkeypatch)
    answer, doubtful = claimer.claim(0, wanted(10))
    assert isinstance(answer, ClaimAnswer)
    assert not doubtful
    assert (answer.state, answer.sums.vcpus_claimed, answer.sums.claims) == ("granted", 10, 1)
    released = claimer.release(0, answer.id)
    assert isinstance(released, ClaimAnswer)
    assert (released.state, released.sums.claims) == ("released", 0)


def test_what_a_second_copy_is_granted_after_a_refusal_is_in_doubt(
    bus: Bus, claimer: Claimer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = cast("ClaimAnswer", claimer.claim(0, wanted(16))[0])
    granting = bus.answers.granting

    def refuse_late(socket: zmq.Socket[bytes]) -> None:
        peer, *frames = socket.recv_multipart()
        answer = bus.server._encoder.encode(bus.server.answer(peer, frames[-1]))
        assert socket.poll(5_000), "the question was not put again"
        granting.release(0, ClaimWanted(id=other.id))  # there is room for the second
        socket.send_multipart([peer, *frames[:-1], answer])

    first_answered_by(bus, refuse_late, monkeypatch)
    answer, doubtful = claimer.claim(0, wanted(10))
    assert isinstance(answer, ClaimAnswer)
    assert (answer.state, doubtful) == ("refused", True)
    until(lambda: granting.status().granted == 2, lambda: time.sleep(0.005))
    assert claimer.claim(0, wanted(16))[1] is False  # refused at once: nothing is under way
