"""Bulk statistics of a real guest: what comes late is told by the groups that it fills."""

import time

import libvirt
import pytest

from hostmon._columns import absorb
from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.samples import Group
from tests.lab import guests
from tests.lab.node import Node, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

DISK = """<disk type='file'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/d'/>
<target dev='vda' bus='virtio'/><alias name='ua-d'/></disk>"""


def test_only_newer_readings_of_the_same_groups_are_news(node: Node) -> None:
    with (node.root / "lib/d").open("wb") as image:
        image.truncate(1 << 20)
    (name,) = guests.define(node, 1, devices=DISK, idle=True)
    guests.start(node, [name])
    connection = libvirt.openReadOnly(node.uri_readonly)
    domain = connection.lookupByName(name)
    uuid = domain.UUID()
    table = GuestTable()
    table.upsert(uuid, name.encode())
    table.set_state(uuid, 1, 1, domain.ID())
    table.set_devices(uuid, [(b"ua-d", b"vda")], [])
    stats = Stats(table, connection)
    later = time.monotonic_ns() + 1_000_000_000_000
    absorb(table, uuid, {"balloon.current": 7}, later)
    assert stats.read([uuid], libvirt.VIR_DOMAIN_STATS_BLOCK) == 1
    guest = table.snapshot().guest(uuid)
    assert table.passed_over[0] == 0
    assert guest.disks[0].read_requests is not None
    assert guest.valid[Group.BLOCK] < later
    assert stats.read([uuid], libvirt.VIR_DOMAIN_STATS_BALLOON) == 1
    assert table.passed_over[0] == 1
    assert table.snapshot().guest(uuid).balloon.current == 7 * 1024
    assert stats.read([uuid], libvirt.VIR_DOMAIN_STATS_VCPU) == 1
    assert table.passed_over[0] == 1
    stats.close()
    connection.close()
