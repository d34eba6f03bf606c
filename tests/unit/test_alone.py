"""An event that comes alone is dispatched in its callback's thread; any other passes the pipe."""

import random
import select
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from hostmon import events, kinds, wire
from hostmon._pipe import record
from tests.agent_process import wait_for
from tests.native.synthetic import put_repeatedly
from tests.unit.rig import Rig

GUEST = uuid.uuid4()
HOUR = 3_600_000_000_000
RESTED = 20_000_000  # nanoseconds without a turn
MANY = 3000


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(f"ipc://{tmp_path}/bus", heartbeat_ns=HOUR)
    yield rig
    rig.close()


def bring(rig: Rig, detail: int, kind: str = "lifecycle") -> None:
    """Hand one event over as a callback does."""
    one = record(kinds.NUMBERS[kind], uuid=GUEST.bytes, name=b"g", event=4, detail=detail, id=4)
    put_repeatedly(rig.pipe, one, 1)


def rested(rig: Rig) -> None:
    """Wait until the dispatcher, and this thread, have had nothing to do for a while."""
    began = time.monotonic_ns()
    wait_for(lambda: time.monotonic_ns() - max(began, rig.dispatcher.turned_ns) > RESTED)


def details(rig: Rig, count: int) -> list[object]:
    """Of the next lifecycle events; the classes' numbers have no gap."""
    found: list[object] = []
    last: dict[str, int] = {}
    while len(found) < count:
        topic, payload = rig.receive()
        event, class_ = wire.decode(payload), topic.partition("/")[0]
        assert event.sequence == last.setdefault(class_, event.sequence - 1) + 1
        last[class_] = event.sequence
        if isinstance(event, events.LifecycleEvent):
            found.append(event.detail)
    return found


def test_an_event_that_comes_alone_does_not_pass_the_pipe(rig: Rig) -> None:
    rested(rig)
    before, turned = rig.pipe.written, rig.dispatcher.turned_ns
    bring(rig, 101)
    assert details(rig, 1) == [101]
    assert rig.pipe.written == before
    assert rig.dispatcher.count_of["lifecycle"] == 1
    wait_for(lambda: rig.dispatcher.turned_ns > turned)  # what belongs to an event besides


def test_what_it_leaves_to_the_dispatcher_is_done_soon(rig: Rig) -> None:
    rested(rig)
    bring(rig, 101)
    poll = select.poll()
    poll.register(rig.dispatcher.wanted_fd, select.POLLIN)
    assert poll.poll(10_000), "nobody wakes the keeper"
    assert rig.dispatcher.take_wanted() == [GUEST.bytes]
    bring(rig, 0, "balloon-change")
    rested(rig)
    before = rig.pipe.written
    bring(rig, 102)
    assert rig.pipe.written == before, "the dispatcher rests again"


def test_what_comes_with_another_event_passes_the_pipe(rig: Rig) -> None:
    rested(rig)
    before = rig.pipe.written
    for _ in range(3):
        put_repeatedly(rig.pipe, record(0, uuid=GUEST.bytes, name=b"g", event=4, detail=101), 40)
        rested(rig)
    assert details(rig, 120) == [101] * 120
    assert rig.pipe.written - before > 60, "each burst but for its first, unless interrupted"


def test_nobody_dispatches_in_the_place_of_none(tmp_path: Path) -> None:
    rig = Rig(f"ipc://{tmp_path}/bus", running=False, heartbeat_ns=HOUR)
    try:
        bring(rig, 101)
        assert rig.pipe.written == 1
        rig.run()
        assert rig.dispatcher.count_of["lifecycle"] == 1
        rig.dispatcher.stop()
        rig.thread.join(10)
        before = rig.pipe.written
        bring(rig, 102)
        assert rig.pipe.written == before + 1
    finally:
        rig.close()


def test_order_is_kept_whichever_way_each_goes(rig: Rig) -> None:
    """Events at all distances, among messages of other threads."""
    pause = random.Random(1)
    ended = threading.Event()

    def others() -> None:
        while not ended.wait(0.001):
            rig.pipe.put(record(kinds.NUMBERS["pool-refresh"], uuid=bytes(16), name=b"p"))

    def callbacks() -> None:
        for number in range(MANY):
            bring(rig, 100 + number)
            time.sleep(pause.choice((0, 0, 0.0001, 0.0003, 0.0006)))

    before = rig.pipe.written
    threads = [threading.Thread(target=others), threading.Thread(target=callbacks)]
    for thread in threads:
        thread.start()
    try:
        assert details(rig, MANY) == [100 + number for number in range(MANY)]
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    put = rig.pipe.written - before
    passed = MANY + rig.dispatcher.count_of["pool-refresh"] - put
    assert 0 < passed < MANY + rig.dispatcher.count_of["pool-refresh"]


def test_interruptions_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    """Between two runs the socket is its owner's alone."""

    class Interrupted(Rig):
        runs = 1

        def _dispatch(self) -> None:
            with self.context.socket(zmq.XPUB) as socket:
                socket.bind(self.address)
                self._ready.set()
                while not self.dispatcher.run(socket.underlying):
                    self.runs += 1

    rig = Interrupted(f"ipc://{tmp_path}/bus", heartbeat_ns=HOUR)
    try:
        for number in range(300):
            bring(rig, 100 + number)
            if number % 3 == 0:
                rig.dispatcher.interrupt()
            time.sleep(0.0004 * (number % 2))
        assert details(rig, 300) == [100 + number for number in range(300)]
        assert rig.runs > 1
    finally:
        rig.close()
