"""What a bare socket has not taken of its answer: views of a page that others may wait for too.

A transport would copy them, for each connection apart. Owns writing to the socket, and not how long
that may take.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from itertools import islice

from hostmon_drivers.prometheus.scrapes import Body
from hostmon_drivers.prometheus.untaken import Untaken

MOST_PIECES = 1024
"""What one sendmsg takes (IOV_MAX)."""


class Rest:
    """Writes ``head`` and ``body``, without their first ``sent`` bytes, as they are taken.

    Calls ``done`` with itself and whether all was taken: if not, the connection has ended or was
    aborted. For the running event loop.
    """

    def __init__(
        self,
        peer: socket.socket,
        head: bytes,
        body: Body,
        sent: int,
        untaken: Untaken,
        done: Callable[["Rest", bool], object],
    ) -> None:
        self.peer = peer
        self._body = body
        self._size = sum(map(len, body))
        self._views = deque(memoryview(piece) for piece in (head, *body))
        self._untaken = untaken
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._took(sent)
        # By its number: the selector writes a socket's addresses into errors that nobody sees.
        self._loop.add_writer(peer.fileno(), self._write)

    def left(self) -> int:
        """Bytes that wait."""
        return sum(map(len, self._views))

    def held(self) -> tuple[int, int]:
        """The page, whole as long as any of it waits."""
        return id(self._body), self._size

    def abort(self) -> None:
        """Write no more."""
        self._end(False)

    def _write(self) -> None:
        try:
            self._took(self.peer.sendmsg(islice(self._views, MOST_PIECES)))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # it has ended by itself
            self._end(False)
            return
        if not self._views:
            self._end(True)

    def _took(self, sent: int) -> None:
        while self._views and sent >= len(self._views[0]):
            sent -= len(self._views.popleft())
        if sent:
            self._views[0] = self._views[0][sent:]

    def _end(self, whole: bool) -> None:
        self._loop.remove_writer(self.peer.fileno())
        self._untaken.forget(self)
        self._done(self, whole)
