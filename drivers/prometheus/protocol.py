"""HTTP connections: uvicorn's, with deadlines on idle clients and on those that take nothing.

uvicorn alone keeps a connection that says nothing, or only half a request, or that takes nothing of
its answer, open for ever, and as many of them as there are descriptors: then the bus cannot take a
connection either, and each answer that nobody takes is memory.
"""

import asyncio
from email.utils import formatdate
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEADERS_DUE = 5.0
TAKEN_DUE = 5.0
"""Seconds within which a client takes something of what waits for it."""
WHOLE_DUE = 60.0
"""Seconds within which it takes all of an answer: it is memory of ours until then."""
MOST_CONNECTIONS = 256
MOST_WAITING = 64 << 20
"""Bytes of answers that wait in all connections together, or two of the newest where it is more."""


class DeadlineProtocol(H11Protocol):
    """A connection whose next request's headers are due within HEADERS_DUE seconds.

    So is something of an answer's taking, within TAKEN_DUE seconds of each other, and all of it
    within WHOLE_DUE.
    ``waiting`` are those of one server that have no request under way, the oldest first: they make
    room for newer ones. ``unsent`` is what is left of an answer to a request that came before.
    """

    waiting: ClassVar[dict["DeadlineProtocol", None]]
    unsent = b""
    _deadline: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None
    whole_due = 0.0
    _refused = False

    def connection_made(self, transport: Any) -> None:  # uvicorn's own annotation
        """The first request's headers are due from now on, if nothing is to be taken first."""
        if len(self.connections) >= MOST_CONNECTIONS and not self._make_room():
            self._refused = True
            transport.abort()
            return
        super().connection_made(transport)
        if self.unsent:
            transport.write(self.unsent)
            self.unsent = b""
            self.on_response_complete()
        else:
            self._expect()

    def _make_room(self) -> bool:
        """End the connection that has said nothing for longest; False if all are being served."""
        oldest = next(iter(self.waiting), None)
        if oldest is None:
            return False
        oldest.transport.abort()
        oldest.leave()
        return True

    def leave(self) -> None:
        """It counts no more: its end comes with the loop's next turn."""
        self._relax()
        self.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Headers that are complete end the wait, a further byte of them does not prolong it."""
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        super().data_received(data)
        cycle: object = self.cycle  # None until a request is complete; uvicorn says otherwise
        if isinstance(cycle, RequestResponseCycle) and not cycle.response_complete:
            self._relax()
        elif self._deadline is None:
            self._expect()

    def on_response_complete(self) -> None:
        """Between requests the idle time-out of uvicorn's applies."""
        self._relax()
        self.waiting[self] = None
        super().on_response_complete()
        self.whole_due = self.loop.time() + WHOLE_DUE
        self._watch_taking()

    def pause_writing(self) -> None:
        """More waits for the client than it has taken."""
        super().pause_writing()
        self.whole_due = self.loop.time() + WHOLE_DUE
        self._watch_taking()
        self._bound_waiting()

    def resume_writing(self) -> None:
        """It takes."""
        self._watch_taking()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """It asked nothing more, though perhaps since it is still taking what it asked for."""
        if self.transport.get_write_buffer_size():
            again = self.timeout_keep_alive_handler
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, again)
        else:
            super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._relax()
        self._unwatch_taking()
        if not self._refused:
            super().connection_lost(exc)

    def _bound_waiting(self) -> None:
        """End those whose answers have waited longest while more waits than may."""
        ours = [one for one in self.connections if isinstance(one, DeadlineProtocol)]
        waits = {one: one.transport.get_write_buffer_size() for one in ours}
        over = sum(waits.values()) - max(MOST_WAITING, 2 * self.transport.get_write_buffer_size())
        for one in sorted(filter(waits.get, waits), key=lambda one: one.whole_due):
            if over <= 0:
                break
            over -= waits[one]
            one.transport.abort()

    def _watch_taking(self) -> None:
        """From now on, until nothing is left."""
        self._unwatch_taking()
        if left := self.transport.get_write_buffer_size():
            self._taking = self.loop.call_later(TAKEN_DUE, self._look_at_taking, left)

    def _look_at_taking(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left and (left >= before or self.loop.time() >= self.whole_due):
            self.transport.abort()
        else:
            self._watch_taking()

    def _unwatch_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _end(self) -> None:
        """Close; closing alone would wait until all that is written has been taken."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _expect(self) -> None:
        self.waiting[self] = None
        self._deadline = self.loop.call_later(HEADERS_DUE, self._end)

    def _relax(self) -> None:
        self.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
