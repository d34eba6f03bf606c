"""A subscriber to the bus: typed events as they come, and gaps noticed by their sequence.

Owns one SUB socket; use it in the thread that made it.
"""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import msgspec
import zmq

from hostmon import wire
from hostmon.errors import ProtocolError
from hostmon.events import Event, HeartbeatEvent
from hostmon.kinds import CLASS_OF

# In messages. libzmq's default of 1,000 loses a burst silently, 0 grows without bound.
RECEIVE_HIGH_WATER_MARK = 100_000


class Gap(msgspec.Struct, frozen=True):
    """Events of ``class_`` that did not arrive: from ``first`` up to and with ``last``."""

    class_: str
    first: int
    last: int


class Subscriber:
    """Events of one agent, or of several, optionally of one kind and one guest only.

    A subscriber without filter tells what it missed: ``gaps`` grows by each hole in the sequence of
    a class. With a filter a hole is no gap, and none is told.
    """

    def __init__(
        self,
        addresses: str | Sequence[str],
        *,
        kind: str | None = None,
        guest: str | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self.gaps: list[Gap] = []
        self.malformed = 0
        self._filtered = kind is not None or guest is not None
        self._last: dict[tuple[str, int, str], int] = {}
        self._context = context or zmq.Context.instance()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.linger = 0
        self._socket.rcvhwm = RECEIVE_HIGH_WATER_MARK
        for prefix in wire.topic_prefix(kind, guest):
            self._socket.subscribe(prefix)
        for address in [addresses] if isinstance(addresses, str) else addresses:
            self._socket.connect(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bus."""
        self._socket.close(0)

    def receive(self, timeout: float | None = None) -> Event | None:
        """The next event, heartbeats included; None when none came within ``timeout`` seconds.

        A message that does not follow the protocol is counted in ``malformed`` and passed over.
        """
        while True:
            if timeout is not None and not self._socket.poll(int(timeout * 1000)):
                return None
            try:
                topic, payload = wire.split(self._socket.recv())
                if topic == wire.WELCOME:
                    continue
                event = wire.decode(payload)
            except ProtocolError:
                self.malformed += 1
                continue
            self._check(event)
            return event

    def __iter__(self) -> Iterator[Event]:
        """Every event but heartbeats, for ever."""
        while True:
            event = self.receive()
            if event is not None and not isinstance(event, HeartbeatEvent):
                yield event

    def _check(self, event: Event) -> None:
        """Compare the event's number with the last one of its class."""
        if self._filtered:
            return
        if isinstance(event, HeartbeatEvent):
            for class_ in event.classes:
                self._advance(event, class_.name, class_.sequence, class_.sequence + 1)
        elif (kind := wire.kind_of(event)) in CLASS_OF:
            self._advance(event, CLASS_OF[kind], event.sequence, event.sequence)

    def _advance(self, event: Event, class_: str, newest: int, expected: int) -> None:
        """Note the newest number of a class, and the gap between the last one and ``expected``."""
        key = (event.host, event.epoch, class_)
        last = self._last.get(key)
        if last is not None and expected > last + 1:
            self.gaps.append(Gap(class_, last + 1, expected - 1))
        if last is None or newest > last:
            self._last[key] = newest
