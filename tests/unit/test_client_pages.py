"""Pages of snapshots and replays that do not belong together, or make no sense."""

import time
import uuid
from typing import Any

import msgspec
import pytest

from hostmon.client import Filter, Subscriber, asking, pages
from hostmon.events import Event, LifecycleEvent
from hostmon.status import Refusal, ReplayAnswer, Request, SnapshotAnswer
from tests.lossy import LossySubscriber
from tests.unit.bus import NOTHING, STARTED, SUSPENDED, Bus, until

NONSENSE = msgspec.Raw(msgspec.msgpack.encode([7]))


def test_pages_of_two_runs_make_no_snapshot(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent begins anew between two pages; its snapshots are numbered from 1 again."""
    bus.fill(9_000)
    asked = bus.begin_anew_after_a_page(monkeypatch)
    with Subscriber(bus.endpoint, view=True) as subscriber:
        view = subscriber.views[0]
        until(lambda: view.joined, lambda: subscriber.receive(0.05))
        assert view.epoch == bus.rig.dispatcher.epoch
        assert len(view.guests) == 9_000
    assert [bool(number) for number in asked[:4]] == [False, True, False, True]


@pytest.mark.usefixtures("hasty")
def test_a_snapshot_without_end_is_begun_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that always has a further page has its client hold no more than so many guests.

    It is not asked for them over and over without a pause.
    """
    monkeypatch.setattr(pages, "MOST_GUESTS", 20)
    bus.fill(8)
    right, asked, at = bus.answers._snapshot, [], []

    def endless(request: Request) -> Any:
        asked.append(request.id)
        at.append(time.monotonic())
        answer = right(msgspec.structs.replace(request, id=0, row=0))
        assert isinstance(answer, SnapshotAnswer)
        further = request.row + 8
        return msgspec.structs.replace(answer, id=7, row=further) if len(asked) < 7 else answer

    monkeypatch.setattr(bus.answers, "_snapshot", endless)
    with Subscriber(bus.endpoint, view=True) as subscriber:
        view = subscriber.views[0]
        until(lambda: view.joined, lambda: subscriber.receive(0.05))
        assert len(view.guests) == 8
        assert subscriber.malformed == 2
    assert asked == [0, 7, 7, 0, 7, 7, 0]
    assert min(at[3] - at[2], at[6] - at[5]) >= asking.ANSWER_TIMEOUT / 2


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "wrong", [{"guests": NOTHING, "row": 16}, {"row": 8}], ids=["empty", "row"]
)
def test_a_page_that_leads_nowhere_is_malformed(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    """An agent that gives such pages for ever would be asked for the next one for ever."""
    bus.fill(8)
    right, asked, at = bus.answers._snapshot, [], []

    def nowhere(request: Request) -> Any:
        asked.append((request.id, request.row))
        at.append(time.monotonic())
        answer = right(msgspec.structs.replace(request, id=0, row=0))
        assert isinstance(answer, SnapshotAnswer)
        if len(asked) > 4:
            return answer
        one = {"row": 8} if not request.id else wrong
        return msgspec.structs.replace(answer, id=7, **one)

    monkeypatch.setattr(bus.answers, "_snapshot", nowhere)
    with Subscriber(bus.endpoint, view=True) as subscriber:
        view = subscriber.views[0]
        until(lambda: view.joined, lambda: subscriber.receive(0.05))
        assert len(view.guests) == 8
        assert subscriber.malformed == 2
    assert asked == [(0, 0), (7, 8), (0, 0), (7, 8), (0, 0)]
    assert min(at[2] - at[1], at[4] - at[3]) >= asking.ANSWER_TIMEOUT / 2


@pytest.mark.usefixtures("hasty")
def test_a_snapshot_that_expires_before_its_first_page_is_waited_for(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, at = bus.answers._snapshot, []

    def expired(request: Request) -> Any:
        at.append(time.monotonic())
        gone = Refusal(re=request.re, error="gone", code="expired")
        return gone if len(at) < 3 else right(request)

    monkeypatch.setattr(bus.answers, "_snapshot", expired)
    with Subscriber(bus.endpoint, view=True) as subscriber:
        until(lambda: subscriber.views[0].joined, lambda: subscriber.receive(0.05))
    assert min(at[1] - at[0], at[2] - at[1]) >= asking.ANSWER_TIMEOUT / 2


@pytest.mark.usefixtures("hasty")
def test_each_repair_has_three_tries_of_its_own(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that a repair had which was then refused are not the next one's."""
    guest, tried = uuid.uuid4(), []
    right = bus.answers._replay

    def answered(request: Request) -> Any:
        tried.append(request)
        if len(tried) == 3:
            return Refusal(re=request.re, error="gone", code="beyond")
        answer = right(request)
        assert isinstance(answer, ReplayAnswer)
        wrong = len(tried) != 6
        return msgspec.structs.replace(answer, events=NONSENSE) if wrong else answer

    monkeypatch.setattr(bus.answers, "_replay", answered)
    missed = [1, 3]

    def drop(event: Event) -> bool:
        one = isinstance(event, LifecycleEvent) and event.origin == "live"
        return one and event.sequence in missed

    with LossySubscriber(bus.endpoint, wanted=Filter(), drop=drop) as subscriber:
        until(lambda: subscriber.receive(0.05), lambda: None)
        for event in (STARTED, SUSPENDED):
            bus.rig.put_lifecycle(guest, event, 0, id_=1)
        until(lambda: subscriber.repairs, lambda: subscriber.receive(0.05))
        for event in (STARTED, SUSPENDED):
            bus.rig.put_lifecycle(guest, event, 0, id_=1)
        until(lambda: len(subscriber.repairs) > 1, lambda: subscriber.receive(0.05))
        assert [one.by for one in subscriber.repairs] == ["nothing", "replay"]
        assert len(tried) == 6


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "wrong",
    [
        {"events": NONSENSE},
        {"events": NOTHING, "through": ()},
        {"events": NOTHING, "through": (), "more": True},
    ],
    ids=["none", "short", "endless"],
)
@pytest.mark.parametrize("view", [True, False])
def test_a_replay_that_makes_no_sense_is_given_up(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, view: bool, wrong: dict[str, Any]
) -> None:
    """Or that brings less than the bus has told: its agent is not asked without a pause."""
    guest, tried = uuid.uuid4(), []
    right = bus.answers._replay

    def nonsense(request: Request) -> Any:
        tried.append(request)
        answer = right(request)
        assert isinstance(answer, ReplayAnswer)
        return msgspec.structs.replace(answer, **wrong)

    monkeypatch.setattr(bus.answers, "_replay", nonsense)
    lose = [True]

    def drop(event: Event) -> bool:
        return lose[0] and getattr(event, "uuid", "") == str(guest)

    with LossySubscriber(bus.endpoint, view=view, wanted=Filter(), drop=drop) as subscriber:
        until(lambda: subscriber.receive(0.05), lambda: None)
        if view:
            until(lambda: subscriber.views[0].joined, lambda: subscriber.receive(0.05))
        bus.rig.put_lifecycle(guest, STARTED, 0, id_=1)
        until(lambda: tried or subscriber.repairs, lambda: subscriber.receive(0.05))
        until(lambda: subscriber.repairs, lambda: subscriber.receive(0.05), 5)
        assert subscriber.repairs[0].by == ("snapshot" if view else "nothing")
        assert 3 <= len(tried) < 6
        lose[0] = False
        bus.rig.put_lifecycle(guest, SUSPENDED, 0, id_=1)
        if view:
            until(lambda: bus.agrees(subscriber.views[0]), lambda: subscriber.receive(0.05))
