"""The ring of the newest events: what it holds, what it gives again, what it says it lost."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostmon import events, kinds, records, wire
from hostmon._history import History
from hostmon._pipe import record
from tests.native.synthetic import put_repeatedly
from tests.unit.rig import Rig

DEFINED, UNDEFINED, STARTED, SUSPENDED, RESUMED, STOPPED = range(6)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(f"ipc://{tmp_path}/bus")
    yield rig
    rig.close()


def replay(
    history: History,
    after: dict[str, int],
    only_kinds: tuple[str, ...] = (),
    guests: tuple[bytes, ...] = (),
) -> list[events.Event]:
    """Every page of a replay, decoded."""
    found: list[events.Event] = []
    while True:
        page = history.replay(after, only_kinds, guests)
        assert page is not None
        payload, count, after, more = page
        header = b"\xdd" + count.to_bytes(4, "big")
        for raw in msgspec.msgpack.decode(header + payload, type=list[msgspec.Raw]):
            event = wire.decode(bytes(raw))
            if isinstance(event, events.DomainEvent):
                assert wire.encode(event) == bytes(raw)
            found.append(event)
        if not more:
            return found


def test_what_was_published_comes_again(rig: Rig) -> None:
    guest = uuid.uuid4()
    live = []
    for event in (DEFINED, STARTED, SUSPENDED, RESUMED):
        rig.put_lifecycle(guest, event, 0, id_=3)
        live.append(rig.receive_event())
    again = replay(rig.dispatcher.history, {"lifecycle": live[0].sequence})
    assert [e.origin for e in again] == ["replayed"] * 3
    assert [msgspec.structs.replace(e, origin="live") for e in again] == live[1:]


def test_pages_join_without_a_seam(rig: Rig) -> None:
    put_repeatedly(rig.pipe, record(1, uuid=bytes(16), name=b"n" * 60), 30_000)
    rig.pipe.put(record(kinds.NUMBERS["pool-refresh"], uuid=bytes(16), name=b"end"))
    for _ in range(30_001):
        rig.receive()
    numbers = [e.sequence for e in replay(rig.dispatcher.history, {"lifecycle": 0})]
    assert numbers == list(range(1, 30_001))


def fleet_of(rig: Rig, count: int) -> list[tuple[bytes, bytes, bytes]]:
    """Guests of 64 GiB each with names of 36 characters: start, stop, and libvirt's word for it."""
    guests = []
    told_later = time.monotonic_ns() + 3600 * 10**9
    for number in range(count):
        one = uuid.uuid4()
        name = str(one).encode()
        sizes = (4, 4, 64 << 30, 64 << 30, 0, 4, 64 << 30, True, False)
        off = records._FACTS.pack(5, 1, *sizes)
        guests.append(
            (
                record(0, uuid=one.bytes, name=name, event=STARTED, detail=0, id=number + 1),
                record(0, uuid=one.bytes, name=name, event=STOPPED, detail=0),
                record(records.FACTS, uuid=one.bytes, name=name, body=off, monotonic=told_later),
            )
        )
        rig.pipe.put(record(0, uuid=one.bytes, name=name, event=DEFINED, detail=0))
        rig.pipe.put(guests[-1][2])
    return guests


def test_the_default_ring_holds_65536_starts_and_stops(tmp_path: Path) -> None:
    """Each with the account's sums, and after each stop a conclusion, with sums too."""
    rig = Rig(f"ipc://{tmp_path}/bus", reboot_window_ns=1)
    rig.subscriber.unsubscribe(b"lifecycle/lifecycle/")
    try:
        guests = fleet_of(rig, 50)
        for _ in range(1_000):
            for begun, ended, told in guests:
                rig.pipe.put(begun)
                rig.pipe.put(ended)
                rig.pipe.put(told)
            rig.settle()
        assert rig.dispatcher.count_of["stopped"] == 50_000
        history = rig.dispatcher.history
        last = rig.dispatcher.sequence_of["lifecycle"]
        dropped = history.dropped["lifecycle"]
        assert dropped > 0
        assert last - dropped >= 65_536
        assert history.replay({"lifecycle": dropped - 1}) is None
        found = replay(history, {"lifecycle": dropped, "settled": history.dropped["settled"]})
        heard = [e for e in found if isinstance(e, events.LifecycleEvent)]
        assert [e.sequence for e in heard] == list(range(dropped + 1, last + 1))
        concluded = [e for e in found if isinstance(e, events.StoppedEvent)]
        assert len(concluded) >= 32_000
        assert all(e.sums for e in (*heard, *concluded))
        # A stop gives back nothing until it is concluded.
        running = {e.sums.vcpus_used for e in heard if e.event == "started" and e.sums}
        assert running == {4}
        assert {e.sums.vcpus_used for e in concluded if e.sums} == {0}
    finally:
        rig.close()


