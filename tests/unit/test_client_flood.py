"""One agent that floods its readers does not keep them from the others."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from hostmon import client, wire
from hostmon.client import Endpoint, FleetView, Subscriber
from hostmon.events import HeartbeatEvent
from tests.unit.bus import Bus, until
from tests.unit.rig import EPOCH

GARBAGE = b"welcome\0\xc1"
HEARTBEAT = wire.encode(
    HeartbeatEvent(
        epoch=EPOCH, sequence=1, host="bad", time_ns=1, monotonic_ns=1, classes=(), sums=None
    )
)


class Flood:
    """A publisher that sends one message again and again, as fast as it can be taken."""

    def __init__(self, folder: Path, message: bytes, requests: str = "") -> None:
        self.endpoint = Endpoint(f"ipc://{folder}/flood", requests)
        self.sent = 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._message = message
        self._stop = threading.Event()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.linger = 0
        self._socket.bind(self.endpoint.events)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self._context.term()

    def _run(self) -> None:
        while not self._stop.is_set():
            for _ in range(200):
                self._socket.send(self._message)
            self.sent += 200
        self._socket.close(0)


@pytest.fixture(params=[GARBAGE, b"heartbeat/heartbeat/\0" + HEARTBEAT], ids=["garbage", "old"])
def flood(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flood]:
    (tmp_path / "bad").mkdir()
    bus = Bus(tmp_path / "bad")
    made = Flood(tmp_path, request.param, bus.endpoint.requests)
    yield made
    made.close()
    bus.close()


def test_an_update_comes_back_and_tells_of_the_others(flood: Flood, tmp_path: Path) -> None:
    bus = Bus(tmp_path)
    try:
        with FleetView([flood.endpoint, bus.endpoint]) as fleet:
            longest = 0.0
            end = time.monotonic() + 1

            def update() -> None:
                nonlocal longest
                began = time.monotonic()
                fleet.update(0.0)
                longest = max(longest, time.monotonic() - began)

            until(lambda: fleet.subscriber.views[1].joined, update)
            until(lambda: time.monotonic() > end, update)
            assert longest < 1
            sent = flood.sent
            until(lambda: flood.sent > sent, lambda: time.sleep(0.01))  # it floods still
    finally:
        bus.close()


def test_a_loop_that_reads_a_flood_goes_on(tmp_path: Path) -> None:
    """Of messages that give no event: the reader's own awaits come never."""
    flood = Flood(tmp_path, GARBAGE)

    async def read() -> int:
        with Subscriber([flood.endpoint]) as subscriber:

            async def drain() -> None:
                async for _ in subscriber.stream():
                    pass

            reading = asyncio.create_task(drain())
            while subscriber.malformed < 10_000:
                await asyncio.sleep(0.001)
            reading.cancel()
            return subscriber.malformed

    try:
        assert asyncio.run(asyncio.wait_for(read(), 20)) >= 10_000
    finally:
        flood.close()


def test_what_one_advance_takes_is_bounded(tmp_path: Path) -> None:
    flood = Flood(tmp_path, GARBAGE)
    try:
        with Subscriber([flood.endpoint]) as subscriber:
            (link,) = subscriber._links
            until(lambda: link.more, link.advance)
            before = link.malformed
            link.advance()
            assert link.malformed - before <= client.link.BATCH
    finally:
        flood.close()
