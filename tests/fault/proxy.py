"""Stands between an agent and libvirtd, message by message, and lets things happen in between.

Knows of libvirt's RPC its frame alone (libvirt's docs/kbase/internals/rpc.html): length, program,
version, procedure, type, serial, status. A call, or a reply, may be held while somebody changes
guests; events go on meanwhile, as they do in libvirtd, whose workers answer when they are done.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from tests.lab.node import wait_for

HEADER = struct.Struct(">IIIiiI")
REMOTE_PROGRAM = 0x20008086
CALL, REPLY = 0, 1
REGISTER_ANY = 316  # REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY
LIST_ALL = 273  # REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS
LONGEST = 64 << 20


class Link:
    """One client's connection, and what the proxy knows of it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.subscribed = False
        self.listed = False
        self._sending = threading.Lock()

    def answer(self, message: bytes) -> None:
        """Send to the client; replies may come from several threads."""
        with self._sending, contextlib.suppress(OSError):
            self.client.sendall(message)

    def cut(self) -> None:
        """End both sides."""
        for one in (self.client, self.server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Proxy:
    """Listens on ``path`` for clients of the socket ``upstream``; a context manager.

    Once armed, ``meddle`` is called before each call of a connection that has subscribed to events
    is passed on, and before each reply, so many times in all.
    """

    def __init__(self, path: Path, upstream: Path) -> None:
        self.path = path
        self.meddled = 0
        self._upstream = upstream
        self._listener = socket.socket(socket.AF_UNIX)
        self._links: list[Link] = []
        self._budget = self._serving = 0
        self._meddle: Callable[[], object] = lambda: None
        self._lock = threading.Lock()
        self._listener.bind(str(path))
        self._listener.listen(16)
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        wait_for(lambda: not self._serving, "the proxy's connections are closed", 10)

    def arm(self, meddle: Callable[[], object], times: int) -> None:
        """Have something happen between messages from now on, so many times."""
        with self._lock:
            self._meddle, self._budget, self.meddled = meddle, times, 0

    @property
    def spent(self) -> bool:
        """Whether nothing more is going to happen."""
        return self._budget == 0

    def cut(self) -> None:
        """End every connection."""
        links, self._links = self._links, []
        for link in links:
            link.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._upstream))
            except OSError:
                client.close()
                server.close()
                continue
            link = Link(client, server)
            self._links.append(link)
            with self._lock:
                self._serving += 1
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: Link) -> None:
        """Pass messages both ways until one side ends."""
        replies = threading.Thread(target=self._replies, args=(link,), daemon=True)
        replies.start()
        self._calls(link)
        replies.join()
        link.client.close()
        link.server.close()
        with self._lock:
            self._serving -= 1

    def _calls(self, link: Link) -> None:
        """From the client: a held call holds what follows it, as one thread's calls do."""
        while (message := receive(link.client)) is not None:
            _, program, _, procedure, kind, _ = HEADER.unpack_from(message)
            if (program, kind) == (REMOTE_PROGRAM, CALL):
                link.subscribed |= procedure == REGISTER_ANY
                link.listed |= link.subscribed and procedure == LIST_ALL
                if link.listed:
                    self._happen()
            try:
                link.server.sendall(message)
            except OSError:
                break
        link.cut()

    def _replies(self, link: Link) -> None:
        """From the server: a held reply lets events pass it by."""
        while (message := receive(link.server)) is not None:
            _, program, _, _, kind, _ = HEADER.unpack_from(message)
            if link.listed and (program, kind) == (REMOTE_PROGRAM, REPLY) and self._budget:
                threading.Thread(target=self._late, args=(link, message), daemon=True).start()
            else:
                link.answer(message)
        link.cut()

    def _late(self, link: Link, message: bytes) -> None:
        self._happen()
        link.answer(message)

    def _happen(self) -> None:
        with self._lock:
            if self._budget:
                self._budget -= 1
                self.meddled += 1
                self._meddle()


def receive(source: socket.socket) -> bytes | None:
    """One message; None at the end."""
    head = exactly(source, 4)
    if head is None:
        return None
    (size,) = struct.unpack(">I", head)
    assert HEADER.size <= size <= LONGEST, f"a message of {size} bytes"
    rest = exactly(source, size - 4)
    return None if rest is None else head + rest


def exactly(source: socket.socket, size: int) -> bytes | None:
    """So many bytes; None when the other side ends before."""
    parts = bytearray()
    while len(parts) < size:
        try:
            part = source.recv(size - len(parts))
        except OSError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)
