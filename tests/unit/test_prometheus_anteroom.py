"""The anteroom of the HTTP server: who speaks enters, who is silent makes room and goes."""

import asyncio
import os
import resource
import socket

import pytest

from hostmon_drivers.prometheus import anteroom
from tests.unit.rooms import descriptors, ended, says, served, until


def test_who_speaks_enters_early_or_late() -> None:
    async def run() -> None:
        async with served() as (room, clients):
            late, early = clients.connect(), clients.connect()
            assert await says(early) == b"x"
            await until(lambda: len(room._seated) == 1)
            assert await says(late, b"y") == b"y"
            assert not room._seated
            assert await says(late, b"z") == b"z"

    asyncio.run(run())


def test_the_longest_silent_makes_room_and_who_has_spoken_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(anteroom, "SEATS", 8)

    async def run() -> None:
        async with served() as (room, clients):
            first = clients.connect()
            assert await says(first) == b"x"
            crowd = [clients.connect() for _ in range(100)]
            await until(lambda: sum(map(ended, crowd)) == 92)
            assert len(room._seated) == 8
            left = next(peer for peer in crowd if not ended(peer))
            assert await says(left) == b"x"
            assert await says(first) == b"x"

    asyncio.run(run())


def test_a_burst_that_has_spoken_all_enters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anteroom, "SEATS", 8)

    async def run() -> None:
        async with served() as (_, clients):
            crowd = [clients.connect() for _ in range(100)]
            for number, peer in enumerate(crowd):
                peer.sendall(b"%d" % number)
            heard = [await says(peer, b"") for peer in crowd]
            assert heard == [b"%d" % number for number in range(100)]

    asyncio.run(run())


def test_the_silent_and_the_ended_leave_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anteroom, "SILENT_S", 0.1)

    async def run() -> None:
        async with served() as (room, clients):
            before = descriptors()
            silent = [clients.connect() for _ in range(20)]
            await until(lambda: all(map(ended, silent)))
            for peer in silent:
                peer.close()
            for _ in range(20):
                clients.connect().close()
            await until(lambda: not room._seated and descriptors() == before)
            assert await says(clients.connect()) == b"x"

    asyncio.run(run())


def test_without_a_descriptor_it_tries_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(anteroom, "AGAIN_S", 0.05)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def run() -> None:
        async with served() as (_, clients):
            peer = socket.socket()
            lowest = os.dup(0)
            os.close(lowest)
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
                clients.connect(peer)
                await until(lambda: "no connection can be taken" in caplog.text)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            assert await says(peer) == b"x"

    asyncio.run(run())


def test_who_is_silent_when_it_closes_is_ended() -> None:
    async def run() -> None:
        async with served() as (room, clients):
            peer = clients.connect()
            await until(lambda: room._seated)
            await room.close()
            await until(lambda: ended(peer))

    asyncio.run(run())


def test_who_is_entering_when_it_closes_has_entered_then() -> None:
    async def run() -> None:
        async with served() as (room, clients):
            peer = clients.connect()
            peer.sendall(b"x")
            async with asyncio.timeout(10):
                while not room._entering:
                    await asyncio.sleep(0)
            await room.close()
            assert not room._entering
            assert await asyncio.get_running_loop().sock_recv(peer, 10) == b"x"

    asyncio.run(run())
