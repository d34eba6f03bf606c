"""Guests' descriptions: parsing to typed access, building, metadata out of a thousand.

``parse``: a 10 KiB description of eleven disks and interfaces to the typed values that a monitor
needs (name, UUID, sizes, each device's key and source), beside lxml's own parse of the same text: a
ratio of 0.5 is twice its time. ``inventory``: the same to all that an inventory holds, some 150
values. ``read_all``: every typed property, present or not.
``build``: parsing and writing it, beside the reference cloud's classes, which keep a part of it.
``rebuild``: the same through typed values alone. ``metadata_1000``: the cloud's metadata out of a
thousand descriptions of 2.3 KB, fetching them apart.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lxml import etree

from bench.front import Options, Result, compare, find, measure, take_turns
from hostmon.xml.boot import Os, OsType
from hostmon.xml.common import Address
from hostmon.xml.cpu import Cpu, Model, Topology
from hostmon.xml.disk import BackingFormat, BackingStore, Disk, DiskDriver, DiskTarget
from hostmon.xml.disksource import DiskSource
from hostmon.xml.domain import Domain
from hostmon.xml.element import Child, Children, Element
from hostmon.xml.interface import Interface, InterfaceDriver, InterfaceSource
from hostmon.xml.memory import Memory
from hostmon.xml.metadata import Metadata, metadata_of
from hostmon.xml.openstack import Flavor, Instance, Port, PortIp
from hostmon.xml.vcpus import Vcpus

METRICS = ("parse", "build", "metadata_1000")
GUESTS = None
PEER = Path(__file__).parent / "front" / "nova_config.py"
ROUNDS, EACH = 15, 100
UUID = "b38a3f43-4be2-4046-897f-b67c2f5e0147"


def place(slot: int) -> Address:
    return Address(type="pci", domain=0, bus=slot, slot=0, function=0)


def description(length: int, metadata: bool = False) -> str:
    """A guest's live description of about so many characters, as a cloud's guests have it."""
    guest = Domain(
        type="kvm", id=1, name="guest", uuid=UUID,
        memory=Memory(unit="KiB", value=4 << 20), current_memory=Memory(unit="KiB", value=4 << 20),
        vcpu=Vcpus(placement="static", count=4),
        os=Os(type=OsType(arch="x86_64", machine="pc-q35-7.2", name="hvm"), boot_devices=["hd"]),
        cpu=Cpu(mode="custom", match="exact", model=Model(fallback="forbid", name="EPYC"),
                topology=Topology(sockets=1, dies=1, cores=4, threads=1)),
        on_poweroff="destroy", on_reboot="restart", on_crash="destroy",
        emulator="/usr/bin/qemu-system-x86_64",
    )  # fmt: skip
    if metadata:
        guest.metadata = Metadata()
        guest.metadata.node.append(cloud_metadata().node)
    number = 0
    while len(guest.to_xml(pretty=True)) < length:
        number += 1
        letter = chr(ord("a") + number - 1)
        guest.disks.append(
            Disk(
                type="file", device="disk", alias=f"virtio-disk{number}", address=place(number),
                driver=DiskDriver(name="qemu", type="qcow2", cache="none", discard="unmap"),
                source=DiskSource(file=f"/var/lib/libvirt/images/{number}.qcow2", index=number),
                backing_store=BackingStore(
                    type="file", index=100 + number, format=BackingFormat(type="raw"),
                    source=DiskSource(file="/var/lib/libvirt/images/base"),
                ),
                target=DiskTarget(dev=f"vd{letter}", bus="virtio"), serial=UUID,
            )
        )  # fmt: skip
        guest.interfaces.append(
            Interface(
                type="bridge", alias=f"net{number}", mac=f"52:54:00:00:00:{number:02x}",
                source=InterfaceSource(bridge="br0"), target=f"tap{number}", model="virtio",
                mtu=1450, driver=InterfaceDriver(name="vhost", queues=2),
                address=place(32 + number),
            )
        )  # fmt: skip
    return guest.to_xml(pretty=True)


def cloud_metadata() -> Instance:
    return Instance(
        package_version="26.2", name="web-1", creation_time="2026-01-01 00:00:00",
        flavor=Flavor(name="m1.small", memory=2048, disk=20, swap=0, ephemeral=0, vcpus=1),
        user="admin", user_uuid=UUID, project="demo", project_uuid=UUID,
        root_type="image", root_uuid=UUID,
        ports=[Port(uuid=UUID, ips=[PortIp(type="fixed", address="192.0.2.7", ip_version=4)])],
    )  # fmt: skip


def identify(xml: str) -> list[object]:
    """Parse, and read what a monitor needs: who it is, how large, with which devices."""
    guest = Domain.parse(xml)
    memory, vcpu = guest.memory, guest.vcpu
    seen: list[object] = [guest.name, guest.uuid, memory and memory.bytes, vcpu and vcpu.count]
    for disk in guest.disks:
        source, target = disk.source, disk.target
        seen += [source and source.file, target and target.dev]
    for one in guest.interfaces:
        seen += [one.mac, one.target]
    return seen


def inventory(xml: str) -> list[object]:
    """Parse, and read what an inventory of guests holds."""
    guest = Domain.parse(xml)
    memory, vcpu, os, cpu = guest.memory, guest.vcpu, guest.os, guest.cpu
    seen: list[object] = [guest.name, guest.uuid, guest.type, memory and memory.bytes]
    seen += [vcpu and vcpu.count, os and os.type and os.type.machine, cpu and cpu.mode]
    for disk in guest.disks:
        source, target, driver = disk.source, disk.target, disk.driver
        seen += [disk.type, source and source.file, target and target.dev, target and target.bus]
        seen += [driver and driver.type, driver and driver.cache]
    for one in guest.interfaces:
        joined = one.source
        seen += [one.type, one.mac, joined and joined.bridge, one.target, one.model]
    return seen


def read_all(element: Element) -> int:
    """Read every typed property; how many there were."""
    number = 0
    for field in element.fields.values():
        value = getattr(element, field.name)
        number += 1
        if isinstance(field, Child) and value is not None:
            number += read_all(value)
        elif isinstance(field, Children) and field.path not in SHOWN_TWICE:
            number += sum(map(read_all, value))
    return number


SHOWN_TWICE = {f.path for f in Domain.fields.values() if f.path.startswith("devices/")} - {
    "devices/*"
}


def timed(work: Callable[[], object], each: int = EACH) -> Callable[[], float]:
    """Seconds that one piece of work takes, in a row of ``each``."""

    def once() -> float:
        began = time.perf_counter()
        for _ in range(each):
            work()
        return (time.perf_counter() - began) / each

    return once


@contextmanager
def cloud_classes(xml: str, missing: list[str]) -> Iterator[dict[str, Callable[[], float]]]:
    """The reference cloud's classes as a contestant, in an interpreter that has them."""
    python = find("nova-config", missing)
    if python is None:
        yield {}
        return
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(xml)
        file.flush()
        with subprocess.Popen(
            [python, "-W", "ignore", str(PEER), file.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            assert process.stdin
            assert process.stdout
            stdin, stdout = process.stdin, process.stdout
            assert stdout.readline() == "ready\n", "the cloud's classes do not load"

            def once() -> float:
                stdin.write("10\n")
                stdin.flush()
                return float(stdout.readline())

            yield {"nova": once}
            stdin.close()


def run(options: Options) -> list[Result]:
    """All metrics, turn by turn with the peers."""
    xml = description(10 << 10)
    small = [
        description(2_300, metadata=True).replace(UUID, f"{n:08}{UUID[8:]}") for n in range(1_000)
    ]
    guest = Domain.parse(xml)
    contestants = {
        "parse": timed(lambda: identify(xml)),
        "inventory": timed(lambda: inventory(xml)),
        "lxml": timed(lambda: etree.fromstring(xml)),
        "read_all": timed(lambda: read_all(guest), 10),
        "build": timed(lambda: Domain.parse(xml).to_xml()),
        "rebuild": timed(lambda: Domain.parse(xml).rebuilt().to_xml(), 10),
        "metadata": timed(lambda: [metadata_of(text, Instance) for text in small], 1),
    }
    with cloud_classes(xml, options.missing) as peer:
        measured = take_turns({**contestants, **peer}, ROUNDS)
    nova = measured.get("nova")
    return [
        compare("parse", "s", measured["parse"], "lxml", measured["lxml"]),
        compare("inventory", "s", measured["inventory"], "lxml", measured["lxml"]),
        measure("read_all", "s", measured["read_all"]),
        compare("build", "s", measured["build"], "nova", nova),
        compare("rebuild", "s", measured["rebuild"], "nova", nova),
        measure("metadata_1000", "s", measured["metadata"]),
    ]
