"""How fast a client must take its answer, and how much may wait: of sockets and of connections."""

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from hostmon_drivers.prometheus import anteroom, protocol, server, untaken
from tests.unit.bus import until
from tests.unit.pages_served import ENTERING, USUAL, Served, rest_of, take
from tests.unit.rooms import BARE

SIZE = 4 << 20
DUE_S = 1


@pytest.fixture(params=[USUAL, ENTERING])
def served(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Served]:
    monkeypatch.setattr(untaken, "TAKEN_DUE", float(DUE_S))
    monkeypatch.setattr(anteroom, "SILENT_S", float(DUE_S))
    monkeypatch.setattr(server, "IDLE", DUE_S)
    monkeypatch.setattr(protocol, "HEADERS_DUE", float(DUE_S))
    made = Served(SIZE, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("asks_again", [False, True])
def test_a_client_that_takes_slowly_and_steadily_gets_all(served: Served, asks_again: bool) -> None:
    """Whether or not it has asked for more meanwhile."""
    client = served.ask()
    if asks_again:
        served.waits()
        client.sendall(served.request)
    began, had, left = time.monotonic(), 0, 4.0
    while had < SIZE:
        pace = SIZE * (time.monotonic() - began) / left
        if had > pace:
            time.sleep(0.005)
            continue
        more = client.recv(16384)
        assert more, f"closed after {had} bytes, {time.monotonic() - began:.1f} s"
        had += len(more)
    assert time.monotonic() - began > 3 * DUE_S
    while client.recv(65536):  # it is idle then, and ended for that
        pass


def ended(served: Served, take: Callable[[], object]) -> float:
    """Seconds after which nothing waits any more."""
    began = time.monotonic()
    until(lambda: not served.waiting(), take)
    return time.monotonic() - began


def test_one_that_takes_but_a_little_is_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untaken, "WHOLE_DUE", 3.0 * DUE_S)
    client = served.ask()
    served.waits()

    def drip() -> None:
        time.sleep(0.02)
        client.recv(4096)

    assert 2.5 * DUE_S < ended(served, drip) < 6 * DUE_S
    assert rest_of(client) < SIZE


@pytest.mark.parametrize("size", [40_000, SIZE])
def test_one_that_takes_nothing_is_ended(served: Served, size: int) -> None:
    """Whether or not more waits for it than asyncio lets wait."""
    served.view.page = lambda: (bytes(size),)
    client = served.ask(2048)
    served.waits()
    assert ended(served, lambda: time.sleep(0.01)) < 3 * DUE_S
    assert rest_of(client) < size


def test_one_that_took_all_in_time_is_only_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a connection has taken its answer is looked at after all of it was due."""
    monkeypatch.setattr(untaken, "TAKEN_DUE", 2.0)
    monkeypatch.setattr(untaken, "WHOLE_DUE", 2.0)
    served = Served(150_000, ENTERING)
    try:
        client = served.ask(8192)
        served.waits()
        take(client, 150_000)
        watched = cast("Any", served.server._server._untaken)
        assert len(watched._looks) == 1
        until(lambda: not watched._looks, lambda: time.sleep(0.01))
        client.sendall(BARE.replace(b"/metrics", b"/elsewhere"))
        assert client.recv(65536).startswith(b"HTTP/1.1 404 ")
    finally:
        served.close()


@pytest.mark.parametrize(("most", "left"), [(10 << 20, 2), (0, 2), (30 << 20, 4)])
def test_answers_that_wait_are_bounded_together(
    monkeypatch: pytest.MonkeyPatch, most: int, left: int
) -> None:
    """Whose answer has waited longest is ended, however it waits; two of them may always wait."""
    monkeypatch.setattr(untaken, "MOST_WAITING", most)
    monkeypatch.setattr(server, "IDLE", 60)
    served = Served(SIZE)
    try:
        for served.request in (USUAL, ENTERING, USUAL, ENTERING):
            name = str(served.ask().getsockname())
            until(lambda name=name: name in served.waiting(), lambda: time.sleep(0.001))  # type: ignore[misc]
        waiting = served.waiting()
        assert waiting.keys() == {str(client.getsockname()) for client in served.clients[-left:]}
        assert sum(waiting.values()) <= max(most, 2 * SIZE)
        for client in served.clients[:-left]:
            assert rest_of(client) < SIZE
        for client in served.clients[-left:]:
            take(client, SIZE)
    finally:
        served.close()


@pytest.mark.parametrize("request_", [USUAL, ENTERING])
def test_a_burst_of_clients_that_take_nothing_is_bounded_memory(
    monkeypatch: pytest.MonkeyPatch, request_: bytes
) -> None:
    """Their answers come one after the other without a pause, each with a page of its own."""
    count = 40
    served = Served(SIZE, request_)
    monkeypatch.setattr(untaken, "MOST_WAITING", 4 * SIZE)
    served.view.gate.clear()
    try:
        for _ in range(count):
            served.ask()
        scrapes = served.server._scrapes
        until(lambda: len(scrapes._asked) == count - 1, lambda: time.sleep(0.001))
        tracemalloc.start()
        served.view.gate.set()
        until(lambda: served.being_served == 4 and not scrapes._busy, lambda: time.sleep(0.001))
        served.waits(4)
        assert tracemalloc.get_traced_memory()[1] < 10 * SIZE
        left = served.waiting()
        for client in served.clients:
            if str(client.getsockname()) not in left:
                assert rest_of(client) < SIZE
    finally:
        tracemalloc.stop()
        served.close()


def test_no_page_is_made_for_who_has_not_taken_the_one_before() -> None:
    served = Served(SIZE, ENTERING)
    try:
        client = served.ask()
        served.waits()
        client.sendall(ENTERING * 2)
        other = served.ask()
        assert other.recv(1)
        served.waits(2)
        assert served.view.made == 2, "one for each"
        for _ in range(3):
            take(client, SIZE)
    finally:
        served.close()


def test_a_page_that_many_wait_for_waits_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untaken, "MOST_WAITING", 2 * SIZE)
    served = Served(SIZE)
    page = served.view.page()
    served.view.page = lambda: page
    try:
        for number in range(8):
            served.ask()
            served.waits(number + 1)
        for client in served.clients:
            take(client, SIZE)
    finally:
        served.close()


def test_a_scrape_is_answered_when_no_thread_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    served = Served(10)
    try:
        monkeypatch.setattr(threading.Thread, "start", refused)
        take(served.ask(), 10)
    finally:
        served.close()
