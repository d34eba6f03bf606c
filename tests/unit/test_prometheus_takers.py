"""How fast a client must take its answer: something now and then, and all of it in a minute."""

import functools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, cast

import pytest
from starlette.applications import Starlette

from hostmon_drivers.prometheus import protocol, server
from hostmon_drivers.prometheus.scrapes import Answer, Asked
from hostmon_drivers.prometheus.server import Server
from tests.unit.bus import until

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"
BODY = bytes(4 << 20)
DUE_S = 1


class Pages:
    """Scrapes that all get one page."""

    def __init__(self) -> None:
        self.body = BODY

    def soon(self, _asked: Asked) -> Future[Answer]:
        answer: Future[Answer] = Future()
        answer.set_result(Answer(200, (("content-type", "text/plain"),), self.body))
        return answer

    def stop(self) -> None:
        """Nothing is under way."""


class Served:
    """A server of one page, whose kernel holds little of it, and one client that has asked."""

    def __init__(self) -> None:
        self.pages = Pages()
        bound = socket.create_server(("127.0.0.1", 0))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.server = Server(Starlette(), cast("Any", self.pages), bound)
        self.server.start()
        self._address = bound.getsockname()
        self.client = self.another()

    def another(self, room: int = 65536) -> socket.socket:
        """One more client, whose kernel holds so much."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        client.settimeout(10)
        client.connect(self._address)
        return client

    def ask(self) -> None:
        self.client.sendall(REQUEST)
        until(lambda: self.connections == 1, lambda: time.sleep(0.001))

    def take(self, body: int) -> None:
        """An answer with a body of this size, whole."""
        had = b""
        while had.partition(b"\r\n\r\n")[2] != bytes(body):
            more = self.client.recv(65536)
            assert more, f"closed after {len(had)} bytes"
            had += more

    def waiting(self) -> dict[str, int]:
        """Bytes that wait for each client for which something does, by its address."""
        sizes = {str(one.client): one.transport.get_write_buffer_size() for one in self.protocols()}
        return {client: size for client, size in sizes.items() if size}

    def protocols(self) -> list[protocol.DeadlineProtocol]:
        return cast("Any", list(self.server._server.server_state.connections))  # type: ignore[no-any-return]

    @property
    def connections(self) -> int:
        return len(self.server._server.server_state.connections)

    def close(self) -> None:
        self.client.close()
        self.server.stop()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(protocol, "TAKEN_DUE", float(DUE_S))
    monkeypatch.setattr(server, "IDLE", DUE_S)
    made = Served()
    yield made
    made.close()


def test_a_client_that_takes_slowly_and_steadily_gets_all(served: Served) -> None:
    served.ask()
    began, had, left = time.monotonic(), 0, 4.0
    while had < len(BODY):
        pace = len(BODY) * (time.monotonic() - began) / left
        if had > pace:
            time.sleep(0.005)
            continue
        more = served.client.recv(16384)
        assert more, f"closed after {had} bytes, {time.monotonic() - began:.1f} s"
        had += len(more)
    assert time.monotonic() - began > 3 * DUE_S
    until(lambda: served.connections == 0, lambda: time.sleep(0.01))  # it is idle then


def ended(served: Served, take: Callable[[], object]) -> float:
    """Seconds after which its connection ended."""
    began = time.monotonic()
    until(lambda: served.connections == 0, take)
    return time.monotonic() - began


def test_one_that_takes_but_a_little_is_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "WHOLE_DUE", 3.0 * DUE_S)
    served.ask()

    def drip() -> None:
        time.sleep(0.02)
        served.client.recv(4096)

    assert 3 * DUE_S < ended(served, drip) < 6 * DUE_S


@pytest.mark.parametrize("size", [40_000, len(BODY)])
def test_one_that_takes_nothing_is_ended(served: Served, size: int) -> None:
    """Whether or not more waits for it than asyncio lets wait."""
    served.pages.body = bytes(size)
    served.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    served.ask()
    assert ended(served, lambda: time.sleep(0.01)) < 3 * DUE_S


def test_a_scrape_under_way_when_the_server_stops_is_answered(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Asked] = []
    answer: Future[Answer] = Future()

    def soon(one: Asked) -> Future[Answer]:
        asked.append(one)
        return answer

    monkeypatch.setattr(served.pages, "soon", soon)
    served.client.sendall(REQUEST)
    until(lambda: asked, lambda: time.sleep(0.001))
    stopping = threading.Thread(target=served.server.stop)
    stopping.start()
    until(lambda: served.server._server.should_exit, lambda: time.sleep(0.001))
    answer.set_result(Answer(200, (("content-type", "text/plain"),), b"page"))
    stopping.join(5)
    assert not stopping.is_alive()
    said = b""
    while more := served.client.recv(65536):
        said += more
    assert said.endswith(b"content-length: 4\r\n\r\npage")


def test_one_that_took_all_in_time_is_only_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its answer has been taken is looked at after all of it was due."""
    monkeypatch.setattr(protocol, "TAKEN_DUE", 2.0)
    monkeypatch.setattr(protocol, "WHOLE_DUE", 2.0)
    served = Served()
    served.client.close()
    served.client = served.another(8192)
    try:
        served.pages.body = bytes(150_000)
        served.ask()
        (connection,) = served.protocols()
        until(lambda: connection.flow.write_paused, lambda: time.sleep(0.001))
        had = b""

        def take() -> None:
            nonlocal had
            had += served.client.recv(4096)

        until(lambda: not connection.flow.write_paused, take)
        assert connection._taking is not None, "some is left"
        while len(had.partition(b"\r\n\r\n")[2]) < 150_000:
            take()
        until(lambda: connection._taking is None, lambda: time.sleep(0.01))
        served.client.sendall(REQUEST)
        assert served.client.recv(65536).startswith(b"HTTP/1.1 404 "), "it has no page of its own"
    finally:
        served.close()


@pytest.mark.parametrize(("most", "left"), [(10 << 20, 2), (0, 2), (30 << 20, 4)])
def test_answers_that_wait_are_bounded_together(
    monkeypatch: pytest.MonkeyPatch, most: int, left: int
) -> None:
    """Whose answer has waited longest is ended; two of them may always wait."""
    monkeypatch.setattr(protocol, "MOST_WAITING", most)
    monkeypatch.setattr(server, "IDLE", 60)
    served = Served()
    clients = [served.client, *(served.another() for _ in range(3))]
    try:
        for client in clients:
            client.sendall(REQUEST)
            name = str(client.getsockname())
            until(lambda name=name: name in served.waiting(), lambda: time.sleep(0.001))  # type: ignore[misc]
        waiting = served.waiting()
        assert waiting.keys() == {str(client.getsockname()) for client in clients[-left:]}
        assert sum(waiting.values()) <= max(most, 2 * len(BODY))
        for client in clients[:-left]:
            had = sum(map(len, iter(functools.partial(client.recv, 65536), b"")))
            assert had < len(BODY)
        for served.client in clients[-left:]:
            served.take(len(BODY))
    finally:
        for client in clients:
            client.close()
        served.close()
