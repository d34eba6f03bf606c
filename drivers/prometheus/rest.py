"""What a bare socket has not taken of its answer: a view of a page that others may wait for too.

A transport would copy it, for each connection apart. Owns writing to the socket, and not how long
that may take.
"""

import asyncio
import socket
from collections.abc import Callable

from hostmon_drivers.prometheus.untaken import Untaken


class Rest:
    """Writes ``head`` and ``body``, without their first ``sent`` bytes, as they are taken.

    Calls ``done`` with itself and whether all was taken: if not, the connection has ended or was
    aborted. For the running event loop.
    """

    def __init__(
        self,
        peer: socket.socket,
        pieces: tuple[bytes, bytes],
        sent: int,
        untaken: Untaken,
        done: Callable[["Rest", bool], object],
    ) -> None:
        self.peer = peer
        self._body = pieces[1]
        self._views = [memoryview(piece) for piece in pieces]
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
        return id(self._body), len(self._body)

    def abort(self) -> None:
        """Write no more."""
        self._end(False)

    def _write(self) -> None:
        try:
            self._took(self.peer.sendmsg(self._views))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # it has ended by itself
            self._end(False)
            return
        if not self._views:
            self._end(True)

    def _took(self, sent: int) -> None:
        while self._views and sent >= len(self._views[0]):
            sent -= len(self._views.pop(0))
        if sent:
            self._views[0] = self._views[0][sent:]

    def _end(self, whole: bool) -> None:
        self._loop.remove_writer(self.peer.fileno())
        self._untaken.forget(self)
        self._done(self, whole)
