"""A real guest that stands still, whose disks others change: what the page says of them follows."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import libvirt
import pytest

from tests.agent_process import wait_for
from tests.lab.guests import guest_xml
from tests.lab.node import Node, missing
from tests.lab.test_account import EVENTS_ALONE, InsideAgent

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

MIB = 1 << 20
NEVER = "3600.0"
DISK = """<disk type='file'><driver name='qemu' type='{form}'/>
<source file='/var/lib/libvirt/{file}'/><target dev='vda' bus='virtio'/></disk>"""


class Paused:
    """A guest that was never let run, with one disk, beside an agent."""

    def __init__(self, node: Node, agent: InsideAgent, domain: libvirt.virDomain) -> None:
        self.domain = domain
        self._node = node
        self._agent = agent

    def shown(self, what: str) -> float | None:
        """Of the page, or None."""
        return self._agent.metrics().get(
            f'libvirt_domain_block_stats_{what}_bytes{{domain="{self.domain.name()}",'
            'target_device="vda"}'
        )

    def told(self, what: str) -> int:
        """By libvirt."""
        connection = self.domain.connect()
        ((_, found),) = connection.domainListGetStats(
            [self.domain], libvirt.VIR_DOMAIN_STATS_BLOCK, 0
        )
        return int(found[f"block.0.{what}"])

    def age(self, group: str) -> float:
        page = self._agent.metrics()
        return page[
            f'hostmon_guest_sample_age_seconds{{domain="{self.domain.name()}",group="{group}"}}'
        ]

    def is_left_alone(self) -> None:
        """Wait until readings of its disk, the only frequent ones, are confirmed one by one."""

        def confirmed() -> int:
            found: int = self._agent.ask("status")["reading"]["confirmed"]
            return found

        before = confirmed()
        wait_for(lambda: confirmed() >= before + 3, 20)


@contextmanager
def paused(node: Node, folder: Path, disk: str, cadences: str) -> Iterator[Paused]:
    connection = libvirt.open(node.uri)
    domain = connection.defineXML(guest_xml(node, node.name("still"), devices=disk))
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    with closing(InsideAgent(node, folder, EVENTS_ALONE, cadences)) as agent:
        one = Paused(node, agent, domain)
        wait_for(lambda: one.shown("capacity"), 20)
        one.is_left_alone()
        yield one
    connection.close()


def image(node: Node, name: str, size: int) -> None:
    path = node.root / f"lib/{name}"
    path.write_bytes(b"x" * size)
    path.chmod(0o666)


def test_a_block_job_is_followed_to_its_end(node: Node, tmp_path: Path) -> None:
    image(node, "base.raw", 12 * MIB)
    node.run(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", "/var/lib/libvirt/base.raw", "-F", "raw",
        "/var/lib/libvirt/top.qcow2",
    )  # fmt: skip
    (node.root / "lib/top.qcow2").chmod(0o666)
    disk = DISK.format(form="qcow2", file="top.qcow2")
    with paused(node, tmp_path, disk, f"size = {NEVER}\njob = 1.0") as one:
        before, counted = one.shown("allocation") or 0.0, one.told("rd.bytes")
        one.domain.blockPull("vda", 3 * MIB, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)
        wait_for(lambda: before < (one.shown("allocation") or 0.0) < 12 * MIB, 10)
        wait_for(lambda: not one.domain.blockJobInfo("vda", 0), 20)
        allocation = one.told("allocation")
        assert allocation >= 12 * MIB
        wait_for(lambda: one.shown("allocation") == allocation, 10)
        one.is_left_alone()
        assert one.told("rd.bytes") == counted, "counters may be confirmed while a job runs"


def test_a_disk_that_is_resized_has_its_new_size_in_time(node: Node, tmp_path: Path) -> None:
    """libvirt raises no event, and writes no file."""
    image(node, "d.raw", MIB)
    disk = DISK.format(form="raw", file="d.raw")
    with paused(node, tmp_path, disk, "size = 4.0") as one:
        one.domain.blockResize("vda", 8 << 10)
        assert wait_for(lambda: one.age("block_size") > 1), "of a reading, not confirmed"
        assert one.age("block") < 1
        wait_for(lambda: one.shown("capacity") == 8 * MIB, 10)
        assert one.age("block_size") < 4
