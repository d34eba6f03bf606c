"""The HTTP server: uvicorn in a thread of its own, with deadlines on silent clients.

uvicorn alone keeps a connection that says nothing, or only half a request, open for ever, and as
many of them as there are descriptors: then the bus cannot take a connection either.
"""

import asyncio
import socket
import threading
from typing import Any, ClassVar

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEADERS_DUE = 5.0
IDLE = 5
GRACE = 1
MOST_CONNECTIONS = 256
ACCEPTED_AT_ONCE = 64  # asyncio takes as many as its backlog before anybody may look at them
# Those that wait in the kernel meanwhile: whoever finds no room there tries again after a second.
QUEUE = 4096


class DeadlineProtocol(H11Protocol):
    """A connection whose next request's headers are due within HEADERS_DUE seconds.

    ``waiting`` are those of one server that have no request under way, the oldest first: they make
    room for newer ones.
    """

    waiting: ClassVar[dict["DeadlineProtocol", None]]
    _deadline: asyncio.TimerHandle | None = None
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

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._relax()
        if not self._refused:
            super().connection_lost(exc)

    def _expect(self) -> None:
        self.waiting[self] = None
        self._deadline = self.loop.call_later(HEADERS_DUE, self.transport.close)

    def _relax(self) -> None:
        self.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class QueueingServer(uvicorn.Server):
    """Takes few connections at once, and lets many wait."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then lengthen the queue that asyncio has made as short as what it takes."""
        await super().startup(sockets)
        for one in sockets or ():
            one.listen(QUEUE)


class Server:
    """Serves ``app`` on an already bound socket."""

    def __init__(self, app: Starlette, bound: socket.socket) -> None:
        self._socket = bound
        protocol = type("ServersProtocol", (DeadlineProtocol,), {"waiting": {}})
        config = uvicorn.Config(
            app,
            http=protocol,
            backlog=ACCEPTED_AT_ONCE,
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=GRACE,
            limit_concurrency=MOST_CONNECTIONS + 1,
        )
        self._server = QueueingServer(config)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def address(self) -> str:
        """The URL it answers on."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def start(self) -> None:
        """Listen from now on; requests that come before the thread runs wait in the backlog."""
        self._socket.listen(QUEUE)
        self._thread.start()

    def stop(self) -> None:
        """Stop; requests under way have GRACE seconds."""
        self._server.should_exit = True
        self._thread.join(GRACE + 0.5)
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])
