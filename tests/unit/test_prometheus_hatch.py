"""The hatch of the HTTP server: usual scrapes are served without entering, all else enters."""

import asyncio
import re
import socket
import struct

import pytest

from hostmon_drivers.prometheus import anteroom
from tests.unit.rooms import BARE, PROMETHEUS, Pages, descriptors, ended, says, served, until

LINGER_NONE = struct.pack("ii", 1, 0)


@pytest.fixture
def four_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anteroom, "SEATS", 4)


async def hears(peer: socket.socket) -> bytes:
    """The body of the next answer; b"" if the connection ended before it."""
    loop = asyncio.get_running_loop()
    data = b""
    async with asyncio.timeout(10):
        while not (found := re.search(rb"content-length: (\d+)\r\n\r\n", data)) or (
            len(data) < found.end() + int(found[1])
        ):
            more = await loop.sock_recv(peer, 1 << 20)
            if not more:
                assert not data
                return b""
            data += more
    assert len(data) == found.end() + int(found[1])
    return data[found.end() :]


def small() -> socket.socket:
    """One whose kernel holds little."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return peer


def test_scrapes_are_served_one_after_the_other_on_one_connection() -> None:
    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            peer = clients.connect()
            for number in range(3):
                peer.sendall(PROMETHEUS)
                await until(lambda: pages.waiting)
                assert len(room._hatch) == 1
                assert not room._seated
                pages.answer(b"page %d" % number)
                assert await hears(peer) == b"page %d" % number
                await until(lambda: room._seated)
            assert not room._entering
            assert await says(peer) == b"x"  # something else enters
            assert not room._seated

    asyncio.run(run())


def test_what_is_said_before_the_answer_is_heard_after_it() -> None:
    async def run() -> None:
        pages = Pages()
        async with served(pages) as (_, clients):
            peer = clients.connect()
            peer.sendall(BARE)
            await until(lambda: pages.waiting)
            peer.sendall(PROMETHEUS)
            await asyncio.sleep(0)
            assert len(pages.waiting) == 1
            pages.answer(b"first")
            assert await hears(peer) == b"first"
            await until(lambda: pages.waiting)
            peer.sendall(b"other")
            pages.answer(b"second")
            assert await hears(peer) == b"second"
            assert await says(peer, b"") == b"other"
        assert [asked.encodings for asked in pages.asked] == ["", "gzip"]

    asyncio.run(run())


def test_what_is_no_whole_scrape_enters_as_it_was_said() -> None:
    async def run() -> None:
        pages = Pages()
        async with served(pages) as (_, clients):
            for said in (BARE[:-1], BARE + b"x"):
                assert await says(clients.connect(), said) == said
        assert not pages.asked

    asyncio.run(run())


def test_who_does_not_take_all_at_once_is_seated_when_it_has() -> None:
    body = bytes(range(256)) * (1 << 14)

    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            peer = clients.connect(small())
            peer.sendall(BARE)
            await until(lambda: pages.waiting)
            pages.answer(body)
            assert len(room._hatch) == 1
            assert not room._seated
            peer.sendall(PROMETHEUS)
            assert await hears(peer) == body
            await until(lambda: pages.waiting)  # it was not heard before
            pages.answer(b"next")
            assert await hears(peer) == b"next"
            assert await says(peer) == b"x"

    asyncio.run(run())


@pytest.mark.parametrize("size", [1, 1000])
def test_a_page_of_many_pieces_is_sent_whole(size: int) -> None:
    """More of them than one write takes, whether it is taken at once or not; some are empty."""
    pieces = [bytes([number % 251]) * (size * (number % 7)) for number in range(2600)]

    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            peer = clients.connect(small())
            for _ in range(2):
                peer.sendall(BARE)
                await until(lambda: pages.waiting)
                pages.answer(*pieces)
                assert await hears(peer) == b"".join(pieces)
                await until(lambda: room._seated)

    asyncio.run(run())


@pytest.mark.parametrize("abort", [False, True])
def test_who_goes_before_the_answer_leaves_no_descriptor(abort: bool) -> None:
    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            before = descriptors()
            for _ in range(10):
                peer = clients.connect()
                peer.sendall(BARE)
                if abort:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
                await until(lambda: pages.waiting)
                peer.close()
                pages.answer(b"page")
            await until(lambda: not len(room._hatch) and descriptors() == before)

    asyncio.run(run())


@pytest.mark.usefixtures("four_seats")
def test_the_first_of_many_slow_takers_makes_room() -> None:
    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            before = descriptors()
            peers = []
            for number in range(1, 6):
                peers.append(clients.connect(small()))
                peers[-1].sendall(BARE)
                await until(lambda: pages.waiting)
                pages.answer(bytes(8 << 20))
                assert len(room._hatch) == min(number, 2)
            await until(lambda: descriptors() == before + 5 + 2)
            assert [await hears(peer) == bytes(8 << 20) for peer in peers[3:]] == [True, True]
            await until(lambda: len(room._seated) == 2)

    asyncio.run(run())


@pytest.mark.usefixtures("four_seats")
def test_no_more_than_there_are_seats_are_served_and_the_others_enter() -> None:
    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            crowd = [clients.connect() for _ in range(4)]
            for peer in crowd:
                peer.sendall(BARE)
            await until(lambda: len(room._hatch) == 4)
            assert await says(clients.connect(), BARE) == BARE
            silent = clients.connect()
            await until(lambda: ended(silent))
            while pages.waiting:
                pages.answer(b"page")
            assert [await hears(peer) for peer in crowd] == [b"page"] * 4

    asyncio.run(run())


@pytest.mark.usefixtures("four_seats")
def test_the_silent_make_room_for_who_is_served() -> None:
    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            silent = [clients.connect() for _ in range(4)]
            await until(lambda: len(room._seated) == 4)
            peers = [clients.connect() for _ in range(2)]
            for peer in peers:
                peer.sendall(BARE)
            await until(lambda: len(pages.waiting) == 2 and sum(map(ended, silent)) == 2)
            assert len(room._seated) == 2

    asyncio.run(run())


def test_who_was_served_and_asks_no_more_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anteroom, "SILENT_S", 0.05)

    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            peer = clients.connect()
            peer.sendall(BARE)
            await until(lambda: pages.waiting)
            await asyncio.sleep(2 * anteroom.SILENT_S)  # a wait for an answer is no silence
            pages.answer(b"page")
            assert await hears(peer) == b"page"
            await until(lambda: ended(peer))
            assert room._sweeping is None

    asyncio.run(run())


def test_closing_waits_for_who_is_being_served_and_no_longer_than_the_grace() -> None:
    async def run() -> None:
        pages = Pages()
        async with served(pages) as (room, clients):
            peers = [clients.connect() for _ in range(2)]
            peers[0].sendall(BARE)
            await until(lambda: pages.waiting)
            peers[1].sendall(BARE)
            await until(lambda: len(pages.waiting) == 2)
            loop = asyncio.get_running_loop()
            began = loop.time()
            await room.close()
            closing = loop.create_task(room.emptied(0.3))
            pages.answer(b"page")
            assert await hears(peers[0]) == b"page"
            assert await hears(peers[0]) == b""
            assert not closing.done()
            assert await hears(peers[1]) == b""
            await closing
            assert loop.time() - began < 5
            pages.answer(b"late")  # nobody is there any more
            await asyncio.sleep(0)

    asyncio.run(run())
