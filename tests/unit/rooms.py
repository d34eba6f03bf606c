"""An anteroom with clients, for tests of who waits in it and who is served."""

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from hostmon_drivers.prometheus.anteroom import Anteroom
from hostmon_drivers.prometheus.scrapes import Answer, Asked, Then
from hostmon_drivers.prometheus.untaken import Untaken

PROMETHEUS = (
    b"GET /metrics HTTP/1.1\r\nHost: h:9177\r\nUser-Agent: Prometheus/2.42\r\n"
    b"Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\nAccept-Encoding: gzip\r\n"
    b"X-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"
)
BARE = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"


class Pages:
    """Scrapes that are answered when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.waiting: list[Then] = []

    def soon(self, asked: Asked, then: Then) -> None:
        """Keep who asks."""
        self.asked.append(asked)
        self.waiting.append(then)

    def answer(self, *body: bytes) -> None:
        """Answer whoever has waited for longest."""
        answer = Answer(200, [("content-type", "text/plain")], body)
        self.waiting.pop(0)(answer)


class Echo(asyncio.Protocol):
    """Says what is said to it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Clients:
    """Connections to one listener, closed in the end."""

    def __init__(self, stack: ExitStack, listener: socket.socket) -> None:
        self._stack = stack
        self._address = listener.getsockname()

    def connect(self, peer: socket.socket | None = None) -> socket.socket:
        peer = self._stack.enter_context(peer or socket.socket())
        peer.connect(self._address)
        peer.setblocking(False)
        return peer


@asynccontextmanager
async def served(pages: Pages | None = None) -> AsyncIterator[tuple[Anteroom, Clients]]:
    """An anteroom, and clients of its listener."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(4096)
        room = Anteroom(listener, Echo, cast("Any", pages or Pages()), Untaken())
        try:
            yield room, Clients(stack, listener)
        finally:
            await room.close()
            await room.emptied(0)


async def until(condition: Callable[[], object]) -> None:
    """Wait for it; the kernel keeps a silent connection for a second."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def says(peer: socket.socket, what: bytes = b"x") -> bytes:
    """What comes back for it; nothing from a connection that has ended."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        try:
            await loop.sock_sendall(peer, what)
            return await loop.sock_recv(peer, 100)
        except ConnectionError:
            return b""


def ended(peer: socket.socket) -> bool:
    """Whether the other side has ended a connection that said nothing."""
    try:
        return peer.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def descriptors() -> int:
    """How many this process has open."""
    gc.collect()  # what other tests left behind closes its files now, not between two counts
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))
