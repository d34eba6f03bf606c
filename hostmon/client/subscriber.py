"""A subscriber: typed events of one agent or many, in three forms, nothing missed unnoticed.

Owns its links; use it in the thread, or the event loop, that made it.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Self

import zmq

from hostmon.client.endpoint import Endpoint
from hostmon.client.filter import Filter
from hostmon.client.link import Link
from hostmon.client.repair import Repair
from hostmon.client.view import HostView
from hostmon.client.waiting import TICK, Waiting
from hostmon.errors import ArgumentError
from hostmon.events import Event, HeartbeatEvent
from hostmon.numbers import Position

REPAIRS_KEPT = 1000

Endpoints = str | Endpoint | Sequence[str | Endpoint]


class Subscriber:
    """Events of agents, optionally of some classes, kinds and guests only.

    ``kind`` and ``guest`` (a uuid) are short for a filter of one of each; ``wanted`` says more. An
    endpoint that is a text is the address of events alone: gaps are then told, not repaired.
    ``repairs`` holds what was missed and how it was made good, the newest of it; ``on_repair`` is
    told at once. With ``view`` each agent's HostView is kept in ``views``, which no filter may
    narrow, and which needs the agent's address of requests. Raises ArgumentError otherwise.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        kind: str | None = None,
        guest: str | None = None,
        wanted: Filter | None = None,
        view: bool = False,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
        on_repair: Callable[[Repair], None] | None = None,
    ) -> None:
        if wanted is None:
            wanted = Filter(kinds=(kind,) if kind else (), guests=(guest,) if guest else ())
        elif kind or guest:
            raise ArgumentError("kind and guest besides a filter: say them in the filter")
        if isinstance(endpoints, (str, Endpoint)):
            endpoints = [endpoints]
        listed = [Endpoint(one) if isinstance(one, str) else one for one in endpoints]
        if view:
            check_view(listed, wanted)
        self.repairs: deque[Repair] = deque(maxlen=REPAIRS_KEPT)
        self._on_repair = on_repair
        self._context = context or zmq.Context.instance()
        self._links = [
            Link(one, wanted, self._context, HostView() if view else None, self._repaired)
            for one in listed
        ]
        self._ready: deque[Event] = deque()
        self._waiting = Waiting(self._links)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bus."""
        self._waiting.close()
        for link in self._links:
            link.close()

    def resume(self, kept: Iterable[Position]) -> None:
        """Begin after these events instead of now; before the first event is received.

        In another run of the agent than theirs, and in a class without a position, begin with the
        first event; class ``host`` has one for the agent's losses, whatever the filter. Without
        any: now.
        """
        positions = tuple(kept)
        for link in self._links:
            link.kept = positions

    @property
    def views(self) -> tuple[HostView, ...]:
        """Each agent's view, in the order of the endpoints; () without ``view``."""
        return tuple(link.view for link in self._links if link.view is not None)

    @property
    def malformed(self) -> int:
        """Messages that did not follow the protocol, and were passed over."""
        return sum(link.malformed for link in self._links)

    def receive(self, timeout: float | None = None) -> Event | None:
        """The next event, heartbeats included; None when none came within ``timeout`` seconds."""
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._ready:
            for number in self._waiting.advance():
                events = self._links[number].advance()
                self._waiting.done(number)
                self._ready.extend(events)
            left = min(deadline - time.monotonic(), TICK)
            if self._ready:
                break
            if left <= 0:
                return None
            self._waiting.wait(left)
        return self._ready.popleft()

    def __iter__(self) -> Iterator[Event]:
        """Every event but heartbeats, for ever."""
        while True:
            event = self.receive()
            if event is not None and not isinstance(event, HeartbeatEvent):
                yield event

    def run(self, callback: Callable[[Event], object], *, until: Callable[[], bool]) -> None:
        """Call back with every event but heartbeats; ``until`` is asked at least every 0.5 s."""
        while not until():
            event = self.receive(TICK)
            if event is not None and not isinstance(event, HeartbeatEvent):
                callback(event)

    async def stream(self) -> AsyncIterator[Event]:
        """Every event but heartbeats, for ever, in an asyncio event loop."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        fds = {int(socket.fd) for link in self._links for socket in link.every_socket}
        for fd in fds:
            loop.add_reader(fd, readable.set)
        try:
            while True:
                readable.clear()
                events = [event for link in self._links for event in link.advance()]
                for event in events:
                    if not isinstance(event, HeartbeatEvent):
                        yield event
                if any(link.more for link in self._links):
                    await asyncio.sleep(0)  # others of the loop have their turn
                elif not events:
                    # A ZeroMQ descriptor tells of changes only; the tick covers what it does not.
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(readable.wait(), self._due())
        finally:
            for fd in fds:
                loop.remove_reader(fd)

    def _due(self) -> float:
        due = min(link.asking.deadline for link in self._links) - time.monotonic()
        return max(0.0, min(TICK, due))

    def _repaired(self, repair: Repair) -> None:
        self.repairs.append(repair)
        if self._on_repair is not None:
            self._on_repair(repair)


def check_view(endpoints: Iterable[Endpoint], wanted: Filter) -> None:
    """Raise ArgumentError where a view could not be had."""
    if wanted != Filter():
        raise ArgumentError("a view needs every event; take a second subscriber for a filter")
    for one in endpoints:
        if not one.requests:
            raise ArgumentError(
                f"{one.events}: a view needs the address of requests too; "
                "give Endpoint(events, requests)"
            )
