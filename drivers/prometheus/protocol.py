"""HTTP connections: uvicorn's, with deadlines on idle clients and on those that take nothing.

uvicorn alone keeps a connection that says nothing, or only half a request, or that takes nothing of
its answer, open for ever, and as many of them as there are descriptors: then the bus cannot take a
connection either, and each answer that nobody takes is memory.
"""

import asyncio
from email.utils import formatdate
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from hostmon_drivers.prometheus.untaken import Untaken

HEADERS_DUE = 5.0
MOST_CONNECTIONS = 256


class DeadlineProtocol(H11Protocol):
    """A connection whose next request's headers are due within HEADERS_DUE seconds.

    ``waiting`` are those of one server that have no request under way, the oldest first: they make
    room for newer ones. ``untaken`` watches those that do not take an answer at once.
    """

    waiting: ClassVar[dict["DeadlineProtocol", None]]
    untaken: ClassVar[Untaken]
    _deadline: asyncio.TimerHandle | None = None
    _complete_later = False
    _written = 0
    _refused = False

    def connection_made(self, transport: Any) -> None:  # uvicorn's own annotation
        """The first request's headers are due from now on."""
        if len(self.connections) >= MOST_CONNECTIONS and not self._make_room():
            self._refused = True
            transport.abort()
            return
        super().connection_made(transport)
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
        if self._is_answering():
            self._relax()
        elif self._deadline is None and not self._complete_later:
            self._expect()

    def _is_answering(self) -> bool:
        """Whether a request is under way."""
        cycle: object = self.cycle  # None until a request is complete; uvicorn says otherwise
        return isinstance(cycle, RequestResponseCycle) and not cycle.response_complete

    def on_response_complete(self) -> None:
        """Between requests the idle time-out of uvicorn's applies.

        The next one is looked at when most of this answer was taken: a page made for it would wait
        uncounted.
        """
        self._relax()
        self.waiting[self] = None
        self._complete_later = self.flow.write_paused
        if not self._complete_later:
            self._look_at_next()
        self.untaken.begin(self)

    def _look_at_next(self) -> None:
        """Begin with the next request if it has come already."""
        super().on_response_complete()
        if self._is_answering():
            self._relax()

    def pause_writing(self) -> None:
        """More waits for the client than it has taken."""
        super().pause_writing()
        self.untaken.begin(self)

    def resume_writing(self) -> None:
        """Its client has taken most of what was written."""
        super().resume_writing()
        if self._complete_later:
            self._complete_later = False
            self._look_at_next()

    def left(self) -> int:
        """Bytes that its client has yet to take."""
        return self.transport.get_write_buffer_size()

    def held(self) -> tuple[int, int]:
        """The transport's own copy of them, or since Python 3.12 all of it until it was taken."""
        left = self.left()
        self._written = max(self._written, left) if left else 0
        return id(self.transport), self._written

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

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
        self.untaken.forget(self)
        if not self._refused:
            super().connection_lost(exc)

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
