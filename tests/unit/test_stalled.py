"""Connections that take nothing: told once, after some seconds in which nothing became less."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from hostmon.stalled import LOOK_S, STALLED_S, Waiting, unsent

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["unix", "tcp"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "unix":
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            theirs = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


def fill(ours: socket.socket) -> None:
    """Send until the kernel takes no more."""
    with suppress(BlockingIOError):
        while True:
            ours.send(bytes(65536))


def read(theirs: socket.socket) -> None:
    """Take all that is there."""
    with suppress(BlockingIOError):
        while True:
            theirs.recv(1 << 20)


def looks(waiting: Waiting, begin: float, seconds: float) -> list[int]:
    """What it tells in so many seconds."""
    count = int(seconds / LOOK_S)
    return [fd for turn in range(count) for fd in waiting.stalled(begin + turn * LOOK_S)]


def test_who_reads_nothing_is_told_once(pair: Pair) -> None:
    ours, _ = pair
    waiting = Waiting()
    waiting.add(ours.fileno())
    assert looks(waiting, 0, 10) == [], "nothing waits for it"
    fill(ours)
    assert unsent(ours.fileno()) > 0
    assert looks(waiting, 100, STALLED_S) == []
    assert looks(waiting, 100 + STALLED_S, 10) == [ours.fileno()]


def test_who_was_stopped_is_told_though_more_and_more_waits(pair: Pair) -> None:
    ours, _ = pair
    waiting = Waiting()
    waiting.add(ours.fileno())
    found = []
    for turn in range(int(2 * STALLED_S / LOOK_S)):
        if unsent(ours.fileno()) == 0 or turn % 2:
            fill(ours) if turn > 4 else ours.send(b"a heartbeat")
        found += waiting.stalled(turn * LOOK_S)
    # On loopback TCP takes into the reader's buffer what fits there: it is none of ours.
    assert found == [ours.fileno()]


def test_who_reads_now_and_then_is_not_told(pair: Pair) -> None:
    ours, theirs = pair
    waiting = Waiting()
    waiting.add(ours.fileno())
    for turn in range(10):
        begin = turn * (STALLED_S + 1)
        fill(ours)
        assert looks(waiting, begin, STALLED_S) == []
        read(theirs)
        assert looks(waiting, begin + STALLED_S, 1) == []


def test_a_connection_that_ended_is_forgotten() -> None:
    ours, theirs = socket.socketpair()
    with theirs, ours:
        ours.setblocking(False)
        fill(ours)
        fd = ours.fileno()
        waiting = Waiting()
        waiting.add(fd)
        looks(waiting, 0, 1)
        waiting.remove(fd)
        assert looks(waiting, 1, 20) == []
    assert unsent(fd) == 0
