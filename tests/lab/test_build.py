"""Guests that the builders describe start for real: firmware, buses, networks, huge pages."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import libvirt
import pytest

from hostmon.xml.build.guest import guest_xml
from hostmon.xml.build.requests import CpuRequest, DiskRequest, GuestRequest, InterfaceRequest
from hostmon.xml.capabilities import Capabilities
from hostmon.xml.domain import Domain
from hostmon.xml.domaincaps import DomainCapabilities
from tests.lab.node import Node, wait_for

MIB = 1 << 20
BRIDGE = "brbuild"
PAGES = "/run/libvirt/pages"
IMAGES = "/var/lib/libvirt/images"
POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
NEEDED = 32


class Asked:
    """A host as libvirt describes it."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self.connection = connection

    def capabilities(self) -> Capabilities:
        return Capabilities.parse(self.connection.getCapabilities())

    def domain_capabilities(self, *, arch: str, machine: str, virt_type: str) -> DomainCapabilities:
        xml = self.connection.getDomainCapabilities(None, arch, machine, virt_type)
        return DomainCapabilities.parse(xml)


@pytest.fixture(scope="module")
def asked(module_node: Node) -> Iterator[Asked]:
    libvirt.registerErrorHandler(lambda *_: None, None)
    module_node.run("ip", "link", "add", BRIDGE, "type", "bridge")
    module_node.run("ip", "link", "set", BRIDGE, "up")
    connection = libvirt.open(module_node.uri)
    try:
        yield Asked(connection)
    finally:
        connection.close()


def start(asked: Asked, request: GuestRequest) -> libvirt.virDomain:
    """Define and start; QEMU itself refuses what it cannot do."""
    guest = asked.connection.defineXML(guest_xml(request, asked))
    guest.create()
    return guest


def image(node: Node, name: str) -> str:
    path = f"{IMAGES}/{name}.qcow2"
    node.run("mkdir", "-p", IMAGES)
    node.run("qemu-img", "create", "-q", "-f", "qcow2", path, "16M")
    return path


Firmware = Literal["bios", "efi"]


@pytest.mark.parametrize(
    ("firmware", "bus", "network"),
    list(itertools.product(("bios", "efi"), ("virtio", "sata"), ("user", "bridge"))),
)
def test_a_built_guest_runs(
    asked: Asked, module_node: Node, firmware: Firmware, bus: str, network: str
) -> None:
    name = module_node.name(f"{firmware}-{bus}-{network}")
    log = f"{IMAGES}/{name}.log"
    interface = (
        InterfaceRequest() if network == "user" else InterfaceRequest(type="bridge", source=BRIDGE)
    )
    request = GuestRequest(
        name=name, memory=128 * MIB, vcpus=2, firmware=firmware, graphics="vnc", console_log=log,
        cpu=CpuRequest(sockets=1, cores=2),
        # UEFI needs more of a CPU than KVM gives where it is itself emulated.
        virt_type="qemu" if firmware == "efi" else None,
        disks=(DiskRequest(path=image(module_node, name), bus=bus, boot_order=1),),
        interfaces=(interface,),
    )  # fmt: skip
    guest = start(asked, request)
    try:
        wait_for(lambda: guest.getCPUStats(True)[0]["cpu_time"] > 10**8, f"{name} works")
        assert guest.state()[0] == libvirt.VIR_DOMAIN_RUNNING
        live = Domain.parse(guest.XMLDesc())
        assert [(disk.target and disk.target.bus) for disk in live.disks] == [bus]
        assert [one.type for one in live.interfaces] == [network]
        assert live.os is not None
        if firmware == "efi":
            assert live.os.loader is not None
            assert live.os.loader.type == "pflash"

            def said() -> str:
                return module_node.run("cat", log).stdout

            wait_for(lambda: "BdsDxe" in said(), f"{name}: the firmware speaks", 60)
    finally:
        guest.destroy()
        guest.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_a_guest_with_a_cdrom_and_scsi_runs(asked: Asked, module_node: Node, machine: str) -> None:
    name = module_node.name(f"media-{machine}")
    request = GuestRequest(
        name=name, memory=64 * MIB, machine=machine,
        disks=(
            DiskRequest(path=image(module_node, name), bus="scsi"),
            DiskRequest(device="cdrom", format="raw"),
        ),
    )  # fmt: skip
    guest = start(asked, request)
    try:
        assert guest.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    finally:
        guest.destroy()
        guest.undefine()


def counts() -> tuple[int, int]:
    """How many huge pages of 2 MiB are reserved, and free."""
    reserved, free = (int((POOL / f"{which}_hugepages").read_text()) for which in ("nr", "free"))
    return reserved, free


@pytest.fixture
def huge_pages() -> Iterator[None]:
    """Free huge pages for one guest: what the host lacks of them is reserved, and given back."""
    reserved, free = counts()
    try:
        if free < NEEDED:
            (POOL / "nr_hugepages").write_text(f"{reserved + NEEDED - free}")
    except OSError as error:
        pytest.skip(f"huge pages cannot be reserved here: {error}")
    try:
        if counts()[1] < NEEDED:
            pytest.skip(f"memory is too scattered for {NEEDED} huge pages of 2 MiB")
        yield
    finally:
        if free < NEEDED:
            (POOL / "nr_hugepages").write_text(f"{reserved}")


@pytest.mark.skipif(not POOL.is_dir(), reason="this kernel has no huge pages of 2 MiB")
@pytest.mark.usefixtures("huge_pages")
def test_a_guest_on_huge_pages_runs(node: Node) -> None:
    node.run("mkdir", "-p", PAGES)
    node.run("mount", "-t", "hugetlbfs", "none", PAGES)
    node.restart_libvirtd()  # it looks for the mount when it starts
    connection = libvirt.open(node.uri)
    try:
        request = GuestRequest(name=node.name("huge"), memory=64 * MIB, hugepages=2 * MIB)
        guest = start(Asked(connection), request)
        assert guest.state()[0] == libvirt.VIR_DOMAIN_RUNNING
        reserved, free = counts()
        assert reserved - free >= NEEDED
        guest.destroy()
    finally:
        connection.close()
