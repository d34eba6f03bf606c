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
from hostmon._table import GuestTable
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


def read(plan: Plan, stats: Stats, uuid: bytes, flags: int) -> bool:
    """Read the guest; whether everything came that was known of it."""
    now = time.monotonic_ns()
    groups = sum(1 << group for group in READINGS[flags])
    assert plan.due(0, now, now) == [uuid]
    assert stats.read([uuid], flags) == 1
    return plan.unread(0, [uuid], groups) == []


def goods(table: GuestTable, uuid: bytes) -> dict[Group, int]:
    """When each group of columns was last known good."""
    return {Group(group): at for group, at in table.snapshot().guest(uuid).valid.items()}


@pytest.mark.parametrize("flags", READINGS)
def test_what_a_busy_monitor_did_not_give_is_not_confirmed(
    node: Node, tmp_path: Path, flags: int
) -> None:
    name = node.name("busy")
    xml = guests.guest_xml(node, name, idle=True).replace("<os>", "<iothreads>1</iothreads><os>")
    writer = libvirt.open(node.uri)
    uuid = writer.defineXML(xml).UUID()
    writer.close()
    guests.start(node, [name])
    (tmp_path / f"{name}.pid").write_text(str(node.qemu_pid(name)))
    connection = libvirt.openReadOnly(node.uri_readonly)
    table = fill(connection)
    # Only guests whose vCPUs the kernel sampler knows get their states.
    Sampler(table, mounts=host_mounts(), run=str(tmp_path)).sample()
    plan, stats = Plan(table), Stats(table, connection)
    try:
        assert read(plan, stats, uuid, flags)
        before = goods(table, uuid)
        assert READINGS[flags] <= set(before)
        with busy(node, name):
            assert not read(plan, stats, uuid, flags)
            after = goods(table, uuid)
        # To libvirt, vCPUs that are there always run; it asks nobody.
        assert {one for one in READINGS[flags] if after[one] > before[one]} <= {Group.VCPU_STATE}
        assert read(plan, stats, uuid, flags)
    finally:
        stats.close()
        connection.close()
