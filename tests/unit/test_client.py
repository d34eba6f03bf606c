"""The subscriber library against a real bus: nothing is missed unnoticed, and views agree."""

import asyncio
import random
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from hostmon import client, records
from hostmon._pipe import record
from hostmon.answers import Answers
from hostmon.client import Endpoint, Filter, FleetView, Subscriber
from hostmon.errors import AgentUnreachableError, ProtocolError
from hostmon.events import (
    DomainEvent,
    Event,
    HeartbeatEvent,
    LifecycleEvent,
    LostEvent,
    RebootEvent,
)
from hostmon.numbers import Position
from hostmon.status import Request, SnapshotAnswer
from tests.lossy import LossySubscriber
from tests.native.synthetic import put_repeatedly
from tests.unit.bus import STARTED, STOPPED, SUSPENDED, Bus, until

GUESTS = [uuid.UUID(int=n) for n in range(1, 21)]


def joined(bus: Bus, drop: Callable[[Event], bool] = lambda _: False) -> Subscriber:
    """A subscriber that has joined with a view."""
    subscriber = LossySubscriber(bus.endpoint, view=True, drop=drop)
    until(lambda: subscriber.views[0].joined, lambda: subscriber.receive(0.2))
    return subscriber


def test_a_view_joins_with_what_was_there_before(bus: Bus) -> None:
    bus.churn(GUESTS, 500, 1)
    with joined(bus) as subscriber:
        view = subscriber.views[0]
        until(lambda: bus.agrees(view), lambda: subscriber.receive(0.2))
        assert view.connection == "up"
        assert view.fresh
        bus.rig.put_lifecycle(GUESTS[0], STARTED, 0, id_=1)
        take(subscriber, 1)
        assert 0 <= view.age(str(GUESTS[0])) < 60


def test_events_begin_with_the_first_after_the_join(bus: Bus) -> None:
    bus.churn(GUESTS, 100, 1)
    bus.wait()
    with Subscriber(bus.endpoint) as subscriber:
        until(lambda: subscriber.receive(1), lambda: None)  # a heartbeat: joined
        before = bus.rig.dispatcher.sequence_of["lifecycle"]
        bus.churn(GUESTS, 300, 2)
        numbers = [e.sequence for e in take(subscriber, 300)]
        assert numbers == list(range(before + 1, before + 301))


def overflow(bus: Bus) -> None:
    """Put events faster than they are published, until one has found no room."""
    large = record(1, uuid=GUESTS[0].bytes, name=b"n" * 60_000)
    bus.rig.subscriber.unsubscribe("lifecycle/reboot/")  # nobody keeps them
    for _ in range(5_000):
        if not bus.rig.pipe.put(large):
            return
    raise AssertionError("every event found room")


@pytest.mark.parametrize("wanted", [Filter(), Filter(guests=(str(GUESTS[1]),)), Filter(classes=())])
def test_what_the_agent_lost_is_told_whatever_the_filter(tmp_path: Path, wanted: Filter) -> None:
    bus = Bus(tmp_path, queue_size=128 << 10)
    try:
        with Subscriber(bus.endpoint, wanted=wanted) as subscriber:
            until(lambda: subscriber.receive(1), lambda: None)  # a heartbeat: joined
            overflow(bus)
            until(lambda: subscriber.repairs, lambda: subscriber.receive(0.2))
            repair = subscriber.repairs[0]
            assert (repair.reason, repair.by) == ("overflow", "nothing")
            assert repair.lost >= 1
    finally:
        bus.close()


def test_what_was_lost_while_away_is_told_once(tmp_path: Path) -> None:
    bus = Bus(tmp_path, queue_size=128 << 10)
    try:
        overflow(bus)
        bus.wait()
        with Subscriber(bus.endpoint) as subscriber:
            subscriber.resume([Position("host", bus.rig.dispatcher.epoch, 0)])
            (event,) = take(subscriber, 1, LostEvent)
            assert isinstance(event, LostEvent)
            told = [repair.lost for repair in subscriber.repairs if repair.reason == "overflow"]
            assert told == [sum(one.count for one in event.kinds)]
    finally:
        bus.close()


