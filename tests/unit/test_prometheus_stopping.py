"""The HTTP server's end: answers under way are taken whole within the grace; nothing is left."""

import threading
import time
from collections.abc import Iterator

import pytest

from hostmon_drivers.prometheus import server
from tests.unit.bus import until
from tests.unit.pages_served import ENTERING, USUAL, Served, rest_of
from tests.unit.rooms import descriptors

SIZE = 8 << 20


@pytest.fixture(params=[USUAL, ENTERING])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    before = descriptors()
    made = Served(SIZE, request.param)
    yield made
    made.close()
    assert descriptors() == before


def stopping(served: Served) -> threading.Thread:
    """A thread in which the server ends; it has begun to."""
    thread = threading.Thread(target=served.server.stop)
    thread.start()
    until(lambda: served.server._server.should_exit, lambda: time.sleep(0.001))
    return thread


def test_an_answer_under_way_is_taken_whole(served: Served) -> None:
    client = served.ask(1 << 16)
    assert client.recv(1)
    thread = stopping(served)
    began = time.monotonic()
    assert rest_of(client, 0.001) == SIZE
    assert time.monotonic() - began < server.GRACE
    thread.join(5)


@pytest.mark.parametrize("late", [0.0, 0.3])
def test_a_page_that_is_made_meanwhile_is_taken_whole(served: Served, late: float) -> None:
    served.view.gate.clear()
    client = served.ask(1 << 16)
    assert served.view.asked.wait(5)
    thread = stopping(served)
    began = time.monotonic()
    thread.join(late)
    served.view.gate.set()
    assert rest_of(client, 0.001) == SIZE
    assert time.monotonic() - began < server.GRACE
    thread.join(5)


def test_who_takes_nothing_is_ended_and_leaves_no_descriptor(served: Served) -> None:
    client = served.ask()
    assert client.recv(1)
    thread = stopping(served)
    thread.join(5)
    assert not thread.is_alive()
    assert rest_of(client) < SIZE
