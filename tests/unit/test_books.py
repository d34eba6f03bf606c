"""The account follows events: taken by the event itself, released when a stop is settled."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostmon import events, kinds, records, wire
from hostmon._pipe import record
from hostmon.account import Sums
from tests.unit.bus import Bus
from tests.unit.rig import Rig
from tests.unit.test_dispatcher import (
    CRASHED,
    DEFINED,
    RUNNING,
    SHUTOFF,
    STARTED,
    STOPPED,
    UNDEFINED,
    compare,
    facts,
)

MIB = 1 << 20
ALSO = ("lifecycle/facts/", "settled/")
SUSPENDED = 3


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(f"ipc://{tmp_path}/bus", also=ALSO, reboot_window_ns=0)
    yield rig
    rig.close()


@pytest.fixture
def guest() -> uuid.UUID:
    return uuid.uuid4()


def sums(event: events.Event) -> Sums:
    """What an event says of the account; its bytes are those of its type."""
    assert event.sums is not None, event
    return event.sums


def next_event(rig: Rig) -> events.Event:
    _, payload = rig.receive()
    event = wire.decode(payload)
    assert wire.encode(event) == payload
    return event


def known(rig: Rig, guest: uuid.UUID) -> None:
    """A defined guest of 2 vCPUs and 1 MiB now, 4 and 2 at most, that libvirt has been asked of."""
    rig.put_lifecycle(guest, DEFINED, 0)
    assert sums(next_event(rig)).defined == 1
    facts(rig, guest, SHUTOFF, resync=False)
    event = next_event(rig)
    assert isinstance(event, events.FactsEvent)
    assert sums(event).vcpus_allocated == 4


def test_the_event_itself_takes_and_the_settled_stop_releases(rig: Rig, guest: uuid.UUID) -> None:
    known(rig, guest)
    rig.put_lifecycle(guest, STARTED, 0, id_=3)
    started = sums(next_event(rig))
    assert (started.vcpus_used, started.memory_used, started.active) == (2, MIB, 1)
    assert (started.vcpus_allocated, started.memory_allocated) == (4, 2 * MIB)
    rig.put_lifecycle(guest, STOPPED, 0)
    stopped = sums(next_event(rig))
    assert (stopped.vcpus_used, stopped.vcpus_held, stopped.held) == (2, 2, 1)
    assert (stopped.memory_held, stopped.active) == (MIB, 0)
    # Nobody has asked libvirt yet: the room stays taken. A stop is due once it is dealt with.
    rig.settle()
    assert rig.ledger.sums()["vcpus_used"] == 2
    facts(rig, guest, SHUTOFF, resync=False)
    settled = next_event(rig)
    while not isinstance(settled, events.StoppedEvent):
        settled = next_event(rig)
    assert (sums(settled).vcpus_used, sums(settled).held, sums(settled).defined) == (0, 0, 1)
    assert rig.ledger.sums()["memory_used"] == 0


def test_a_reboot_gives_no_room_back(tmp_path: Path, guest: uuid.UUID) -> None:
    rig = Rig(f"ipc://{tmp_path}/bus", also=("lifecycle/facts/",))
    try:
        known(rig, guest)
        used = []
        for event, id_ in ((STARTED, 3), (STOPPED, -1), (STARTED, 4)):
            rig.put_lifecycle(guest, event, 0, id_=id_)
            used.append(sums(next_event(rig)).vcpus_used)
        assert used == [2, 2, 2]
        assert rig.ledger.sums()["held"] == 0
    finally:
        rig.close()


def test_events_that_change_nothing_carry_nothing(rig: Rig, guest: uuid.UUID) -> None:
    known(rig, guest)
    rig.put_lifecycle(guest, STARTED, 0, id_=3)
    next_event(rig)
    for kind in (SUSPENDED, 4):
        rig.put_lifecycle(guest, kind, 0, id_=3)
        assert next_event(rig).sums is None


def test_balloon_changes_are_taken_from_the_event(rig: Rig, guest: uuid.UUID) -> None:
    known(rig, guest)
    rig.put_lifecycle(guest, STARTED, 0, id_=3)
    next_event(rig)
    body = b"\xa6actual\xce" + (3 * MIB).to_bytes(4, "big")
    number = kinds.NUMBERS["balloon-change"]
    for one in (body, b"", body[:-2]):  # the last two are garbage: nothing changes
        rig.pipe.put(record(number, uuid=guest.bytes, name=b"g", fields=bool(one), body=one, id=3))
    event = next_event(rig)
    assert isinstance(event, events.BalloonChangeEvent)
    assert (event.actual, sums(event).memory_used) == (3 * MIB, 3 * MIB)
    rig.receive()
    rig.receive()
    found = rig.guest(guest)
    assert found is not None
    assert found.sizes.memory == 3 * MIB


def test_changes_without_an_event_are_told_at_once(tmp_path: Path, guest: uuid.UUID) -> None:
    hour = 3600 * 10**9
    rig = Rig(f"ipc://{tmp_path}/bus", also=(*ALSO, "heartbeat/"), heartbeat_ns=hour)
    try:
        known(rig, guest)
        facts(rig, guest, SHUTOFF, resync=False, defined_vcpus=9)
        event = next_event(rig)
        assert isinstance(event, events.HeartbeatEvent)
        assert sums(event).vcpus_allocated == 9
    finally:
        rig.close()


def test_a_transient_guest_leaves_no_claim(rig: Rig, guest: uuid.UUID) -> None:
    rig.put_lifecycle(guest, STARTED, 0, id_=3)
    assert sums(next_event(rig)).active == 1
    facts(rig, guest, RUNNING, resync=False, persistent=False, id=3)
    assert sums(next_event(rig)).vcpus_used == 2
    rig.put_lifecycle(guest, STOPPED, 0)
    assert sums(next_event(rig)).vcpus_held == 2
    rig.pipe.put(records.gone(guest.bytes, time.monotonic_ns()))
    assert isinstance(next_event(rig), events.StoppedEvent)
    assert len(rig.ledger) == 0


def test_a_crash_that_keeps_the_process_keeps_the_room(rig: Rig, guest: uuid.UUID) -> None:
    known(rig, guest)
    rig.put_lifecycle(guest, STARTED, 0, id_=3)
    next_event(rig)
    rig.put_lifecycle(guest, 8, 0, id_=3)
    next_event(rig)
    found = rig.guest(guest)
    assert found is not None
    assert found.state == CRASHED
    assert rig.ledger.sums()["active"] == 1


def test_a_comparison_takes_and_releases(rig: Rig, guest: uuid.UUID) -> None:
    compare(rig, (guest, RUNNING, {}))
    assert [rig.lifecycle()[0] for _ in range(2)] == ["defined", "started"]
    rig.receive()  # its facts
    assert rig.ledger.sums()["vcpus_used"] == 2
    compare(rig)
    assert [rig.lifecycle()[0] for _ in range(2)] == ["stopped", "undefined"]
    rig.pipe.put(records.gone(guest.bytes, time.monotonic_ns()))
    assert isinstance(next_event(rig), events.StoppedEvent)
    assert len(rig.ledger) == 0


def test_undefining_what_runs_keeps_its_room(rig: Rig, guest: uuid.UUID) -> None:
    known(rig, guest)
    rig.put_lifecycle(guest, STARTED, 0, id_=3)
    next_event(rig)
    rig.put_lifecycle(guest, UNDEFINED, 0, id_=3)
    after = sums(next_event(rig))
    assert (after.vcpus_used, after.vcpus_allocated, after.defined) == (2, 2, 0)


def test_snapshots_hold_guests_and_account_of_one_moment(tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    guests = [uuid.uuid4() for _ in range(50)]
    try:
        before = bus.rig.ledger.sums()["changes"]
        for guest in guests * 40:
            bus.rig.put_lifecycle(guest, STARTED, 0, id_=1)
            bus.rig.put_lifecycle(guest, STOPPED, 0)
        for _ in range(2000):
            snapshot = bus.rig.table.snapshot(bus.rig.ledger)
            assert snapshot.account is not None
            # Transient guests have a row only while they run.
            assert snapshot.account[0]["active"] == len(snapshot)
            if bus.rig.dispatcher.sequence_of["lifecycle"] >= 4000:
                break
        assert bus.rig.ledger.sums()["changes"] > before
    finally:
        bus.close()


def test_tallies_are_finer_than_counts(rig: Rig, guest: uuid.UUID) -> None:
    rig.put_lifecycle(guest, STARTED, 0, id_=3)
    rig.put_lifecycle(guest, STOPPED, 2)
    number = kinds.NUMBERS["agent-lifecycle"]
    rig.pipe.put(record(number, uuid=guest.bytes, name=b"g", event=1))
    for _ in range(3):
        rig.receive()
    lifecycle, agents, crashes, resync = rig.dispatcher.tally_of
    assert (lifecycle[STARTED], lifecycle[STOPPED], agents, crashes, resync) == (
        1, 1, [0, 1, 0], 1, 0,
    )  # fmt: skip
