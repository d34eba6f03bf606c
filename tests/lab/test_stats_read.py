"""Statistics of real guests: what comes late, and what a connection tells that is dead."""

import time

import libvirt
import pytest

from hostmon._columns import absorb
from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.errors import LibvirtError
from hostmon.hypervisor import hypervisor_of
from hostmon.samples import Group
from hostmon.settings import AgentSettings, Settings
from hostmon.stats import StatsSampler
from tests.lab import guests
from tests.lab.node import Node, missing, wait_for

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


def began(node: Node, table: GuestTable, suffix: str) -> bytes:
    """A transient guest with one disk that runs, and is known to the table."""
    with (node.root / "lib/d").open("wb") as image:
        image.truncate(1 << 20)
    connection = libvirt.open(node.uri)
    disk = DISK.replace("<alias", "<shareable/><alias")
    xml = guests.guest_xml(node, node.name(suffix), devices=disk, idle=True)
    domain = connection.createXML(xml)
    uuid: bytes = domain.UUID()
    table.upsert(uuid, domain.name().encode())
    table.set_state(uuid, 1, 1, domain.ID())
    table.set_devices(uuid, [(b"ua-d", b"vda")], [])
    connection.close()
    return uuid


def ended(node: Node, table: GuestTable, uuid: bytes) -> None:
    connection = libvirt.open(node.uri)
    connection.lookupByUUID(uuid).destroy()
    connection.close()
    table.retire(uuid)


def test_every_call_tells_that_the_connection_is_dead(node: Node) -> None:
    table = GuestTable()
    asked, unasked = began(node, table, "asked"), began(node, table, "unasked")
    connection = libvirt.openReadOnly(node.uri_readonly)
    stats = Stats(table, connection)
    assert stats.control(asked) is not None
    assert stats.job(asked) is False
    assert stats.tune(asked) == 1
    ended(node, table, unasked)
    assert stats.control(unasked) is None, "libvirt knows none"
    node.restart_libvirtd()
    for uuid in (asked, unasked):
        for call in (stats.control, stats.job, stats.tune):
            with pytest.raises(LibvirtError):
                call(uuid)
        with pytest.raises(LibvirtError):
            stats.read([uuid], libvirt.VIR_DOMAIN_STATS_STATE)
    stats.close()
    connection.close()


def test_a_connection_that_died_while_there_was_no_guest_is_replaced(node: Node) -> None:
    table = GuestTable()
    settings = Settings(
        agent=AgentSettings(uri=node.uri_readonly),
        virt={"libvirt": {"cadences": {"balloon": 0.5}}},
    )
    hypervisor = hypervisor_of(settings, table)
    sampler = StatsSampler(hypervisor.connect, hypervisor.readings, table, tick=0.1)
    sampler.start()

    def is_read(uuid: bytes) -> bool:
        return Group.BALLOON in table.snapshot().guest(uuid).valid

    try:
        first = began(node, table, "first")
        wait_for(lambda: is_read(first), "the first guest's balloon")
        ended(node, table, first)
        node.restart_libvirtd()
        second = began(node, table, "second")
        wait_for(lambda: is_read(second), "the second guest's balloon")
        assert sampler.report().failures == 1
    finally:
        sampler.stop()
