"""Where connections to the HTTP server wait until they say something: bare sockets, no more.

A scrape that comes behind thousands of silent connections waits until all of them were taken, at
70 µs of CPU for each that has a transport and a protocol. So the kernel keeps those that are silent
for DEFERRED_S, and whoever still is gets a seat here. Owns accepting, the sockets that wait, and
their deadline; whoever has spoken is the server's, and must bound itself.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

log = logging.getLogger(__name__)

SEATS = 256
DEFERRED_S = 1
SILENT_S = 4.0
ACCEPTED_AT_ONCE = 256
AGAIN_S = 1.0
"""Until accepting is tried again when it failed: there was no descriptor left."""

Factory = Callable[[], asyncio.BaseProtocol]


class Anteroom:
    """Accepts from ``listener``; who speaks goes on to a protocol that ``factory`` makes.

    When all seats are taken the one who has been silent for longest makes room. For the event loop
    that it was made in.
    """

    def __init__(self, listener: socket.socket, factory: Factory) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._factory = factory
        # When each came, the oldest first; those of the last few calls are not yet watched.
        self._seated: dict[socket.socket, float] = {}
        self._unwatched: dict[socket.socket, None] = {}
        self._entering: set[asyncio.Task[object]] = set()
        self._later: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFERRED_S)
        self._open()

    def close(self) -> None:
        """Accept no more; whoever is silent goes."""
        self._loop.remove_reader(self._listener)
        for timer in (self._later, self._sweeping):
            if timer is not None:
                timer.cancel()
        for peer in list(self._seated):
            self._dismiss(peer)

    def _open(self) -> None:
        self._later = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        """Take a few of those that wait, each no further than to a seat."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                peer, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break
            except OSError as error:
                log.error("no connection can be taken: %s", error.strerror)
                self._loop.remove_reader(self._listener)
                self._later = self._loop.call_later(AGAIN_S, self._open)
                break
            peer.setblocking(False)
            self._seated[peer] = self._loop.time()
            self._unwatched[peer] = None
            self._hear(peer)
            if len(self._seated) > SEATS:
                self._make_room()
        for peer in self._unwatched:
            self._loop.add_reader(peer, self._hear, peer)
        self._unwatched.clear()
        if self._seated and self._sweeping is None:
            self._sweep()

    def _make_room(self) -> None:
        """Free the seat that was taken first, whether by letting in or by sending away."""
        peer = next(iter(self._seated))
        if not self._hear(peer):
            self._dismiss(peer)

    def _hear(self, peer: socket.socket) -> bool:
        """Let a connection enter that has spoken, or take the one away that has ended."""
        try:
            said = peer.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            said = b""
        if not said:
            self._dismiss(peer)
            return True
        self._leave(peer)
        task = self._loop.create_task(self._enter(peer))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)
        return True

    async def _enter(self, peer: socket.socket) -> None:
        """Hand a connection on."""
        try:
            await self._loop.connect_accepted_socket(self._factory, peer)
        except OSError as error:
            log.debug("a connection ended by itself: %s", error)
            peer.close()

    def _leave(self, peer: socket.socket) -> None:
        """Free a connection's seat."""
        del self._seated[peer]
        if peer in self._unwatched:
            del self._unwatched[peer]
        else:
            self._loop.remove_reader(peer)

    def _dismiss(self, peer: socket.socket) -> None:
        """End a connection."""
        self._leave(peer)
        peer.close()

    def _sweep(self) -> None:
        """End whoever has been silent for too long, and look again when the next one will have."""
        now = self._loop.time()
        while self._seated:
            peer, since = next(iter(self._seated.items()))
            if since + SILENT_S > now:
                self._sweeping = self._loop.call_at(since + SILENT_S, self._sweep)
                return
            self._dismiss(peer)
        self._sweeping = None
