"""Where connections to the HTTP server wait until they say something: bare sockets, no more.

A scrape that comes behind thousands of silent connections waits until all of them were taken, at
70 µs of CPU for each that has a transport and a protocol. So the kernel keeps those that are silent
for DEFERRED_S, and whoever still is gets a seat here. Owns accepting, the sockets that wait, and
their deadline. Who speaks is served through the hatch, and comes back to a seat, or enters: that is
the server's, and must bound itself.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from hostmon_drivers.prometheus.hatch import Hatch
from hostmon_drivers.prometheus.scrapes import Scrapes
from hostmon_drivers.prometheus.untaken import Untaken
from hostmon_drivers.prometheus.usual import LONGEST

log = logging.getLogger(__name__)

SEATS = 256
DEFERRED_S = 1
SILENT_S = 4.0
ACCEPTED_AT_ONCE = 256
AGAIN_S = 1.0
"""Until accepting is tried again when it failed: there was no descriptor left."""

Factory = Callable[[], asyncio.BaseProtocol]
"""Makes a connection's protocol."""


class Anteroom:
    """Accepts from ``listener``; whoever says anything but a usual scrape is ``factory``'s.

    When all seats are taken the one who has been silent for longest makes room; whoever is being
    served keeps a seat. For the event loop that it was made in.
    """

    def __init__(
        self, listener: socket.socket, factory: Factory, scrapes: Scrapes, untaken: Untaken
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._factory = factory
        self._hatch = Hatch(scrapes, untaken, SEATS, self._seat_again)
        self._closed = False
        # When each came, the oldest first; those of the last few calls are not yet watched.
        self._seated: dict[socket.socket, float] = {}
        self._unwatched: dict[socket.socket, None] = {}
        self._entering: set[asyncio.Task[object]] = set()
        self._later: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFERRED_S)
        self._open()

    async def close(self) -> None:
        """Accept no more, and send away who is silent; from then on nobody enters any more.

        Who is being served is until :meth:`emptied`.
        """
        self._closed = True
        self._loop.remove_reader(self._listener)
        for timer in (self._later, self._sweeping):
            if timer is not None:
                timer.cancel()
        for peer in list(self._seated):
            self._dismiss(peer)
        if self._entering:
            await asyncio.wait(self._entering)

    async def emptied(self, grace: float) -> None:
        """Give who is being served ``grace`` seconds, in a closed anteroom."""
        await self._hatch.emptied(grace)

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
            self._seat(peer)
            self._hear(peer)
            self._make_room()
        self._watch()

    def _seat(self, peer: socket.socket) -> None:
        """Give it a seat, unwatched as yet: it may say something at once."""
        self._seated[peer] = self._loop.time()
        self._unwatched[peer] = None

    def _seat_again(self, peer: socket.socket) -> None:
        """It was served, and may ask again."""
        if self._closed:
            peer.close()
            return
        self._seat(peer)
        self._watch()

    def _watch(self) -> None:
        """Hear of whoever has a seat by now."""
        for peer in self._unwatched:
            # By its number: the selector writes a socket's addresses into errors that nobody sees.
            self._loop.add_reader(peer.fileno(), self._hear, peer)
        self._unwatched.clear()
        if self._seated and self._sweeping is None:
            self._sweep()

    def _make_room(self) -> None:
        """Free the seats that were taken first, whether by hearing or by sending away."""
        while len(self._seated) + len(self._hatch) > SEATS:
            peer = next(iter(self._seated))
            if not self._hear(peer):
                self._dismiss(peer)

    def _hear(self, peer: socket.socket) -> bool:
        """Serve a connection that has spoken or let it in, or take the one away that has ended."""
        try:
            said = peer.recv(LONGEST + 1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            said = b""
        if not said:
            self._dismiss(peer)
            return True
        self._leave(peer)
        if not self._hatch.serves(peer, said):
            self._let_in(peer)
        return True

    def _let_in(self, peer: socket.socket) -> None:
        """Hand a connection on."""
        task = self._loop.create_task(self._enter(peer))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    async def _enter(self, peer: socket.socket) -> None:
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
            self._loop.remove_reader(peer.fileno())
        if not self._seated and self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

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