def test_a_replay_keeps_to_its_filter(rig: Rig) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    for guest in (one, other, one):
        rig.put_lifecycle(guest, STARTED, 0, id_=1)
        rig.pipe.put(record(1, uuid=guest.bytes, name=b"g", id=1))
    for _ in range(6):
        rig.receive()
    history = rig.dispatcher.history
    rebooted = replay(history, {"lifecycle": 0}, ("reboot",), (one.bytes,))
    assert [type(e) for e in rebooted] == [events.RebootEvent] * 2
    assert {e.uuid for e in rebooted if isinstance(e, events.RebootEvent)} == {str(one)}
    assert replay(history, {"settled": 0}) == []
    page = history.replay({"lifecycle": 0}, ("watchdog",))
    assert page is not None
    # Nothing matches, and the numbers say up to where that is known.
    assert page[1:] == (0, {"lifecycle": rig.dispatcher.sequence_of["lifecycle"]}, False)


def test_each_event_names_the_one_before(rig: Rig) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    seen: list[events.DomainEvent] = []
    for guest, event in ((one, STARTED), (other, STARTED), (one, STOPPED), (one, STARTED)):
        rig.put_lifecycle(guest, event, 0, id_=1)
        seen.append(received(rig))
    first = seen[0].sequence
    assert [e.previous for e in seen] == [0, 0, first, first + 2]
    assert [e.kind_previous for e in seen[1:]] == [first, first + 1, first + 2]
    # The guest was transient: it is gone after its stop, and its chain goes on.
    assert isinstance(seen[2], events.LifecycleEvent)
    assert seen[2].state == "absent"


def received(rig: Rig) -> events.DomainEvent:
    event = rig.receive_event()
    assert isinstance(event, events.DomainEvent)
    return event


def test_facts_are_published_when_they_differ(rig: Rig) -> None:
    rig.subscriber.subscribe(b"lifecycle/facts/")
    guest = uuid.uuid4()
    rig.settle()
    rig.put_lifecycle(guest, STARTED, 0, id_=3)
    received(rig)
    body = records._FACTS.pack(1, 1, 2, 2, 1 << 20, 2 << 20, 0, 2, 2 << 20, True, False)
    told = record(records.FACTS, uuid=guest.bytes, name=b"g", id=3, body=body)
    rig.pipe.put(told)
    event = received(rig)
    assert isinstance(event, events.FactsEvent)
    assert (event.state, event.vcpus, event.memory, event.persistent) == (
        "running", 2, 1 << 20, True,
    )  # fmt: skip
    rig.pipe.put(record(records.FACTS, uuid=guest.bytes, name=b"g", id=3, body=body))
    rig.settle()  # nothing between


def test_the_smallest_ring_survives_the_largest_events(tmp_path: Path) -> None:
    rig = Rig(f"ipc://{tmp_path}/bus", ring_size=1 << 20)
    try:
        for size in (60_000, 10, 30_000, 59_999, 1) * 20:
            rig.pipe.put(record(1, uuid=bytes(16), name=b"n" * size))
            rig.receive()
            assert len(rig.dispatcher.history) > 0
        last = rig.dispatcher.sequence_of["lifecycle"]
        dropped = rig.dispatcher.history.dropped["lifecycle"]
        found = [e.sequence for e in replay(rig.dispatcher.history, {"lifecycle": dropped})]
        assert found == list(range(dropped + 1, last + 1))
    finally:
        rig.close()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    numbers=st.lists(st.sampled_from([0, 1, 42]), max_size=30),
    after=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_classes_replay_in_the_order_of_publication(
    rig: Rig, numbers: list[int], after: tuple[int, int]
) -> None:
    start = rig.dispatcher.sequence_of
    for number in numbers:
        rig.pipe.put(record(number, uuid=bytes(16), name=b"x", event=4, detail=0))
    live = [rig.receive_event() for _ in numbers]
    asked = {name: start[name] + n for name, n in zip(("lifecycle", "host"), after, strict=True)}
    asked = {name: min(n, rig.dispatcher.sequence_of[name]) for name, n in asked.items()}
    expected = [e for e in live if e.sequence > asked[kinds.CLASS_OF[wire.kind_of(e)]]]
    found = replay(rig.dispatcher.history, asked)
    assert [e.origin for e in found] == ["replayed"] * len(expected)
    assert [msgspec.structs.replace(e, origin="live") for e in found] == expected


