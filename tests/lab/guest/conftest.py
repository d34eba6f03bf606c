"""A read-write host on the module's node, what its events were, and guests made for one test."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from hostmon.errors import (
    GuestNotFoundError,
)
from hostmon.guest import Guest
from hostmon.host import Host
from hostmon.xml.disk import Disk, DiskDriver, DiskTarget
from hostmon.xml.disksource import DiskSource
from tests.lab import guests
from tests.lab.node import Node
from tests.lab.recorder import Recorder

URI = "https://example.org/inventory"
MIB = 1 << 20
SCSI = "<controller type='scsi' model='virtio-scsi'/>"
Make = Callable[..., Guest]


@pytest.fixture(scope="module")
def host(module_node: Node) -> Iterator[Host]:
    with Host(module_node.uri, read_write=True) as connected:
        yield connected


@pytest.fixture(scope="module")
def events(module_node: Node) -> Iterator[Recorder]:
    with Recorder(module_node.uri) as recorder:
        yield recorder


@pytest.fixture
def make(module_node: Node, host: Host, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Defines guests named for the test, and takes them away whatever became of them."""
    made: list[str] = []

    def define(devices: str = "", *, name: str = "", vcpus: int = 2) -> Guest:
        full = module_node.name(f"{request.node.name[5:25]}{name}{len(made)}")
        made.append(full)
        return host.define(guests.guest_xml(module_node, full, vcpus=vcpus, devices=devices))

    yield define
    for name in made:
        with contextlib.suppress(GuestNotFoundError):
            guest = host.guest_by_name(name)
            if guest.is_active():
                guest.power_off()
            guest.undefine(managed_save=True)


def image(node: Node, name: str, size: int = 4 * MIB) -> str:
    """A raw image as the node's libvirtd sees it."""
    path = node.root / "lib" / f"{name}.raw"
    with path.open("wb") as file:
        file.truncate(size)
    path.chmod(0o666)
    return f"/var/lib/libvirt/{name}.raw"


def disk(path: str, target: str, bus: str = "scsi") -> Disk:
    return Disk(
        type="file",
        device="disk",
        driver=DiskDriver(name="qemu", type="raw"),
        source=DiskSource(file=path),
        target=DiskTarget(dev=target, bus=bus),
    )
