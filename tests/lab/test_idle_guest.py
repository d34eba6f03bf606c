"""A real guest that stands still: after its first readings nobody asks QEMU about it any more."""

from pathlib import Path

import libvirt
import pytest

from bench.inside.guests import fill
from hostmon._sampler import Sampler
from hostmon.hypervisor import hypervisor_of
from hostmon.machine.cgroups import host_mounts
from hostmon.sampler import KernelSampler
from hostmon.samples import Group
from hostmon.settings import AgentSettings, Settings
from hostmon.stats import StatsSampler
from tests.lab import guests
from tests.lab.node import Node, missing, wait_for

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

DISK = """<disk type='file'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/d'/>
<target dev='vda' bus='virtio'/></disk>"""
OFTEN = ("block", "balloon", "vcpu", "iothread", "dirty_rate", "perf", "limits")
READ = (Group.BLOCK, Group.BALLOON, Group.VCPU_STATE, Group.IO_TUNE)
ROUNDS = 10


def test_an_idle_guest_is_confirmed_and_not_asked(node: Node, tmp_path: Path) -> None:
    with (node.root / "lib/d").open("wb") as image:
        image.truncate(1 << 20)
    (name,) = guests.define(node, 1, devices=DISK, idle=True)
    guests.start(node, [name])
    (tmp_path / f"{name}.pid").write_text(str(node.qemu_pid(name)))
    connection = libvirt.openReadOnly(node.uri_readonly)
    uuid = connection.lookupByName(name).UUID()
    table = fill(connection)
    settings = Settings(
        agent=AgentSettings(uri=node.uri_readonly),
        virt={"libvirt": {"cadences": dict.fromkeys(OFTEN, 0.1) | {"job": 3600.0}}},
    )
    hypervisor = hypervisor_of(settings, table)
    sampler = Sampler(table, mounts=host_mounts(), run=str(tmp_path))
    kernel = KernelSampler(sampler, table, interval=0.02)
    asker = StatsSampler(hypervisor.connect, hypervisor.readings, table, look=kernel.fresh)

    def stands_still() -> bool:
        before = asker.report()
        wait_for(lambda: asker.report().confirmed >= before.confirmed + ROUNDS, "confirmations")
        return asker.report().calls == before.calls

    kernel.start()
    asker.start()
    try:
        wait_for(stands_still, f"{ROUNDS} readings confirmed and none asked for")
        guest = table.snapshot().guest(uuid)
    finally:
        asker.stop()
        kernel.stop()
        connection.close()
    assert {*READ, Group.BLOCK_SIZE} <= set(guest.valid)
    assert all(abs(guest.valid[group] - guest.valid[Group.VCPU]) < 1e9 for group in READ)
    # Whoever resizes a disk needs no guest that runs.
    assert guest.valid[Group.BLOCK_SIZE] < guest.valid[Group.BLOCK]
    assert guest.disks[0].capacity == 1 << 20
    assert asker.report().stuck == 0
