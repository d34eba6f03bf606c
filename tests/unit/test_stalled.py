"""Connections that take nothing: told once, after some seconds in which nothing became less."""

import ctypes
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from hostmon.stalled import (
    LAGGARD_S,
    LAGGING_S,
    LITTLE,
    LOOK_S,
    MOST_LAGGING,
    STALLED_S,
    Waiting,
    unsent,
    untaken,
)  # fmt: skip

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


def read(ours: socket.socket, theirs: socket.socket) -> None:
    """Take all that was sent: by TCP what is taken makes room for what is still on its way."""
    end = time.monotonic() + 10
    while untaken(ours.fileno()):
        assert time.monotonic() < end, "what was sent never came"
        with suppress(BlockingIOError):
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
    assert untaken(ours.fileno()) > 0
    assert looks(waiting, 100, STALLED_S) == []
    assert looks(waiting, 100 + STALLED_S, 10) == [ours.fileno()]


def test_who_was_stopped_is_told_though_more_and_more_waits(pair: Pair) -> None:
    ours, _ = pair
    waiting = Waiting()
    waiting.add(ours.fileno())
    found = []
    for turn in range(int(2 * STALLED_S / LOOK_S)):
        if untaken(ours.fileno()) == 0 or turn % 2:
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
        read(ours, theirs)
        assert looks(waiting, begin + STALLED_S, 1) == []


def test_who_takes_a_little_now_and_then_is_told(pair: Pair) -> None:
    ours, theirs = pair
    waiting = Waiting()
    waiting.add(ours.fileno())
    turn = 0
    found: list[int] = []
    while not found:
        fill(ours)
        if turn % 4 == 3:  # what libzmq holds follows behind what is taken
            before = untaken(ours.fileno())
            end = time.monotonic() + 10
            while untaken(ours.fileno()) >= before:
                assert time.monotonic() < end, "nothing could be taken"
                with suppress(BlockingIOError):
                    theirs.recv(4096)
        turn += 1
        found = waiting.stalled(turn * LOOK_S)
        assert turn * LOOK_S <= LAGGING_S + 2 * LOOK_S
    assert turn * LOOK_S > LAGGING_S


def test_who_always_has_a_little_on_its_way_is_not_told(pair: Pair) -> None:
    ours, theirs = pair
    waiting = Waiting()
    waiting.add(ours.fileno())
    for turn in range(int(3 * LAGGING_S / LOOK_S)):
        ours.send(b"event" * 20)
        if turn % 4 == 3:
            read(ours, theirs)
        assert untaken(ours.fileno()) < LITTLE
        assert waiting.stalled(turn * LOOK_S) == []


SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # linux/filter.h: BPF_RET | BPF_K, 0 bytes of a packet


def deafen(theirs: socket.socket) -> None:
    """Have a connection's end see nothing of what comes, as if it were still on its way."""
    code = ctypes.create_string_buffer(DROP, len(DROP))
    program = struct.pack("HP", 1, ctypes.addressof(code))
    theirs.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def test_who_is_far_away_is_not_told() -> None:
    """Much of what it is sent is always under way, but nothing waits for room."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    waiting = Waiting()
    with ours, theirs:
        theirs.setblocking(False)
        waiting.add(ours.fileno())
        each = int(STALLED_S / LOOK_S) - 1
        turns = 0
        size = 4 * LITTLE
        while turns * LOOK_S < LAGGING_S + STALLED_S:
            deafen(theirs)
            ours.send(bytes(size))
            assert (untaken(ours.fileno()), unsent(ours.fileno())) == (size, 0)
            for _ in range(each):
                assert waiting.stalled(turns * LOOK_S) == []
                turns += 1
            theirs.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
            read(ours, theirs)
            size -= 1024  # it takes
        assert size > LITTLE


def test_of_too_many_that_lag_the_longest_are_told() -> None:
    with ExitStack() as stack:
        waiting = Waiting()
        pairs = []
        for number in range(MOST_LAGGING + 2):
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            stack.enter_context(theirs)
            ours.setblocking(False)
            theirs.setblocking(False)
            fill(ours)
            waiting.add(ours.fileno())
            pairs.append((ours, theirs))
            waiting.stalled(number * LOOK_S / 1000)
        waiting.stalled(LOOK_S)
        late, _ = pairs[0]
        read(*pairs[0])
        assert waiting.stalled(2 * LOOK_S) == []
        fill(late)
        told = looks(waiting, 3 * LOOK_S, LAGGARD_S + LOOK_S)
        assert len(told) == 2
        assert late.fileno() not in told


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
    assert untaken(fd) == 0
