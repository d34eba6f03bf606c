"""The libvirt sampler on libvirt's own test driver, and its way with calls that hang."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.disposable import Worker
from hostmon.errors import LibvirtError
from hostmon.samples import Group
from hostmon.stats import Cadences, LibvirtSampler

GUEST = """<domain type='test'><name>g</name><memory unit='MiB'>8</memory><vcpu>2</vcpu>
<os><type>hvm</type></os><devices><disk type='file'><source file='/x'/><target dev='vda'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/>
<target dev='testnet0'/></interface></devices></domain>"""


@pytest.fixture
def connection() -> Iterator[libvirt.virConnect]:
    opened = libvirt.open("test:///default")
    domain = opened.createXML(GUEST)
    yield opened
    domain.destroy()
    opened.close()


@pytest.fixture
def uuid(connection: libvirt.virConnect) -> bytes:
    found: bytes = connection.lookupByName("g").UUID()
    return found


@pytest.fixture
def table(uuid: bytes) -> GuestTable:
    made = GuestTable()
    made.upsert(uuid, b"g")
    made.set_state(uuid, 1, 1, 7)
    made.set_devices(uuid, [(b"d0", b"vda")], [(b"52:54:00:00:00:01", b"testnet0")])
    return made


def eventually(condition: Callable[[], Any], deadline: float = 5) -> None:
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_the_test_driver_is_read_by_single_calls(table: GuestTable, uuid: bytes) -> None:
    sampler = LibvirtSampler("test:///default", table, kernel=False, tick=0.01)
    sampler.start()
    eventually(lambda: Group.CPU in table.snapshot().guest(uuid).valid)
    sampler.stop()
    guest = table.snapshot().guest(uuid)
    assert (guest.cpu.time_ns or 0) > 0
    assert [vcpu.number for vcpu in guest.vcpus] == [0, 1]
    assert guest.disks[0].read_requests is not None
    assert guest.interfaces[0].rx_bytes is not None
    assert {Group.VCPU, Group.VCPU_STATE, Group.BLOCK, Group.INTERFACE} <= set(guest.valid)
    report = sampler.report()
    assert (report.failures, report.deadlines, report.stuck, report.hung_calls) == (0, 0, 0, 0)
    assert report.records >= 1


def test_a_guest_that_libvirt_does_not_know(
    table: GuestTable, connection: libvirt.virConnect
) -> None:
    unknown = bytes(range(16))
    table.upsert(unknown, b"unknown")
    stats = Stats(table, connection)
    assert stats.read([unknown], libvirt.VIR_DOMAIN_STATS_STATE) == 0
    assert stats.control(unknown) is None
    assert stats.job(unknown) is False
    assert stats.tune(unknown) == 0
    stats.close()


def test_bulk_state_harms_nothing(
    table: GuestTable, connection: libvirt.virConnect, uuid: bytes
) -> None:
    stats = Stats(table, connection)
    assert stats.read([uuid], libvirt.VIR_DOMAIN_STATS_STATE) == 1
    assert stats.unknown == 0
    assert table.snapshot().guest(uuid).valid == {}
    stats.close()


def test_a_call_that_hangs_is_left_behind(table: GuestTable) -> None:
    worker = Worker("test:///default", table, kernel=True)
    release = threading.Event()
    with pytest.raises(TimeoutError):
        worker.call(lambda _: release.wait(10), 0.05)
    worker.abandon()
    assert worker.alive
    release.set()
    assert worker.join(5)


def test_a_connection_that_cannot_be_opened(table: GuestTable, tmp_path: Path) -> None:
    worker = Worker(f"test://{tmp_path}/none.xml", table, kernel=True)
    with pytest.raises(LibvirtError, match="none"):
        worker.call(lambda stats: stats, 5)
    worker.abandon()
    assert worker.join(5)


class Hanging:
    """Stands in for reading: guests in ``stuck`` hang whoever asks, as a stopped QEMU does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stuck: set[bytes] = set()
        self.read: list[bytes] = []
        self.back = threading.Event()
        monkeypatch.setattr("hostmon.stats.read_singly", self.read_singly)
        monkeypatch.setattr("hostmon.stats.jobs", lambda *_: 0)
        monkeypatch.setattr("hostmon.stats.limits", lambda *_: 0)
        monkeypatch.setattr(LibvirtSampler, "_control", self.control)

    def read_singly(self, _: Stats, __: GuestTable, uuids: list[bytes]) -> int:
        if self.stuck & set(uuids):
            self.back.wait(30)
        self.read += uuids
        return len(uuids)

    def control(self, _: list[bytes]) -> dict[bytes, tuple[int, float]]:
        return {uuid: (2, 9.0) if uuid in self.stuck else (0, 0.0) for uuid in _}


def test_a_stuck_guest_harms_no_other(
    table: GuestTable, uuid: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = Hanging(monkeypatch)
    other = bytes(range(16))
    table.upsert(other, b"other")
    table.set_state(other, 1, 1, 8)
    hanging.stuck = {uuid}
    cadences = Cadences(main=0.05, slow=0.05, job=0.05)
    sampler = LibvirtSampler(
        "test:///default", table, kernel=False, cadences=cadences, deadline=0.2, tick=0.01
    )
    sampler.start()
    eventually(lambda: hanging.read.count(other) > 5, 20)
    assert uuid not in hanging.read
    # On a busy machine other calls may pass so short a deadline too.
    report = sampler.report()
    assert report.stuck == 1
    assert report.deadlines >= 1
    assert table.snapshot().guest(uuid).stuck_since_ns > 0
    hanging.stuck = set()
    hanging.back.set()
    eventually(lambda: hanging.read.count(uuid) > 3, 20)
    sampler.stop()
    assert sampler.report().stuck == 0
    assert table.snapshot().guest(uuid).stuck_since_ns == 0


def test_at_most_three_connections(
    table: GuestTable, uuid: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = Hanging(monkeypatch)
    hanging.stuck = {uuid}
    # libvirt finds nothing wrong with the guest, and yet every call hangs.
    monkeypatch.setattr(LibvirtSampler, "_control", lambda *_: {})
    sampler = LibvirtSampler(
        "test:///default",
        table,
        kernel=False,
        cadences=Cadences(main=0.01, slow=0.01, job=0.01),
        deadline=0.02,
        tick=0.005,
    )
    sampler.start()
    eventually(lambda: sampler.report().hung_calls == 3)
    calls = sampler.report().calls
    time.sleep(0.1)  # nothing may happen: there is no condition to wait for
    assert sampler.report().calls == calls
    hanging.back.set()
    eventually(lambda: sampler.report().calls > calls)
    sampler.stop()
