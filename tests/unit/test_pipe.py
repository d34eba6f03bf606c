"""The pipe keeps order and loses nothing unmarked, full or not."""

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostmon import events, kinds, records, wire
from hostmon._pipe import EventPipe, record
from hostmon.numbers import KindLoss
from tests.unit.rig import Rig

GUEST = uuid.uuid4()
PAGE = 4096


def numbered(number: int, size: int = 0) -> bytes:
    """A record that carries its number, of about ``size`` bytes."""
    return record(0, uuid=GUEST.bytes, name=b"x" * size, event=3, detail=number)


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Rig]:
    """A rig whose dispatcher does not run yet."""
    rig = Rig(f"ipc://{tmp_path}/bus", queue_size=128 << 10, running=False)
    yield rig
    rig.close()


def details(rig: Rig, count: int) -> list[object]:
    found: list[object] = []
    while len(found) < count:
        event = rig.receive_event()
        if isinstance(event, events.LifecycleEvent):
            found.append(event.detail)
    return found


def test_records_beyond_the_pipe_wait_in_order_and_none_is_lost(tmp_path: Path) -> None:
    rig = Rig(f"ipc://{tmp_path}/bus", queue_size=64 << 20)
    try:
        # One thread fills the pipe faster than messages of this size are published.
        sent = [numbered(100 + n, 60_000 if n % 3 else 10) for n in range(300)]
        for one in sent:
            assert rig.pipe.put(one)
        assert details(rig, 300) == list(range(100, 400))
        assert rig.pipe.lost == 0
        assert rig.dispatcher.lost_records == 0
    finally:
        rig.close()


def test_the_queue_is_used_and_drained(paused: Rig) -> None:
    records = [numbered(100 + n, 8000) for n in range(140)]
    for one in records:
        assert paused.pipe.put(one)
    assert paused.pipe.queued > 0
    before = paused.pipe.written
    paused.run()
    assert paused.pipe.lost == 0
    assert paused.dispatcher.count_of["lifecycle"] == before


def test_what_finds_the_queue_full_is_counted_and_wants_a_resync(paused: Rig) -> None:
    refused = [paused.pipe.put(numbered(n, 60_000)) for n in range(40)].count(False)
    assert refused > 0
    assert paused.pipe.lost == refused
    paused.run()
    assert paused.dispatcher.lost_records == refused
    assert paused.dispatcher.take_wanted() is None, "everything is compared with libvirt"
    assert paused.dispatcher.count_of["lifecycle"] == 40 - refused


def told_lost(rig: Rig) -> events.LostEvent:
    """The one event of a loss, out of the ring; as its type encodes it."""
    page = rig.dispatcher.history.replay({"host": 0}, ("lost",))
    assert page is not None
    maps, count, _, _ = page
    assert count == 1
    event = wire.decode(maps)
    assert wire.encode(event) == maps
    assert isinstance(event, events.LostEvent)
    return event


def test_what_is_lost_is_published_by_kind(paused: Rig) -> None:
    lost = dict.fromkeys(("lifecycle", "watchdog", "io-error", "network"), 0)
    for kind in (*["lifecycle"] * 40, "watchdog", "io-error", "io-error", "network"):
        name = b"x" * 60_000
        lost[kind] += not paused.pipe.put(record(kinds.NUMBERS[kind], uuid=GUEST.bytes, name=name))
    assert not paused.pipe.put(record(records.RESYNC_GUEST, uuid=GUEST.bytes, name=b"x" * 60_000))
    assert lost["lifecycle"] > 1
    paused.run()
    assert paused.dispatcher.lost_records == sum(lost.values()) + 1
    assert told_lost(paused).kinds == tuple(KindLoss(kind, count) for kind, count in lost.items())
    assert paused.dispatcher.count_of["lifecycle"] == 40 - lost["lifecycle"]


def test_a_loss_is_told_in_a_flood_that_does_not_end(tmp_path: Path) -> None:
    rig = Rig(f"ipc://{tmp_path}/bus", running=False, queue_size=64 << 20, heartbeat_ns=1_000_000)
    try:
        while rig.pipe.put(numbered(1, 100)):  # what it takes long to publish
            pass
        rig.thread.start()
        deadline = time.monotonic() + 10
        while not rig.dispatcher.count_of["lost"]:
            assert time.monotonic() < deadline, "nobody tells of the loss"
        assert rig.dispatcher.count_of["lifecycle"] < rig.pipe.written
    finally:
        rig.close()


def test_a_loss_of_the_keepers_messages_alone_is_no_event(paused: Rig) -> None:
    told = record(records.RESYNC_GUEST, uuid=GUEST.bytes, name=b"x" * 60_000)
    assert [paused.pipe.put(told) for _ in range(40)].count(False) > 0
    paused.run()
    assert paused.dispatcher.take_wanted() is None, "everything is compared with libvirt"
    assert paused.dispatcher.count_of["lost"] == 0


def resident() -> int:
    """Bytes of this process's own memory that are resident."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) << 10


def test_a_flood_gives_its_memory_back(tmp_path: Path) -> None:
    rig = Rig(
        f"ipc://{tmp_path}/bus",
        queue_size=64 << 20,
        running=False,
        heartbeat_ns=10_000_000,
        ring_size=1 << 20,
    )
    rig.subscriber.unsubscribe("lifecycle/lifecycle/")  # nobody keeps what is published
    try:
        while rig.pipe.queued < 800:
            assert rig.pipe.put(numbered(1, 60_000))
        flooded = resident()
        rig.run()
        deadline = time.monotonic() + 10
        while flooded - resident() < 40 << 20:
            assert time.monotonic() < deadline, f"{flooded} bytes, then {resident()}"
            time.sleep(0.01)
        assert rig.pipe.put(numbered(2))
    finally:
        rig.close()


def test_several_writers_do_not_tear_records(tmp_path: Path) -> None:
    rig = Rig(f"ipc://{tmp_path}/bus", queue_size=64 << 20)
    try:

        def write(writer: int) -> None:
            for n in range(500):
                rig.pipe.put(numbered(1_000 * writer + n, 3 * PAGE // 2))

        threads = [threading.Thread(target=write, args=(w,)) for w in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = details(rig, 2000)
        for writer in range(1, 5):
            own = [n for n in found if isinstance(n, int) and n // 1_000 == writer]
            assert own == [1_000 * writer + n for n in range(500)]
    finally:
        rig.close()


def test_what_is_no_record_is_refused() -> None:
    pipe = EventPipe()
    with pytest.raises(ValueError, match="not a record"):
        pipe.put(b"too short")
    with pytest.raises(ValueError, match="not a record"):
        pipe.put(numbered(1) + b"more than it says")
    with pytest.raises(ValueError, match="uuid of 3 bytes"):
        record(0, uuid=b"abc")
    with pytest.raises(ValueError, match="queue_size"):
        EventPipe(1024)
