"""A bookkeeper on libvirt's test driver, for tests: one guest with one disk."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hostmon._table import GuestTable
from hostmon.account import HostAccount
from hostmon.bookkeeper import Bookkeeper
from hostmon.definitions import Definitions
from hostmon.driver.contract import Guard
from hostmon.driver.sinks import Columns
from hostmon.driver.virt import VirtConnection, VirtContext
from hostmon.host import Host
from hostmon.hypervisor import Connection
from hostmon.images.survey import Survey
from hostmon.ledger import HostLedger
from hostmon.machine.sysfs import read_topology
from hostmon.settings import ConnectionSettings
from hostmon_drivers.virt_libvirt.connection import LibvirtConnection

libvirt = pytest.importorskip("libvirt")
UUID = uuid.UUID(int=7)
MIB = 1 << 20


def guest(vcpus: int, disk: Path) -> str:
    return (
        f"<domain type='test'><name>g</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory>"
        f"<currentMemory unit='MiB'>32</currentMemory><vcpu>{vcpus}</vcpu>"
        "<memoryBacking><hugepages/></memoryBacking><os><type>hvm</type></os><devices>"
        f"<disk type='file' device='disk'><source file='{disk}'/><target dev='vda'/></disk>"
        "</devices></domain>"
    )


class World:
    """A test driver's own world, one guest in it, and a bookkeeper that looks at it."""

    def __init__(self, folder: Path) -> None:
        (folder / "node.xml").write_text("<node/>")
        self.disk = folder / "disk"
        with self.disk.open("wb") as file:
            file.truncate(8 * MIB)
        self.host = Host(f"test://{folder}/node.xml", read_write=True)
        self.host.connect()
        self.domain = self.host.connection.defineXML(guest(3, self.disk))
        topology = read_topology()
        self.ledger = HostLedger(topology)
        self.table = GuestTable()
        self.definitions = Definitions(self.table, topology, self.ledger.bind)
        self.told: list[HostAccount] = []
        context = VirtContext(
            host="h",
            uri=self.host.uri,
            connection=ConnectionSettings(),
            settings=None,
            columns=Columns(GuestTable()),
        )
        opened = LibvirtConnection(context, None, kernel=False)
        opened._host = self.host  # each connection to such a URI is a world of its own
        self.connection = Connection(Guard("libvirt", opened, VirtConnection))
        self.keeper = self.made(lambda: self.connection)

    def made(self, connect: Callable[[], Connection], **options: Any) -> Bookkeeper:
        options.setdefault("survey", Survey(folders=(str(self.disk.parent),)))
        keeper = Bookkeeper(
            self.ledger, self.definitions, connect, publish=self.told.append, **options
        )
        keeper._stop.set()  # whatever waits, waits no more
        return keeper

    def learn(self) -> None:
        """What the connection keeper does for each guest."""
        config = self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        self.definitions.update(UUID.bytes, None, config)
