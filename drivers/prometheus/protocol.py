"""HTTP connections: uvicorn's, with deadlines on idle clients and a short way for scrapes.

uvicorn alone keeps a connection that says nothing, or only half a request, or that takes nothing of
its answer, open for ever, and as many of them as there are descriptors: then the bus cannot take a
connection either, and each answer that nobody takes is memory. And it takes
1.1 ms of CPU for a request of which 0.1 ms would do: a scrape that comes as Prometheus sends it,
whole and without a body, is answered here. Whatever is unusual about one is left to uvicorn.
"""

import asyncio
import re
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from hostmon_drivers.prometheus.scrapes import Answer, Asked, Scrapes

HEADERS_DUE = 5.0
TAKEN_DUE = 5.0
"""Seconds within which a client takes something of what waits for it."""
WHOLE_DUE = 60.0
"""Seconds within which it takes all of an answer: it is memory of ours until then."""
MOST_CONNECTIONS = 256
LONGEST = 8192
"""Bytes of a request that may go the short way."""
REQUEST = re.compile(
    rb"GET /metrics(?:\?([!-~]*))? HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ -~\t]*\r\n)*)\r\n"
)
UNUSUAL = {b"connection", b"content-length", b"expect", b"transfer-encoding", b"upgrade"}
"""Headers that change how a request is read or answered."""


def scrape_in(data: bytes) -> Asked | None:
    """The scrape that these bytes are, if they are one usual request for it and nothing more."""
    found = REQUEST.fullmatch(data) if len(data) <= LONGEST else None
    if found is None:
        return None
    headers: dict[bytes, bytes] = {}
    for line in found[2].splitlines():
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in UNUSUAL or name in headers:
            return None
        headers[name] = value.strip()
    if b"host" not in headers:
        return None
    said = (found[1] or b"", headers.get(b"accept", b""), headers.get(b"accept-encoding", b""))
    return Asked(*(text.decode("ascii") for text in said))


def response(answer: Answer) -> bytes:
    """Status line and headers of an answer."""
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in answer.headers),
        f"content-length: {len(answer.body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class DeadlineProtocol(H11Protocol):
    """A connection whose next request's headers are due within HEADERS_DUE seconds.

    So is something of an answer's taking, within TAKEN_DUE seconds of each other, and all of it
    within WHOLE_DUE.
    ``waiting`` are those of one server that have no request under way, the oldest first: they make
    room for newer ones.
    """

    waiting: ClassVar[dict["DeadlineProtocol", None]]
    _deadline: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None
    _whole_due = 0.0
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
        self._whole_due = self.loop.time() + WHOLE_DUE
        self._watch_taking()

    def pause_writing(self) -> None:
        """More waits for the client than it has taken."""
        super().pause_writing()
        self._whole_due = self.loop.time() + WHOLE_DUE
        self._watch_taking()

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

    def _watch_taking(self) -> None:
        """From now on, until nothing is left."""
        self._unwatch_taking()
        if left := self.transport.get_write_buffer_size():
            self._taking = self.loop.call_later(TAKEN_DUE, self._look_at_taking, left)

    def _look_at_taking(self, before: int) -> None:
        taken = self.transport.get_write_buffer_size() < before
        if taken and self.loop.time() < self._whole_due:
            self._watch_taking()
        else:
            self.transport.abort()

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


class ScrapeProtocol(DeadlineProtocol):
    """A connection whose usual scrapes are answered without uvicorn, all else with it."""

    scrapes: ClassVar[Scrapes]

    def __init__(self, **more: Any) -> None:  # uvicorn's, by its own names
        super().__init__(**more)
        self._asked: asyncio.Future[Answer] | None = None
        self._early: list[bytes] = []
        self._last = False

    def data_received(self, data: bytes) -> None:
        """One scrape after the other; what comes before its answer has been taken waits."""
        if self._asked is not None or self.flow.write_paused:
            self._early.append(data)
            self.flow.pause_reading()
            return
        asked = scrape_in(data) if self._between_requests() else None
        if asked is None:
            super().data_received(data)
            return
        self._relax()
        self._unset_keepalive_if_required()
        self._asked = asyncio.wrap_future(self.scrapes.soon(asked), loop=self.loop)
        self._asked.add_done_callback(self._answer)

    def resume_writing(self) -> None:
        """Room for the next answer."""
        super().resume_writing()
        if self._asked is None:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        if self._asked is not None:
            self._asked.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close, after the answer to a scrape under way."""
        if self._asked is None:
            super().shutdown()
        else:
            self._last = True

    def _between_requests(self) -> bool:
        """Whether uvicorn has neither half a request nor half an answer, and room for another."""
        cycle: object = self.cycle
        idle = not isinstance(cycle, RequestResponseCycle) or cycle.response_complete
        limit = self.limit_concurrency
        return (
            idle
            and self.conn.our_state is h11.IDLE
            and self.conn.their_state is h11.IDLE
            and not self.conn.trailing_data[0]
            and (limit is None or len(self.connections) < limit)
        )

    def _answer(self, done: "asyncio.Future[Answer]") -> None:
        """Send what was asked for."""
        self._asked = None
        if done.cancelled() or self.transport.is_closing():
            return
        answer = done.result()
        self.transport.write(response(answer) + answer.body)
        self.on_response_complete()
        if self._last:
            self.transport.close()
        elif not self.flow.write_paused:
            self._go_on()

    def _go_on(self) -> None:
        """With what came early."""
        early, self._early = b"".join(self._early), []
        self.flow.resume_reading()
        if early:
            self.data_received(early)