class Settled:
    """A rig that hears conclusions, its window 50 ms."""

    def __init__(self, address: str) -> None:
        self.rig = Rig(address, reboot_window_ns=50_000_000)
        self.rig.subscriber.subscribe(b"settled/")
        self.guest = uuid.uuid4()
        self.rig.settle()

    def lifecycle(self, event: int, detail: int = 0) -> int:
        self.rig.put_lifecycle(self.guest, event, detail, id_=-1 if event == STOPPED else 5)
        return received(self.rig).sequence

    def connection(self, *, up: bool) -> None:
        self.rig.pipe.put(records.connection(up=up, reason="test"))
        assert isinstance(self.rig.receive_event(), events.ConnectionEvent)

    def asked(self) -> None:
        """Wait until libvirt is to be asked of the guest beyond the window."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.guest.bytes in (self.rig.dispatcher.take_wanted() or []):
                return
            time.sleep(0.005)
        raise AssertionError("nobody asks of the stop")


@pytest.fixture
def settled(tmp_path: Path) -> Iterator[Settled]:
    made = Settled(f"ipc://{tmp_path}/bus")
    yield made
    made.rig.close()


def test_a_stop_settles_when_libvirt_confirms_it(settled: Settled) -> None:
    rig, guest = settled.rig, settled.guest
    settled.connection(up=True)
    settled.lifecycle(STARTED)
    rig.dispatcher.take_wanted()
    stop = settled.lifecycle(STOPPED, 2)
    settled.asked()
    assert rig.dispatcher.open_stops == 1
    rig.pipe.put(records.gone(guest.bytes, time.monotonic_ns()))
    event = received(rig)
    assert isinstance(event, events.StoppedEvent)
    assert (event.uuid, event.detail, event.stop_sequence) == (str(guest), "crashed", stop)
    assert rig.dispatcher.open_stops == 0


def test_a_start_makes_a_stop_a_reboot(settled: Settled) -> None:
    settled.connection(up=True)
    settled.lifecycle(STARTED)
    stop = settled.lifecycle(STOPPED)
    settled.lifecycle(STARTED)
    event = received(settled.rig)
    assert isinstance(event, events.RebootedEvent)
    assert event.stop_sequence == stop
    assert event.name == "g"


def test_a_stop_is_held_while_disconnected(settled: Settled) -> None:
    rig = settled.rig
    settled.connection(up=True)
    settled.lifecycle(STARTED)
    rig.dispatcher.take_wanted()
    settled.lifecycle(STOPPED)
    settled.connection(up=False)
    rig.dispatcher.take_wanted()
    time.sleep(0.2)  # four windows long, nothing may happen
    rig.settle()
    assert rig.dispatcher.take_wanted() == []
    assert rig.dispatcher.open_stops == 1
    settled.connection(up=True)
    settled.asked()


def test_what_libvirt_said_within_the_window_concludes_nothing(settled: Settled) -> None:
    rig = settled.rig
    settled.connection(up=True)
    settled.lifecycle(STARTED)
    asked = time.monotonic_ns()
    settled.lifecycle(STOPPED)
    settled.asked()
    body = records._FACTS.pack(5, 1, 2, 2, 1 << 20, 2 << 20, 0, 2, 2 << 20, True, False)
    told = record(
        records.FACTS, uuid=settled.guest.bytes, name=b"g", body=body, monotonic=asked + 1
    )
    rig.pipe.put(told)
    rig.settle()
    assert rig.dispatcher.open_stops == 1
