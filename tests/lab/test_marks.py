"""What libvirtd writes of a guest while it runs: jobs show in the folder of states."""

import time

import libvirt
import pytest

from hostmon_drivers.virt_libvirt.marks import folders_stamp
from tests.lab import guests
from tests.lab.node import Node, missing, wait_for

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

TRIES = 5


def test_the_folder_of_states_has_changed_when_a_job_is_told(node: Node) -> None:
    (name,) = guests.define_and_start(node, 1, idle=True)
    run = (node.root / "run/libvirt/qemu",)
    connection = libvirt.openReadOnly(node.uri_readonly)
    domain = connection.lookupByName(name)
    for _ in range(TRIES):
        before = wait_for(lambda: folders_stamp(run), "nothing more is written")
        assert domain.jobStats()["type"] == libvirt.VIR_DOMAIN_JOB_NONE
        dump = node.popen("virsh", "dump", name, "/var/lib/libvirt/core")
        told = 0
        while dump.poll() is None:
            if domain.jobStats()["type"] != libvirt.VIR_DOMAIN_JOB_NONE:
                assert folders_stamp(run) != before
                told += 1
            time.sleep(0.001)
        assert dump.returncode == 0
        assert folders_stamp(run) != before
        if told:
            break
    connection.close()
    assert told, "no job was seen under way"
