"""A recorded host of many guests: files as the kernel and libvirt have them, and a virt driver.

The driver makes each guest's description when it is asked for. What it keeps of guests is what
libvirt's driver keeps: their marks, and who has no job; all else a process grows by is its agent's.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, cast
from uuid import UUID

import msgspec

from hostmon._sampler import Sampler
from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.driver import VirtCapabilities
from hostmon.driver.sinks import EventSink
from hostmon.driver.virt import (
    GuestDescription,
    HostDescription,
    Mark,
    Reading,
    VirtConnection,
    VirtContext,
    VirtDriver,
)
from hostmon.events import PoolRefreshEvent
from hostmon_drivers.virt_libvirt.jobs import Jobs
from hostmon_drivers.virt_libvirt.readings import Cadences, kernel_readings
from tests.unit.kerneltree import CPU_STAT, Tree, write_files

GIB = 2**30
DISK = 20 * GIB
HISTORY_MIB = 1
PAUSE_S = 0.0005
"""Between two events: no queue of them grows, whose memory would stay."""
XML = """<domain type='kvm' id='{id}'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:package version="26.2.2"/>
      <nova:name>web {name}</nova:name>
      <nova:creationTime>2026-11-21 10:00:00</nova:creationTime>
      <nova:flavor name="m1.medium">
        <nova:memory>4096</nova:memory><nova:disk>20</nova:disk><nova:vcpus>2</nova:vcpus>
      </nova:flavor>
      <nova:owner>
        <nova:user uuid="{user}">operator</nova:user>
        <nova:project uuid="{project}">production</nova:project>
      </nova:owner>
    </nova:instance>
  </metadata>
  <memory unit='KiB'>4194304</memory>
  <currentMemory unit='KiB'>4194304</currentMemory>
  <vcpu placement='static'>2</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <cpu mode='host-model' check='partial'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none' discard='unmap'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
      <alias name='virtio-disk0'/>
    </disk>
    <interface type='bridge'>
      <mac address='{mac}'/>
      <source bridge='br-int'/>
      <target dev='{tap}'/>
      <model type='virtio'/>
      <mtu size='1500'/>
      <alias name='net0'/>
    </interface>
    <memballoon model='virtio'/>
  </devices>
</domain>"""


class RecordedSettings(msgspec.Struct, frozen=True):
    """Where the files are, and of how many guests of them libvirt tells."""

    root: Path
    guests: int


def record(root: Path, guests: int) -> None:
    """Write every guest's process, pid file, state, control group and image under a folder."""
    tree = Tree(root)
    disk_of(root, uuid_of(0)).parent.mkdir()
    for number in range(guests):
        uuid = uuid_of(number)
        pid = 1000 + 20 * number
        group = f"machine/qemu-{number + 1}-{name_of(number)}.libvirt-qemu"
        folder = tree.process(pid, uuid.bytes)
        (folder / "cgroup").write_text(f"0::/{group}/emulator\n")
        write_files(tree.unified / group, cpu__stat=CPU_STAT)
        tree.pid_file(name_of(number), pid)
        (tree.run / f"{name_of(number)}.xml").touch()  # its state, of which only the time is read
        with disk_of(root, uuid).open("wb") as image:
            image.truncate(DISK)


def sampler_of(root: Path, table: GuestTable, *, pressure: bool = True) -> Sampler:
    """A sampler of the recorded host."""
    proc, run, groups = (str(root / name) for name in ("proc", "run", "unified"))
    return Sampler(table, proc=proc, run=run, mounts={"unified": groups}, pressure=pressure)


class RecordedHost(VirtDriver):
    """Running guests of two vCPUs, a disk and an interface each."""

    api_versions = (2, 2)
    capabilities: ClassVar[VirtCapabilities] = VirtCapabilities()

    def start(self, context: VirtContext) -> None:
        """Keep the settings."""
        settings: RecordedSettings = context.settings
        self.root, self.count = settings.root, settings.guests

    def stop(self) -> None:
        """Nothing to end."""

    def is_local(self) -> bool:
        """The guests are processes of the recorded machine."""
        return True

    def readings(self) -> tuple[Reading, ...]:
        """Those of libvirt's driver."""
        return kernel_readings(Cadences())

    def connect(self, events: EventSink | None) -> VirtConnection:
        """One more; the events that it begins with fill the history of the agent."""
        if events is not None:
            for number in range(HISTORY_MIB << 10):
                name = random.Random(number).randbytes(600).hex()
                events.put(PoolRefreshEvent(uuid=str(uuid_of(number)), name=name))
                time.sleep(PAUSE_S)
        return RecordedConnection(self.root, self.count)


class RecordedConnection(VirtConnection):
    """Tells of the first ``count`` guests of a recorded host."""

    def __init__(self, root: Path, count: int) -> None:
        self._root = root
        self._count = count
        self._marks: tuple[Mark, ...] = ()
        self._jobs = Jobs(lambda uuid: name_of(number_of(UUID(bytes=uuid))).encode(), root / "run")

    def version(self) -> str:
        """Of no libvirt."""
        return "0"

    def describe_host(self) -> HostDescription:
        """A large one."""
        return HostDescription(
            name="recorded", hypervisor="QEMU", version="0", vcpus=64, memory=512 * GIB
        )

    def guests(self) -> Iterator[GuestDescription]:
        """Every guest."""
        return (self._describe(number) for number in range(self._count))

    def guest(self, uuid: UUID) -> GuestDescription:
        """One of them."""
        return self._describe(number_of(uuid))

    def marks(self) -> tuple[Mark, ...]:
        """As long as libvirt's driver makes them, and kept like there."""
        if not self._marks:
            self._marks = tuple(
                Mark(uuid_of(number), f"{number:016x}") for number in range(self._count)
            )
        return self._marks

    def read(self, reading: str, guests: tuple[UUID, ...]) -> int:
        """No guest has a job; nothing else is read."""
        if reading != "job":
            return 0
        return self._jobs.read(cast("Stats", Jobless()), [guest.bytes for guest in guests])

    def close(self) -> None:
        """Nothing to let go."""

    def _describe(self, number: int) -> GuestDescription:
        uuid = uuid_of(number)
        text = XML.format(
            id=number + 1,
            name=name_of(number),
            uuid=uuid,
            user=32 * "a",
            project=32 * "b",
            disk=disk_of(self._root, uuid),
            mac=f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
            tap=f"tap{number:08x}",
        )
        return GuestDescription(
            uuid=uuid, name=name_of(number), state=1, reason=1, vcpus=2, memory=4 * GIB,
            memory_max=4 * GIB, id=number + 1, live=text, config=text,
        )  # fmt: skip


class Jobless:
    """Statistics of guests without jobs."""

    def job(self, uuid: bytes) -> bool:
        """It has none."""
        del uuid
        return False

    def jobless(self, uuids: list[bytes]) -> None:
        """They have none, as ever."""


def uuid_of(number: int) -> UUID:
    """Any, with the number in its end."""
    return UUID(int=random.Random(number).getrandbits(96) << 32 | number)


def number_of(uuid: UUID) -> int:
    """The number in its end."""
    return uuid.int & 0xFFFFFFFF


def name_of(number: int) -> str:
    """As a cloud names them."""
    return f"instance-{number:08x}"


def disk_of(root: Path, uuid: UUID) -> Path:
    """A guest's image, in a path as long as a cloud's."""
    return root / "nova-instances" / str(uuid)
