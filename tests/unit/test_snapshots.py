"""The snapshots that are being given out: shared, few, dropped when nobody asks for them."""

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zmq

from hostmon import client, snapshots
from hostmon.client import Subscriber, asking, link
from hostmon.client.requests import decode_answer, encode_request
from hostmon.snapshots import HELD, SHARED_S, UNASKED_S, Snapshots
from hostmon.status import Refusal, Request, SnapshotAnswer
from tests.agent_process import wait_for
from tests.unit.bus import STARTED, Bus, until

PAGED = 9_000  # guests that take two pages
HOUR = 3600 * 10**9


class Taking:
    """What takes snapshots, with a clock, and a ring that forgets when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.taken = 0
        self.first_followed = 0
        self.snapshots = Snapshots(self.take, self.followed, lambda: self.now)

    def take(self) -> tuple[Any, str]:
        self.taken += 1
        return cast("Any", SimpleNamespace(number=self.taken)), "up"

    def followed(self, snapshot: Any) -> bool:
        return bool(snapshot.number >= self.first_followed)

    def begin(self) -> int:
        """Begin with one that has further pages; its number."""
        held = self.snapshots.first()
        self.snapshots.keep(held)
        return held.number


@pytest.fixture
def taking() -> Taking:
    return Taking()


def test_who_begins_at_once_begins_with_the_same_one(taking: Taking) -> None:
    assert [taking.begin() for _ in range(100)] == [1] * 100
    taking.now += SHARED_S
    assert taking.begin() == 2
    assert taking.taken == 2


def test_one_that_is_asked_for_is_not_dropped_for_others(taking: Taking) -> None:
    """Nor are there more of them, however many begin: the last ones are given the newest."""
    begun = []
    for _ in range(20):
        begun.append(taking.begin())
        taking.now += SHARED_S
        for number in set(begun):
            held = taking.snapshots.further(number)
            assert held is not None
            taking.snapshots.keep(held)
    assert begun == [*range(1, HELD), *[HELD] * (21 - HELD)]


def test_those_that_nobody_asks_for_are_dropped(taking: Taking) -> None:
    taking.begin()
    assert taking.snapshots.look() == UNASKED_S
    taking.now += SHARED_S
    taking.snapshots.first()
    assert taking.snapshots.look() == SHARED_S
    taking.now += SHARED_S
    assert taking.snapshots.look() == UNASKED_S - 2 * SHARED_S
    assert len(taking.snapshots) == 1
    taking.now += UNASKED_S
    assert taking.snapshots.look() is None
    assert taking.snapshots.further(1) is None


def test_one_that_no_replay_can_follow_is_not_given_to_others(taking: Taking) -> None:
    assert taking.begin() == 1
    taking.first_followed = 2
    assert taking.begin() == 2
    while len(taking.snapshots) < HELD:
        taking.now += SHARED_S
        taking.begin()
    taking.first_followed = HELD + 1
    assert taking.begin() == HELD + 1
    assert len(taking.snapshots) == HELD
    assert taking.snapshots.further(1) is None, "that which was asked for longest ago goes"


@pytest.fixture
def paged(tmp_path: Path) -> Iterator[Bus]:
    with Bus(tmp_path, heartbeat_ns=HOUR) as bus:
        bus.fill(PAGED)
        yield bus


def test_all_of_many_that_join_at_once_come_to_the_last_page(paged: Bus) -> None:
    with zmq.Context() as context, ExitStack() as stack:
        peers = [stack.enter_context(context.socket(zmq.DEALER)) for _ in range(20)]
        request = [Request(ask="snapshot")] * len(peers)
        guests = [0] * len(peers)
        for peer in peers:
            peer.linger = 0
            peer.connect(paged.endpoint.requests)
        for _ in range(2):
            for peer, question in zip(peers, request, strict=True):
                peer.send(encode_request(question))
            for number, peer in enumerate(peers):
                assert peer.poll(10_000)
                answer = decode_answer(peer.recv())
                assert isinstance(answer, SnapshotAnswer), answer
                guests[number] += int.from_bytes(bytes(answer.guests)[1:5], "big")
                request[number] = Request(ask="snapshot", id=answer.id, row=answer.row)
        assert guests == [PAGED] * len(peers)
        assert all(question.row == 0 for question in request)


def test_pages_that_are_not_asked_for_are_dropped_by_the_server_itself(
    paged: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "UNASKED_S", 0.3)
    answer = client.ask(paged.endpoint, "snapshot")
    assert isinstance(answer, SnapshotAnswer)
    assert answer.row
    assert len(paged.answers._snapshots) == 1
    wait_for(lambda: len(paged.answers._snapshots) == 0)


def test_who_is_given_an_older_one_has_what_came_since(
    paged: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting for an event or a heartbeat; and is not told that it missed anything."""
    monkeypatch.setattr(snapshots, "SHARED_S", 60.0)
    first = client.ask(paged.endpoint, "snapshot")
    paged.rig.put_lifecycle(uuid.UUID(int=7), STARTED, 0, id_=3)
    paged.wait()
    with Subscriber(paged.endpoint, view=True) as subscriber:
        view = subscriber.views[0]
        until(lambda: view.joined, lambda: subscriber.receive(0.05))
        until(lambda: paged.agrees(view), lambda: subscriber.receive(0.05))
        assert view.guests[str(uuid.UUID(int=7))].id == 3
        assert not subscriber.repairs
    assert isinstance(first, SnapshotAnswer)
    assert len(paged.answers._snapshots) == 1


def test_one_that_expired_is_not_begun_anew_at_once(
    paged: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, at, drawn = paged.answers._snapshot, [], []

    def expired(request: Request) -> Any:
        at.append(time.monotonic())
        if len(at) == 2:
            return Refusal(re=request.re, error="gone", code="expired")
        return right(request)

    def draw(least: float, most: float) -> float:
        drawn.append((least, most))
        return 0.3

    monkeypatch.setattr(paged.answers, "_snapshot", expired)
    monkeypatch.setattr("hostmon.client.link.random.uniform", draw)
    with Subscriber(paged.endpoint, view=True) as subscriber:
        until(lambda: subscriber.views[0].joined, lambda: subscriber.receive(0.05))
        assert len(subscriber.views[0].guests) == PAGED
    assert drawn == [link.EXPIRED_PAUSE]
    assert 0.3 <= at[2] - at[1] < asking.ANSWER_TIMEOUT