@pytest.mark.parametrize("same_run", [True, False])
def test_a_subscriber_resumes_after_what_was_kept(bus: Bus, same_run: bool) -> None:
    bus.churn(GUESTS, 300, 1)
    bus.wait()
    epoch = bus.rig.dispatcher.epoch - (not same_run)
    with Subscriber(bus.endpoint) as subscriber:
        subscriber.resume([Position("lifecycle", epoch, 120)])
        until(lambda: subscriber.repairs, lambda: subscriber.receive(0))
        bus.churn(GUESTS, 100, 2)
        assert [(r.reason, r.by) for r in subscriber.repairs] == [("join", "replay")]
        first = 121 if same_run else 1
        numbers = [e.sequence for e in take(subscriber, 401 - first)]
        assert numbers == list(range(first, 401))


def take(subscriber: Subscriber, count: int, kind: type[Event] = LifecycleEvent) -> list[Event]:
    """The next events of one type."""
    found: list[Event] = []
    while len(found) < count:
        event = subscriber.receive(10)
        assert event is not None, f"{len(found)} of {count} came"
        if isinstance(event, kind):
            found.append(event)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_view_with_losses_ends_as_the_table_is(bus: Bus, seed: int) -> None:
    chosen = random.Random(seed)
    with joined(bus, drop=lambda _: chosen.random() < 0.01) as subscriber:
        view = subscriber.views[0]
        bus.churn(GUESTS, 10_000, seed)
        until(
            lambda: bus.rig.dispatcher.sequence_of["lifecycle"] >= 10_000 and bus.agrees(view),
            lambda: [subscriber.receive(0.05) for _ in range(500)],
            60,
        )
        assert any(repair.by == "replay" and repair.events for repair in subscriber.repairs)


def test_every_event_comes_once_and_in_order_whatever_is_lost(bus: Bus) -> None:
    chosen = random.Random(5)
    with joined(bus, drop=lambda _: chosen.random() < 0.2) as subscriber:
        before = bus.rig.dispatcher.sequence_of["lifecycle"]
        bus.churn(GUESTS, 2_000, 3)
        numbers = [e.sequence for e in take(subscriber, 2_000)]
        assert numbers == list(range(before + 1, before + 2_001))


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(guests=(str(GUESTS[0]),)),
        Filter(guests=(str(GUESTS[0]), str(GUESTS[1]))),
        Filter(kinds=("reboot",)),
        Filter(kinds=("reboot", "watchdog"), guests=(str(GUESTS[2]),)),
        Filter(classes=("settled",)),
    ],
    ids=["guest", "guests", "kind", "kinds-guest", "class"],
)
def test_a_filter_is_no_gap_and_a_gap_is_found_in_it(bus: Bus, wanted: Filter) -> None:
    chosen = random.Random(9)
    with (
        LossySubscriber(bus.endpoint, wanted=wanted, drop=lambda _: chosen.random() < 0.1) as lossy,
        Subscriber(bus.endpoint, wanted=wanted) as whole,
    ):
        for subscriber in (lossy, whole):
            until(lambda s=subscriber: s.receive(1), lambda: None)  # type: ignore[misc]
        for _ in range(400):
            guest = chosen.choice(GUESTS[:4]).bytes
            kind = chosen.choice((1, 3))
            body = b"\xa6action\xa4none" if kind == 3 else b""
            bus.rig.pipe.put(record(kind, uuid=guest, name=b"g", fields=int(kind == 3), body=body))
        bus.wait()
        results = []
        for subscriber in (lossy, whole):
            found = []
            beats = 0
            while beats < 3:  # a heartbeat behind the last event closes what is missing
                event = subscriber.receive(10)
                if isinstance(event, DomainEvent):
                    found.append((event.uuid, event.sequence))
                beats += isinstance(event, HeartbeatEvent)
            results.append(found)
        assert sorted(results[0]) == sorted(results[1])
        for guest_uuid in {u for u, _ in results[0]}:
            mine = [n for u, n in results[0] if u == guest_uuid]
            assert len(mine) == len(set(mine))
        assert not whole.repairs
        assert bool(lossy.repairs) == bool(results[1])


