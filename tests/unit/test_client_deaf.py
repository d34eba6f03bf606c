"""An agent whose bus works and whose request socket answers nothing."""

import time
import uuid

import msgspec
import pytest
import zmq

from hostmon.client import Filter, HostView, Subscriber, asking, link
from hostmon.events import Event, HeartbeatEvent, LifecycleEvent
from tests.lossy import LossySubscriber
from tests.unit.bus import RESUMED, STARTED, SUSPENDED, Bus, until

pytestmark = pytest.mark.usefixtures("hasty")

GUEST = uuid.UUID(int=1)
SOME = 400


@pytest.fixture
def deaf(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> Bus:
    """Reads its questions and says nothing."""
    monkeypatch.setattr(bus.server, "_answer_one", lambda socket: socket.recv_multipart())
    return bus


def put(bus: Bus, count: int) -> None:
    for number in range(count):
        bus.rig.put_lifecycle(GUEST, (SUSPENDED, RESUMED)[number % 2], 0, id_=1)


def take(subscriber: Subscriber, count: int) -> list[int]:
    """The numbers of so many lifecycle events."""
    found: list[int] = []

    def one() -> None:
        event = subscriber.receive(0.05)
        found.extend([event.sequence] if isinstance(event, LifecycleEvent) else [])

    until(lambda: len(found) >= count, one)
    return found


def test_a_gap_that_nobody_answers_for_is_told_and_passed(deaf: Bus) -> None:
    missed = [2, SOME // 2]

    def drop(event: Event) -> bool:
        return isinstance(event, LifecycleEvent) and event.sequence in missed

    with LossySubscriber(deaf.endpoint, wanted=Filter(), drop=drop) as subscriber:
        until(lambda: subscriber.receive(0.05), lambda: None)
        began = time.monotonic()
        put(deaf, SOME)
        found = take(subscriber, SOME - len(missed))
        assert found == [n for n in range(1, SOME + 1) if n not in missed]
        assert [(one.reason, one.by) for one in subscriber.repairs] == [("gap", "nothing")] * 2
        took = time.monotonic() - began
        assert took < 2 * asking.TRIES * asking.ANSWER_TIMEOUT, "the second gap was waited for too"


def test_a_filter_is_not_asked_for_at_every_heartbeat(deaf: Bus) -> None:
    """Of the class of which it wants one kind, every heartbeat tells of others."""
    with Subscriber(deaf.endpoint, kind="reboot") as subscriber:
        until(lambda: subscriber.receive(0.05), lambda: None)
        put(deaf, 1)
        until(lambda: subscriber.repairs, lambda: subscriber.receive(0.05))
        beats = [0]
        put(deaf, 1)

        def beat() -> None:
            beats[0] += isinstance(subscriber.receive(0.05), HeartbeatEvent)

        until(lambda: beats[0] >= 5, beat)
        assert [one.by for one in subscriber.repairs] == ["nothing"]
        assert subscriber._links[0].state is link.State.LIVE


def test_who_answers_again_is_asked_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "UNASKED_S", 0.3)
    missed: list[int] = [1]

    def drop(event: Event) -> bool:
        one = isinstance(event, LifecycleEvent) and event.origin == "live"
        return one and event.sequence in missed

    with (
        monkeypatch.context() as context,
        LossySubscriber(bus.endpoint, wanted=Filter(), drop=drop) as subscriber,
    ):
        context.setattr(bus.server, "_answer_one", lambda socket: socket.recv_multipart())
        until(lambda: subscriber.receive(0.05), lambda: None)
        put(bus, 2)
        until(lambda: subscriber.repairs, lambda: subscriber.receive(0.05))
        context.undo()
        until(lambda: subscriber._links[0].asking.possible, lambda: subscriber.receive(0.05))
        missed.append(3)
        put(bus, 2)
        until(lambda: len(subscriber.repairs) > 1, lambda: subscriber.receive(0.05))
        assert [one.by for one in subscriber.repairs] == ["nothing", "replay"]


def test_a_view_tells_that_it_does_not_go_on(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "SILENCE", 0.5)
    missed, told = [False], list[bool]()

    def drop(event: Event) -> bool:
        return missed[0] and isinstance(event, LifecycleEvent) and event.event == "started"

    with LossySubscriber(bus.endpoint, view=True, drop=drop) as subscriber:
        view: HostView = subscriber.views[0]
        until(lambda: view.joined, lambda: subscriber.receive(0.05))
        view.on_change = lambda: told.append(view.fresh)
        assert view.fresh
        with monkeypatch.context() as context:
            context.setattr(bus.server, "_answer_one", lambda socket: socket.recv_multipart())
            missed[0] = True
            bus.rig.put_lifecycle(GUEST, STARTED, 0, id_=1)
            put(bus, 1)
            until(lambda: not view.fresh, lambda: subscriber.receive(0.05))
            assert told == [False]
        missed[0] = False
        until(lambda: view.fresh and bus.agrees(view), lambda: subscriber.receive(0.05))
        assert [one.by for one in subscriber.repairs] == ["replay"]


def test_an_answer_that_comes_after_the_question_was_repeated_counts(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As all do where the way, or the agent among many, takes longer than the time-out."""
    bus.fill(9_000)
    waiting: list[list[bytes]] = []
    encode = msgspec.msgpack.encode

    def one_behind(socket: zmq.Socket[bytes]) -> None:
        waiting.append(socket.recv_multipart())
        if len(waiting) > 1:
            peer, payload = waiting.pop(0)
            socket.send_multipart([peer, encode(bus.server.answer(peer, payload))])

    monkeypatch.setattr(bus.server, "_answer_one", one_behind)
    with Subscriber(bus.endpoint, view=True) as subscriber:
        until(lambda: subscriber.views[0].joined, lambda: subscriber.receive(0.05))
        assert len(subscriber.views[0].guests) == 9_000


def test_a_view_that_never_joins_is_never_fresh(deaf: Bus) -> None:
    with Subscriber(deaf.endpoint, view=True) as subscriber:
        (one,) = subscriber._links
        until(lambda: one.asking.sent > asking.TRIES + 1, lambda: subscriber.receive(0.05))
        assert (subscriber.views[0].joined, subscriber.views[0].fresh) == (False, False)
