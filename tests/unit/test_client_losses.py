"""What the agent itself lost is told to every subscriber, once, whatever it filters and misses."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostmon import kinds
from hostmon._pipe import record
from hostmon.client import Endpoint, Filter, Subscriber
from hostmon.events import Event, HeartbeatEvent, LifecycleEvent, LostEvent
from hostmon.numbers import Position
from tests.lossy import LossySubscriber
from tests.unit.bus import STARTED, Bus, until

GUESTS = [uuid.UUID(int=n) for n in range(1, 6)]
WITHOUT_HOST = [
    Filter(guests=(str(GUESTS[1]),)),
    Filter(kinds=("reboot",)),
    Filter(classes=("lifecycle",)),
    Filter(classes=()),
]


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    made = Bus(tmp_path, heartbeat_ns=50_000_000)
    yield made
    made.close()


def lose(bus: Bus, watchdogs: int) -> None:
    """The agent tells that it had no room for so many events."""
    body = b"\xa5kinds\x91\x92\xa8watchdog" + bytes([watchdogs])
    bus.rig.pipe.put(record(kinds.NUMBERS["lost"], fields=1, body=body))


def move(bus: Bus) -> None:
    """Something else happens in class host."""
    bus.rig.pipe.put(record(kinds.NUMBERS["pool-refresh"], uuid=bytes(16), name=b"pool"))


def following(
    bus: Bus, wanted: Filter, drop: Callable[[Event], bool] = lambda _: False
) -> Subscriber:
    """A subscriber that has joined."""
    subscriber = LossySubscriber(bus.endpoint, wanted=wanted, drop=drop)
    until(lambda: subscriber.receive(1), lambda: None)  # a heartbeat
    return subscriber


def told(subscriber: Subscriber) -> list[int]:
    return [repair.lost for repair in subscriber.repairs if repair.reason == "overflow"]


def beat(subscriber: Subscriber, beats: int = 3) -> list[Event]:
    """What comes until so many heartbeats have passed, each with what it had the client ask."""
    found: list[Event] = []
    while beats:
        event = subscriber.receive(10)
        assert event is not None
        beats -= isinstance(event, HeartbeatEvent)
        found.append(event)
    return found


@pytest.mark.parametrize("wanted", [Filter(), *WITHOUT_HOST])
def test_a_loss_that_was_missed_is_told_by_replay(bus: Bus, wanted: Filter) -> None:
    with following(bus, wanted, lambda event: isinstance(event, LostEvent)) as subscriber:
        lose(bus, 3)
        move(bus)
        lose(bus, 4)
        bus.wait()
        until(lambda: told(subscriber) == [3, 4], lambda: subscriber.receive(0.05))
        beat(subscriber)
        assert told(subscriber) == [3, 4]


@pytest.mark.parametrize("wanted", [Filter(), *WITHOUT_HOST])
def test_a_missed_loss_is_told_before_the_next(bus: Bus, wanted: Filter) -> None:
    missed = iter([True])
    with following(bus, wanted, lambda e: isinstance(e, LostEvent) and next(missed, False)) as one:
        for count in (1, 2, 3):
            lose(bus, count)
        until(lambda: len(told(one)) == 3, lambda: one.receive(0.05))
        beat(one)
        assert told(one) == [1, 2, 3]


@pytest.mark.parametrize("wanted", WITHOUT_HOST)
def test_other_events_of_the_host_are_no_gap(bus: Bus, wanted: Filter) -> None:
    with following(bus, wanted) as subscriber:
        move(bus)
        lose(bus, 5)
        move(bus)
        bus.wait()
        until(lambda: told(subscriber) == [5], lambda: subscriber.receive(0.05))
        events = beat(subscriber)
        assert [(repair.reason, repair.by) for repair in subscriber.repairs] == [
            ("overflow", "nothing")
        ]
        assert all(isinstance(event, HeartbeatEvent) for event in events)


def test_losses_of_a_new_run_are_told_to_who_came_late(tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    subscriber = following(bus, Filter(guests=(str(GUESTS[0]),)))
    bus.close()
    again = Bus(tmp_path, epoch=99, running=False)
    try:
        lose(again, 7)
        again.rig.run()
        until(lambda: told(subscriber) == [7], lambda: subscriber.receive(0.05))
    finally:
        subscriber.close()
        again.close()


def test_who_resumes_is_told_what_was_lost_meanwhile(bus: Bus) -> None:
    lose(bus, 2)
    bus.wait()
    known = bus.rig.dispatcher.sequence_of["host"]
    lose(bus, 6)
    bus.wait()
    epoch = bus.rig.dispatcher.epoch
    for kept, losses in (
        ([Position("lifecycle", epoch, 0)], [2, 6]),
        ([Position("lifecycle", epoch, 0), Position("host", epoch, known)], [6]),
    ):
        with Subscriber(bus.endpoint, wanted=Filter(classes=("lifecycle",))) as subscriber:
            subscriber.resume(kept)
            beat(subscriber)
            assert told(subscriber) == losses


def test_losses_beyond_the_ring_cost_no_other_event(tmp_path: Path) -> None:
    bus = Bus(tmp_path, ring_size=1 << 20, heartbeat_ns=50_000_000)
    try:
        lose(bus, 1)
        bus.rig.subscriber.unsubscribe(b"lifecycle/lifecycle/")
        bus.churn(GUESTS, 60_000, 1)
        bus.wait()
        assert bus.rig.dispatcher.history.dropped["host"] > 0
        last = bus.rig.dispatcher.sequence_of["lifecycle"]
        with Subscriber(bus.endpoint, wanted=Filter(classes=("lifecycle",))) as subscriber:
            subscriber.resume([Position("lifecycle", bus.rig.dispatcher.epoch, last - 100)])
            events = [e for e in beat(subscriber) if isinstance(e, LifecycleEvent)]
            assert [event.sequence for event in events] == list(range(last - 99, last + 1))
            assert {repair.by for repair in subscriber.repairs} == {"replay", "nothing"}
    finally:
        bus.close()


def test_without_a_request_socket_the_next_loss_shows_what_was_missed(bus: Bus) -> None:
    missed = iter([True])
    wanted = Filter(guests=(str(GUESTS[0]),))
    with LossySubscriber(
        Endpoint(bus.endpoint.events), wanted=wanted,
        drop=lambda event: isinstance(event, LostEvent) and next(missed, False),
    ) as subscriber:  # fmt: skip
        beat(subscriber)
        lose(bus, 1)
        move(bus)
        bus.rig.put_lifecycle(GUESTS[1], STARTED, 0, id_=1)
        beat(subscriber)
        assert not subscriber.repairs  # whether anything wanted is missing nobody can say
        lose(bus, 2)
        until(lambda: told(subscriber), lambda: subscriber.receive(0.05))
        assert [(r.reason, r.by, r.lost) for r in subscriber.repairs] == [
            ("gap", "nothing", 0),
            ("overflow", "nothing", 2),
        ]
