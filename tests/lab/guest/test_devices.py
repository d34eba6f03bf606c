"""A guest's devices on a real libvirtd: stable keys, and plugging verified by events."""

import threading

import pytest

from hostmon.errors import (
    DeviceNotFoundError,
    GuestStateError,
    GuestTimeoutError,
    LibvirtError,
)
from hostmon.xml.disk import DiskTarget
from hostmon.xml.disksource import DiskSource
from hostmon.xml.domain import DEVICES
from hostmon.xml.interface import Interface, InterfaceSource
from tests.lab.guest.conftest import SCSI, Make, disk, image
from tests.lab.node import Node, wait_for
from tests.lab.recorder import Recorder


def test_devices_keep_their_keys(make: Make, module_node: Node) -> None:
    path = image(module_node, module_node.name("keys"))
    guest = make(SCSI + disk(path, "sda").to_xml())
    defined = set(guest.devices())
    guest.launch(paused=True)
    assert set(guest.disks()) == set(guest.disks(inactive=True)) == {"sda"}
    stable = {key for key in defined if "#" not in key}
    assert {"disk[sda]", "controller[scsi,0]"} <= stable <= set(guest.devices())
    found = guest.device_by_alias("scsi0-0-0-0")
    assert found is not None
    assert found[0] == "disk[sda]"
    assert guest.device("disk[sda]") == found[1]
    assert guest.device_by_alias("none") is None


def test_hotplug_is_verified_by_event(make: Make, module_node: Node, events: Recorder) -> None:
    path = image(module_node, module_node.name("hotplug"))
    guest = make(SCSI)
    guest.launch()
    assert guest.attach(disk(path, "sdb")) == "disk[sdb]"
    events.wait(guest.name, "device-added")
    assert set(guest.disks()) == set(guest.disks(inactive=True)) == {"sdb"}
    with pytest.raises(LibvirtError, match="sdb"):
        guest.attach(disk(path, "sdb"))
    guest.detach("disk[sdb]")
    events.wait(guest.name, "device-removed")
    assert guest.disks() == guest.disks(inactive=True) == {}
    with pytest.raises(DeviceNotFoundError, match=r"no disk\[sdb\]"):
        guest.detach("disk[sdb]")
    assert guest.attach(disk(path, "sdc"), config=False) == "disk[sdc]"
    assert guest.disks(inactive=True) == {}
    assert guest.attach(disk(path, "sdd"), live=False) == "disk[sdd]"
    assert set(guest.disks()) == {"sdc"}
    guest.detach("disk[sdd]", live=False)
    assert guest.disks(inactive=True) == {}


def test_a_device_that_names_no_key_gets_one(make: Make, events: Recorder) -> None:
    guest = make()
    guest.launch()
    key = guest.attach(DEVICES["rng"].parse(
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
    ))  # fmt: skip
    assert key == "rng[rng0]"
    events.wait(guest.name, "device-added")


def test_a_guest_that_holds_on_keeps_its_device(
    make: Make, module_node: Node, events: Recorder
) -> None:
    """Without a system the guest's side never answers; libvirt itself waits 5 s."""
    path = image(module_node, module_node.name("held"))
    guest = make()
    guest.launch()
    guest.attach(disk(path, "vdb", "virtio"))
    with pytest.raises(GuestTimeoutError, match="operating system"):
        guest.detach("disk[vdb]", timeout=1, again_every=0.3)
    assert set(guest.disks()) == set(guest.disks(inactive=True)) == {"vdb"}
    guest.reset()
    events.wait(guest.name, "device-removed")
    guest.detach("disk[vdb]", live=False)
    assert guest.disks(inactive=True) == {}


def test_a_guest_that_stops_meanwhile(make: Make, module_node: Node) -> None:
    path = image(module_node, module_node.name("stops"))
    guest = make()
    guest.launch()
    guest.attach(disk(path, "vdb", "virtio"))
    stop = threading.Timer(0.5, guest._domain.destroy)
    stop.start()
    with pytest.raises(GuestStateError):
        guest.detach("disk[vdb]")
    stop.join()


def test_update_changes_the_medium(make: Make, module_node: Node, events: Recorder) -> None:
    path = image(module_node, module_node.name("medium"))
    guest = make(
        SCSI + "<disk type='file' device='cdrom'><target dev='sda' bus='scsi'/><readonly/></disk>"
    )
    guest.launch()
    drive = guest.disks()["sda"]
    drive.source = DiskSource(file=path)
    guest.update(drive)
    events.wait(guest.name, "tray-change")
    source = guest.disks()["sda"].source
    assert source is not None
    assert source.file == path
    drive.target = DiskTarget(dev="sdz", bus="scsi")
    with pytest.raises(DeviceNotFoundError, match="attach it instead"):
        guest.update(drive)


def test_interfaces(make: Make, module_node: Node, events: Recorder) -> None:
    module_node.run("ip", "link", "add", "br-guest", "type", "bridge")
    guest = make()
    guest.launch()
    key = guest.attach(
        Interface(type="bridge", source=InterfaceSource(bridge="br-guest"),
                  mac="52:54:00:12:34:56", target="tap-guest")
    )  # fmt: skip
    assert key == "interface[52:54:00:12:34:56]"
    events.wait(guest.name, "device-added")
    assert set(guest.interfaces()) == {"52:54:00:12:34:56"}
    # A new bridge sends a packet or two of its own: between two of them both say the same.
    wait_for(
        lambda: guest.interface_stats("52:54:00:12:34:56") == guest.interface_stats("tap-guest"),
        "the same by either name", 20,
    )  # fmt: skip
    stats = guest.interface_stats("52:54:00:12:34:56")
    assert stats.rx_bytes is not None
    assert stats.tx_drops is not None
    with pytest.raises(LibvirtError, match="interface statistics"):
        guest.interface_stats("none")
