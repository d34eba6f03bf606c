"""Volumes of a real libvirtd's storage pool as disks of guests: the account knows their files."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import libvirt
import pytest

from tests.agent_process import wait_for
from tests.lab.guests import guest_xml
from tests.lab.node import Node
from tests.lab.test_account import InsideAgent

MIB = 1 << 20
PORT = 9179
POOL = "/var/lib/libvirt/pool"
SETTINGS = {"refresh": 3600.0, "audit": 1, "port": PORT}


def volume(name: str, format_: str) -> str:
    return (
        f"<disk type='volume' device='disk'><driver name='qemu' type='{format_}'/>"
        f"<source pool='p' volume='{name}'/><target dev='vda' bus='virtio'/></disk>"
    )


@pytest.fixture(scope="module")
def node(module_node: Node) -> Node:
    """Two guests, one of which runs, each on a volume of a directory pool."""
    module_node.run("mkdir", "-p", POOL)
    module_node.virsh("pool-define-as", "p", "dir", "--target", POOL)
    module_node.virsh("pool-start", "p")
    connection = libvirt.open(module_node.uri)
    try:
        for name, format_, size in (("run", "qcow2", "64M"), ("off", "raw", "16M")):
            module_node.virsh(
                "vol-create-as", "p", name, size, "--format", format_, "--allocation", "0"
            )
            connection.defineXML(
                guest_xml(module_node, module_node.name(name), devices=volume(name, format_))
            )
        connection.lookupByName(module_node.name("run")).create()
    finally:
        connection.close()
    return module_node


@pytest.fixture(scope="module")
def running(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideAgent]:
    with closing(InsideAgent(node, tmp_path_factory.mktemp("agent"), SETTINGS)) as agent:
        yield agent


def test_libvirt_does_not_tell_where_a_volume_is(node: Node) -> None:
    live = node.virsh("dumpxml", node.name("run"))
    assert "pool='p' volume='run'" in live
    assert POOL not in live


def test_volumes_of_a_directory_pool_count_as_the_files_that_they_are(
    node: Node, running: InsideAgent
) -> None:
    wait_for(lambda: running.ask("status")["account"]["disk"]["allocated"] == 80 * MIB, 60)
    account = running.ask("status")["account"]
    path = Path(str(node.root / "lib/pool/run"))
    used = sum(file.stat().st_blocks * 512 for file in (path, path.with_name("off")))
    assert account["disk"]["used"] == used
    assert account["disk_available_least"] is not None
    (filesystem,) = running.ask("status")["filesystems"]
    assert (filesystem["images"], filesystem["unknown"], filesystem["shared"]) == (2, 0, False)
    assert filesystem["growth"] == 80 * MIB - used
    series = f'hostmon_host_filesystem_growth_bytes{{mountpoint="{filesystem["path"]}"}}'
    assert running.metrics()[series] == 80 * MIB - used
    info = dict(
        line.split(":", 1)
        for line in node.virsh("domblkinfo", node.name("run"), "vda").splitlines()
        if ":" in line
    )
    assert int(info["Capacity"]) == 64 * MIB
