"""A server of one page, whose kernel holds little of it, with clients: for tests of slow ones."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from hostmon_drivers.prometheus.pages import application
from hostmon_drivers.prometheus.scrapes import Scrapes
from hostmon_drivers.prometheus.server import Server
from tests.unit.bus import until
from tests.unit.rooms import BARE

USUAL = BARE
ENTERING = BARE.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
"""Asks for the same, but is uvicorn's business."""


class View:
    """Gives one page, a copy for each who asks, once the gate is open."""

    def __init__(self, size: int) -> None:
        half = size // 2
        self.page: Callable[[], tuple[bytes, ...]] = lambda: (b"x" * half, b"y" * (size - half))
        self.asked = threading.Event()
        self.made = 0
        self.gate = threading.Event()
        self.gate.set()

    def metric_pieces(self, **_asked: object) -> tuple[bytes, ...]:
        self.asked.set()
        self.gate.wait(10)
        self.made += 1
        return self.page()


class Served:
    """A server, and its clients, which take little by themselves."""

    def __init__(self, size: int, request: bytes = USUAL) -> None:
        self.size = size
        self.view = View(size)
        self.request = request
        scrapes = Scrapes(cast("Any", self.view))
        self._bound = socket.create_server(("127.0.0.1", 0))
        self._bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._address = self._bound.getsockname()
        self.server = Server(application(cast("Any", self.view), scrapes), scrapes, self._bound)
        self.server.start()
        self.clients: list[socket.socket] = []

    def ask(self, room: int = 4096) -> socket.socket:
        """One more client, whose kernel holds so much, and which has asked."""
        client = socket.socket()
        self.clients.append(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        client.settimeout(10)
        client.connect(self._address)
        client.sendall(self.request)
        return client

    def waiting(self) -> dict[str, int]:
        """Bytes that wait for each client for which something does, by its address."""
        sizes: dict[str, int] = {}
        with suppress(RuntimeError):  # it changed meanwhile; asked again
            for one in list(cast("Any", self.server._server._untaken._whole_due)):
                peer = getattr(one, "peer", None)
                with suppress(OSError):  # it has ended
                    sizes[str(peer.getpeername() if peer else one.client)] = one.left()
        return {client: size for client, size in sizes.items() if size}

    def waits(self, count: int = 1) -> None:
        """Wait until something waits for so many clients."""
        until(lambda: len(self.waiting()) == count, lambda: time.sleep(0.001))

    @property
    def being_served(self) -> int:
        """How many wait for an answer, take one, or have entered."""
        served = self.server._server
        rooms = sum(len(room._hatch) for room in served._anterooms)
        return rooms + len(served.server_state.connections)

    def close(self) -> None:
        self.view.gate.set()
        for client in self.clients:
            client.close()
        self.server.stop()


def rest_of(client: socket.socket, pause_s: float = 0.0) -> int:
    """Bytes of the body that it takes until the connection ends."""
    had = client.recv(65536)
    head, _, _ = had.partition(b"\r\n\r\n")
    size = len(had)
    while more := client.recv(65536):
        size += len(more)
        time.sleep(pause_s)
    return size - len(head) - 4


def take(client: socket.socket, size: int) -> None:
    """An answer with a body of this size, whole, and nothing of the next one."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += (more := client.recv(1))
        assert more, f"closed after {head!r}"
    while size:
        size -= (had := len(client.recv(min(size, 1 << 20))))
        assert had, f"closed {size} bytes before the end"
