"""Interfaces whose tap goes, comes or moves to another place, in a network namespace of its own."""

import ctypes
import fcntl
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hostmon._sampler import ALL, FAST, Sampler
from hostmon._table import GuestTable
from hostmon.samples import Group
from tests.unit.kerneltree import UUID_OF_ONE, guest_of, table_of_one, tree_of_one

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x2, 0x1000


def apart(work: Callable[[], None]) -> None:
    """Do something in a thread that has a network of its own; skip where that is not allowed."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) < 0:
                pytest.skip(f"unshare: {os.strerror(ctypes.get_errno())}")
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def tap(name: bytes) -> int:
    """A tap; closing the descriptor removes it."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name, IFF_TAP | IFF_NO_PI))
    return descriptor


def received(table: GuestTable) -> dict[bytes, int | None]:
    return {nic.key: nic.rx_bytes for nic in guest_of(table).interfaces}


def test_an_interface_whose_tap_is_gone_has_no_counters(tmp_path: Path) -> None:
    table = table_of_one()

    def work() -> None:
        sampler = tree_of_one(tmp_path).sampler(table)
        table.set_devices(UUID_OF_ONE, [], [(b"stays", b"lo"), (b"goes", b"tap0")])
        descriptor = tap(b"tap0")
        sampler.sample(FAST)
        assert received(table) == {b"stays": 0, b"goes": 0}
        before = guest_of(table).valid[Group.INTERFACE]
        os.close(descriptor)
        for _ in range(2):
            sampler.sample(FAST)
            assert received(table) == {b"stays": 0, b"goes": None}
            assert guest_of(table).valid[Group.INTERFACE] > before
        descriptor = tap(b"tap0")
        sampler.sample(ALL)
        sampler.sample(FAST)
        assert received(table) == {b"stays": 0, b"goes": 0}
        os.close(descriptor)

    apart(work)


def test_the_only_tap_that_goes_leaves_no_counters_and_its_last_age(tmp_path: Path) -> None:
    table = table_of_one()

    def work() -> None:
        sampler = tree_of_one(tmp_path).sampler(table)
        table.set_devices(UUID_OF_ONE, [], [(b"goes", b"tap0")])
        descriptor = tap(b"tap0")
        sampler.sample(FAST)
        before = guest_of(table).valid[Group.INTERFACE]
        os.close(descriptor)
        sampler.sample(FAST)
        assert received(table) == {b"goes": None}
        assert guest_of(table).valid[Group.INTERFACE] == before

    apart(work)


def test_interfaces_that_change_places_during_passes_keep_their_counters(tmp_path: Path) -> None:
    """Whatever the moment of the change, no interface gets the counters of the other's tap."""
    table = table_of_one()
    devices = [(b"tapped", b"lo"), (b"bare", b"")]
    done = threading.Event()

    def change() -> None:
        turn = 1
        while not done.is_set():
            table.set_devices(UUID_OF_ONE, [], devices[::turn])
            turn = -turn
            os.sched_yield()

    def work() -> None:
        sampler: Sampler = tree_of_one(tmp_path).sampler(table)
        table.set_devices(UUID_OF_ONE, [], devices)
        sampler.sample(FAST)
        changer = threading.Thread(target=change)
        changer.start()
        wrong = 0
        for _ in range(1000):
            sampler.sample(FAST)
            wrong += received(table)[b"bare"] is not None
        done.set()
        changer.join()
        sampler.sample(FAST)
        sampler.sample(FAST)
        assert (wrong, received(table)) == (0, {b"tapped": 0, b"bare": None})

    apart(work)
