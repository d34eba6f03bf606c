"""Which of many links have something to do, found in time that grows with those alone.

A ZeroMQ descriptor tells that something changed, not that there is a message: a link is advanced
until it has nothing, and once more after it has sent, since sending may take the notice away. All
links are looked at every TICK seconds, for what only time tells.
"""

import select
import time
from collections.abc import Sequence

from hostmon.client.asking import NEVER
from hostmon.client.link import Link

TICK = 0.5


class Waiting:
    """Owns an epoll descriptor over the sockets of ``links``."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links
        self._epoll = select.epoll()
        self._fds = [tuple(int(socket.fd) for socket in link.every_socket) for link in links]
        self._watched = [fds[0] for fds in self._fds]
        self._link_of = {fd: number for number, fds in enumerate(self._fds) for fd in fds}
        self._asked = [0] * len(links)
        self._again: set[int] = set()
        self._asking: set[int] = set()
        self._sweep_at = 0.0
        for fd in self._watched:
            self._epoll.register(fd, select.EPOLLIN)

    def close(self) -> None:
        """Watch no more."""
        self._epoll.close()

    def advance(self) -> list[int]:
        """The links to advance now, by number; tell of each when that is :meth:`done`."""
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + TICK
            self._again.clear()
            return list(range(len(self._links)))
        found = self._again
        found.update(self._link_of[fd] for fd, _ in self._epoll.poll(0))
        found.update(one for one in self._asking if self._links[one].asking.deadline <= now)
        self._again = set()
        return list(found)

    def done(self, number: int) -> None:
        """A link was advanced."""
        link = self._links[number]
        fd = self._fds[number][link.every_socket.index(link.sockets[0])]
        if fd != self._watched[number]:
            self._epoll.unregister(self._watched[number])
            self._epoll.register(fd, select.EPOLLIN)
            self._watched[number] = fd
            self._again.add(number)
        if link.more or link.asking.sent != self._asked[number]:
            self._asked[number] = link.asking.sent
            self._again.add(number)
        (self._asking.add if link.asking.deadline != NEVER else self._asking.discard)(number)

    def wait(self, seconds: float) -> None:
        """Wait until a link has something to do."""
        if self._again:
            return
        now = time.monotonic()
        due = min((self._links[one].asking.deadline for one in self._asking), default=NEVER)
        self._epoll.poll(max(0.001, min(seconds, due - now, self._sweep_at - now)))
