"""Usual scrapes of connections that are bare sockets still, answered without anything else.

A connection that has a transport and a protocol takes 0.3 ms of CPU more for its one scrape. Owns
whoever waits for an answer or is taking it; whoever has all of it goes back to a seat.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from functools import partial

from hostmon_drivers.prometheus.rest import MOST_PIECES, Rest
from hostmon_drivers.prometheus.scrapes import Answer, Scrapes
from hostmon_drivers.prometheus.untaken import Untaken
from hostmon_drivers.prometheus.usual import head, scrape_in


class Hatch:
    """Serves at most ``most`` sockets at a time, which are nobody else's until then.

    Those that were answered are handed to ``seat``. Half of ``most`` may be slow to take it: the
    first of them then makes room. For the event loop that it was made in.
    """

    def __init__(
        self,
        scrapes: Scrapes,
        untaken: Untaken,
        most: int,
        seat: Callable[[socket.socket], object],
    ) -> None:
        self._scrapes = scrapes
        self._untaken = untaken
        self._most = most
        self._seat = seat
        self._served: set[socket.socket] = set()
        self._rests: dict[Rest, None] = {}  # who began first is first
        self._answered = asyncio.Event()

    def __len__(self) -> int:
        """How many wait for their answer, or take it."""
        return len(self._served) + len(self._rests)

    def serves(self, peer: socket.socket, said: bytes) -> bool:
        """Whether this is a usual scrape, and will be answered; ``said`` is yet to be read."""
        asked = scrape_in(said) if len(self) < self._most else None
        if asked is None:
            return False
        try:
            peer.recv(len(said))
        except OSError:  # it has ended by itself
            peer.close()
            return True
        self._scrapes.soon(asked, partial(self._send, peer))
        self._served.add(peer)
        return True

    async def emptied(self, timeout: float) -> None:
        """Wait until everybody has an answer; who has not within ``timeout`` s is sent away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while len(self):
                    self._answered.clear()
                    await self._answered.wait()
        for peer in self._served:
            peer.close()
        self._served.clear()
        for rest in list(self._rests):
            rest.abort()

    def _send(self, peer: socket.socket, answer: Answer) -> None:
        """Give it out, as far as it is taken at once."""
        if peer not in self._served:
            return
        self._served.remove(peer)
        self._answered.set()
        begin = head(answer)
        try:
            sent = peer.sendmsg([begin, *answer.body][:MOST_PIECES])
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:  # it has ended by itself
            peer.close()
            return
        if sent == len(begin) + answer.size:
            self._seat(peer)
            return
        if len(self._rests) >= max(1, self._most // 2):
            next(iter(self._rests)).abort()
        rest = Rest(peer, begin, answer.body, sent, self._untaken, self._taken)
        self._rests[rest] = None
        self._untaken.begin(rest)

    def _taken(self, rest: Rest, whole: bool) -> None:
        """It has all of its answer, or has ended."""
        del self._rests[rest]
        self._answered.set()
        if whole:
            self._seat(rest.peer)
        else:
            rest.peer.close()
