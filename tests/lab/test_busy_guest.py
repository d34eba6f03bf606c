"""A real guest whose monitor somebody else waits for: what libvirt left out is not current."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import libvirt
import pytest

from bench.inside.guests import fill
from hostmon._plan import Plan
from hostmon._sampler import Sampler
from hostmon._stats import Stats
from hostmon.machine.cgroups import host_mounts
from hostmon.samples import Group
from tests.lab import guests
from tests.lab.node import Node, missing, wait_for

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

READINGS = {
    libvirt.VIR_DOMAIN_STATS_BALLOON: {Group.BALLOON},
    libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_IOTHREAD
    | libvirt.VIR_DOMAIN_STATS_DIRTYRATE: {Group.VCPU_STATE, Group.IO_THREAD, Group.DIRTY_RATE},
}


@contextmanager
def busy(node: Node, name: str) -> Iterator[None]:
    """QEMU stands still, and another client waits for its monitor."""
    pid = node.qemu_pid(name)
    waiting = libvirt.openReadOnly(node.uri_readonly)
    guest = waiting.lookupByName(name)
    waiter = threading.Thread(target=guest.memoryStats, daemon=True)
    os.kill(pid, signal.SIGSTOP)
    try:
        waiter.start()
        wait_for(lambda: guest.controlInfo()[0] != libvirt.VIR_DOMAIN_CONTROL_OK, "a busy monitor")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        waiter.join(20)
        waiting.close()


class Watched:
    """A guest of one I/O thread, and who reads it as the agent does."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.name = node.name("busy")
        xml = guests.guest_xml(node, self.name, idle=True)
        writer = libvirt.open(node.uri)
        self.uuid = writer.defineXML(xml.replace("<os>", "<iothreads>1</iothreads><os>")).UUID()
        writer.close()
        guests.start(node, [self.name])
        (folder / f"{self.name}.pid").write_text(str(node.qemu_pid(self.name)))
        self.connection = libvirt.openReadOnly(node.uri_readonly)
        self.table = fill(self.connection)
        # Only guests whose vCPUs the kernel sampler knows get their states.
        Sampler(self.table, mounts=host_mounts(), run=str(folder)).sample()
        self.plan, self.stats = Plan(self.table), Stats(self.table, self.connection)

    def close(self) -> None:
        self.stats.close()
        self.connection.close()

    def read(self, flags: int) -> bool:
        """Read the guest; whether everything came that may be there."""
        now = time.monotonic_ns()
        groups = sum(1 << group for group in READINGS[flags])
        assert self.plan.due(0, now, now) == [self.uuid]
        assert self.stats.read([self.uuid], flags) == 1
        return self.plan.unread(0, [self.uuid], groups) == []

    def goods(self) -> dict[Group, int]:
        """When each group of columns was last known good."""
        valid = self.table.snapshot().guest(self.uuid).valid
        return {Group(group): at for group, at in valid.items()}


@pytest.fixture
def watched(node: Node, tmp_path: Path) -> Iterator[Watched]:
    made = Watched(node, tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("flags", READINGS)
def test_what_a_busy_monitor_did_not_give_is_not_confirmed(
    node: Node, watched: Watched, flags: int
) -> None:
    assert watched.read(flags)
    before = watched.goods()
    assert READINGS[flags] <= set(before)
    with busy(node, watched.name):
        assert not watched.read(flags)
        after = watched.goods()
    # To libvirt, vCPUs that are there always run; it asks nobody.
    assert {one for one in READINGS[flags] if after[one] > before[one]} <= {Group.VCPU_STATE}
    assert watched.read(flags)


@pytest.mark.parametrize("flags", READINGS)
def test_a_first_reading_that_meets_a_busy_monitor_is_not_confirmed(
    node: Node, watched: Watched, flags: int
) -> None:
    with busy(node, watched.name):
        assert not watched.read(flags)
    assert watched.read(flags)
    assert READINGS[flags] <= set(watched.goods())


def test_the_last_io_thread_is_forgotten_once_it_is_gone(node: Node, watched: Watched) -> None:
    flags = next(one for one, groups in READINGS.items() if Group.IO_THREAD in groups)
    assert watched.read(flags)
    writer = libvirt.open(node.uri)
    writer.lookupByUUID(watched.uuid).delIOThread(1, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    writer.close()
    assert [watched.read(flags) for _ in range(3)] == [False, True, True]
    assert READINGS[flags] - set(watched.goods()) == {Group.IO_THREAD}
