"""Usual scrapes of connections that are bare sockets still, answered without anything else.

A connection that has a transport and a protocol takes 0.3 ms of CPU more for its one scrape. Owns
whoever waits for an answer; reads and writes each socket once. Whoever was answered goes back to a
seat, and who does not take all of it at once to a protocol.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from hostmon_drivers.prometheus.scrapes import Answer, Scrapes
from hostmon_drivers.prometheus.usual import response, scrape_in


class Hatch:
    """Serves at most ``most`` sockets at a time, which are nobody else's until then.

    Those that were answered are handed to ``seat``, or to ``enter`` with what they did not take.
    For the event loop that it was made in.
    """

    def __init__(
        self,
        scrapes: Scrapes,
        most: int,
        seat: Callable[[socket.socket], object],
        enter: Callable[[socket.socket, bytes], object],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._scrapes = scrapes
        self._most = most
        self._seat = seat
        self._enter = enter
        self._served: set[socket.socket] = set()
        self._answered = asyncio.Event()

    def __len__(self) -> int:
        """How many wait for their answer."""
        return len(self._served)

    def serves(self, peer: socket.socket, said: bytes) -> bool:
        """Whether this is a usual scrape, and will be answered; ``said`` is yet to be read."""
        asked = scrape_in(said) if len(self._served) < self._most else None
        if asked is None:
            return False
        try:
            peer.recv(len(said))
        except OSError:  # it has ended by itself
            peer.close()
            return True
        self._served.add(peer)
        self._scrapes.soon(asked).add_done_callback(partial(self._made, peer))
        return True

    async def emptied(self, timeout: float) -> None:
        """Wait until everybody was answered; whoever was not within ``timeout`` s is sent away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._served:
                    self._answered.clear()
                    await self._answered.wait()
        for peer in self._served:
            peer.close()
        self._served.clear()

    def _made(self, peer: socket.socket, answer: Future[Answer]) -> None:
        """An answer is there; in the thread that made it."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._send, peer, answer)

    def _send(self, peer: socket.socket, answer: Future[Answer]) -> None:
        """Give it out, as far as it is taken at once."""
        if peer not in self._served:
            return
        self._served.remove(peer)
        self._answered.set()
        if answer.cancelled():
            peer.close()
            return
        page = response(answer.result())
        try:
            sent = peer.send(page)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:  # it has ended by itself
            peer.close()
            return
        if sent == len(page):
            self._seat(peer)
        else:
            self._enter(peer, page[sent:])