def test_a_restarted_agent_is_joined_anew(tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    bus.churn(GUESTS, 50, 1)
    subscriber = joined(bus)
    view = subscriber.views[0]
    bus.close()
    again = Bus(tmp_path, epoch=99)
    try:
        again.churn(GUESTS[:5], 60, 2)
        until(lambda: view.epoch == 99 and again.agrees(view), lambda: subscriber.receive(0.2))
        assert [(r.reason, r.by) for r in subscriber.repairs][:1] == [("restart", "snapshot")]
    finally:
        subscriber.close()
        again.close()


def test_events_of_a_restarted_agent_are_had_from_its_first(tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    subscriber = Subscriber(bus.endpoint)
    until(lambda: subscriber.receive(1), lambda: None)
    bus.close()
    again = Bus(tmp_path, epoch=99)
    try:
        again.churn(GUESTS, 40, 2)
        assert [e.sequence for e in take(subscriber, 40)] == list(range(1, 41))
    finally:
        subscriber.close()
        again.close()


def test_what_the_ring_no_longer_holds_is_made_good_by_a_snapshot(tmp_path: Path) -> None:
    bus = Bus(tmp_path, ring_size=1 << 20)
    lose = [False]
    try:
        with joined(bus, drop=lambda _: lose[0]) as subscriber:
            lose[0] = True
            bus.rig.subscriber.unsubscribe(b"lifecycle/lifecycle/")
            bus.churn(GUESTS, 60_000, 1)
            bus.wait()
            view = subscriber.views[0]
            until(lambda: bus.agrees(view), lambda: subscriber.receive(0.2), 30)
            assert "snapshot" in [repair.by for repair in subscriber.repairs]
    finally:
        bus.close()


def test_without_a_request_socket_gaps_are_told(bus: Bus) -> None:
    chosen = random.Random(1)
    endpoint = Endpoint(bus.endpoint.events)
    with LossySubscriber(endpoint, drop=lambda _: chosen.random() < 0.2) as subscriber:
        until(lambda: subscriber.receive(1), lambda: None)
        bus.churn(GUESTS, 200, 1)
        take(subscriber, 100)
        assert {repair.by for repair in subscriber.repairs} == {"nothing"}


def test_libvirt_away_makes_guests_unknown_and_none_absent(bus: Bus) -> None:
    with joined(bus) as subscriber:
        view = subscriber.views[0]
        for guest in GUESTS[:3]:
            bus.rig.put_lifecycle(guest, STARTED, 0, id_=1)
        until(lambda: len(view.guests) == 3, lambda: subscriber.receive(0.2))
        bus.rig.pipe.put(records.connection(up=False, reason="test"))
        until(
            lambda: {g.presence for g in view.guests.values()} == {"unknown"},
            lambda: subscriber.receive(0.2),
        )
        assert view.connection == "down"
        assert bus.agrees(view)


def test_asyncio(bus: Bus) -> None:
    async def main() -> list[Event]:
        with Subscriber(bus.endpoint) as subscriber:
            stream = subscriber.stream()
            first = asyncio.ensure_future(anext(stream))
            found = []
            for n in range(200):  # until it has joined
                bus.rig.put_lifecycle(GUESTS[n % 3], STARTED, 0, id_=1)
                if (await asyncio.wait({first}, timeout=0.05))[0]:
                    found.append(await first)
                    break
            before = bus.rig.dispatcher.sequence_of["lifecycle"]
            bus.churn(GUESTS, 300, 1)
            async for event in stream:
                if isinstance(event, LifecycleEvent):
                    found.append(event)
                    if event.sequence >= before + 300:
                        break
            await stream.aclose()  # type: ignore[attr-defined]
            return found

    numbers = [event.sequence for event in asyncio.run(asyncio.wait_for(main(), 60))]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) > 300


def test_callbacks(bus: Bus) -> None:
    found: list[Event] = []
    with joined(bus) as subscriber:
        bus.churn(GUESTS, 50, 1)
        subscriber.run(found.append, until=lambda: len(found) >= 50)
    assert all(not isinstance(event, HeartbeatEvent) for event in found)


def test_many_hosts_in_one_client(tmp_path: Path) -> None:
    buses = []
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        buses.append(Bus(folder, epoch=number + 1, host=f"host-{number}"))
    fleet = FleetView([bus.endpoint for bus in buses])
    try:
        for number, bus in enumerate(buses):
            bus.churn(GUESTS, 100 + number, number)
        until(
            lambda: (
                fleet.joined and all(buses[n].agrees(fleet.hosts[f"host-{n}"]) for n in range(5))
            ),
            lambda: fleet.update(0.2),
        )
    finally:
        fleet.close()
        for bus in buses:
            bus.close()


def test_a_snapshot_comes_in_pages_of_one_moment(bus: Bus) -> None:
    for n in range(9_000):
        bus.rig.table.upsert(uuid.UUID(int=n).bytes, f"guest-{n}".encode())
    first = client.ask(bus.endpoint, "snapshot")
    assert isinstance(first, SnapshotAnswer)
    assert first.row
    bus.rig.put_lifecycle(GUESTS[0], SUSPENDED, 0, id_=1)
    bus.wait()
    second = client.ask(bus.endpoint, Request(ask="snapshot", id=first.id, row=first.row))
    assert isinstance(second, SnapshotAnswer)
    assert (second.taken_ns, second.classes) == (first.taken_ns, first.classes)
    with pytest.raises(ProtocolError, match="no longer held"):
        client.ask(bus.endpoint, Request(ask="snapshot", id=first.id + 1, row=5))
    with joined(bus) as subscriber:
        assert len(subscriber.views[0].guests) == 9_000


def test_questions(bus: Bus, tmp_path: Path) -> None:
    health = client.health(bus.endpoint)
    assert (health.ok, health.host) == (True, bus.rig.dispatcher.host)
    assert "LifecycleEvent" in client.schema(bus.endpoint)
    with pytest.raises(ProtocolError, match="no question 'x'"):
        client.ask(bus.endpoint, "x")
    with pytest.raises(ProtocolError, match="no class"):
        client.ask(bus.endpoint, Request(ask="replay", after={"heartbeat": 0}))
    for _ in range(20):
        put_repeatedly(bus.rig.pipe, record(1, uuid=bytes(16), name=b"n" * 1000), 1000)
    bus.wait()
    with pytest.raises(ProtocolError, match="no longer holds"):
        client.ask(bus.endpoint, Request(ask="replay", after={"lifecycle": 0}))
    with pytest.raises(AgentUnreachableError):
        client.ask(f"ipc://{tmp_path}/nothing", "health")


def test_a_question_that_fails_does_not_end_the_answers(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_self: Answers, _request: Request) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Answers, "answer", broken)
        with pytest.raises(ProtocolError, match="failed to answer"):
            client.ask(bus.endpoint, "health")
    assert "a question failed" in caplog.text
    client.ask(bus.endpoint, "health")


def test_a_peer_that_asks_too_often_is_refused() -> None:
    from hostmon.requests import BURST, RATE, Rate

    now = [0.0]
    rate = Rate(lambda: now[0])
    assert sum(rate.allows(b"a") for _ in range(1000)) == BURST
    assert rate.allows(b"b")
    now[0] += 1
    assert sum(rate.allows(b"a") for _ in range(1000)) == RATE


def test_a_guest_of_many_kinds(bus: Bus) -> None:
    with Subscriber(bus.endpoint, kind="reboot", guest=str(GUESTS[0])) as subscriber:
        until(lambda: subscriber.receive(1), lambda: None)
        for guest in (GUESTS[1], GUESTS[0]):
            bus.rig.pipe.put(record(1, uuid=guest.bytes, name=b"g"))
            bus.rig.put_lifecycle(guest, STOPPED, 0)
        event = take(subscriber, 1, RebootEvent)[0]
        assert isinstance(event, RebootEvent)
        assert event.uuid == str(GUESTS[0])
