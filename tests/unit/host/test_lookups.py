"""What drivers look up: networks, pools, volumes, devices, secrets, and the disk account."""

from pathlib import Path

import pytest

from hostmon.errors import ArgumentError, ObjectNotFoundError, UnsupportedError
from hostmon.host import Host
from hostmon.host.devices import pci_name
from hostmon.images.survey import Survey
from hostmon.xml.build.facts import Facts
from tests.unit.conftest import MakeHost, guest_xml


def test_networks_and_interfaces() -> None:
    with Host("test:///default") as host:
        (listed,) = host.networks()
        assert (listed.name, listed.active, listed.autostart) == ("default", True, False)
        network = host.network("default")
        assert network == host.network(listed.uuid)
        assert network.uuid == str(listed.uuid)
        assert host.network_bridge("default") == "virbr0"
        assert [one.name for one in host.interfaces()] == ["eth1"]
        assert host.interface("eth1").type == "ethernet"


def test_pools_and_volumes(make_host: MakeHost) -> None:
    host = make_host()
    connection = host.connection
    pool = connection.storagePoolDefineXML(
        "<pool type='dir'><name>images</name><target><path>/images</path></target></pool>"
    )
    (listed,) = host.pools()
    assert (listed.name, listed.active) == ("images", False)
    pool.create()
    assert host.pools()[0].active
    pool.createXML("<volume><name>one.raw</name><capacity unit='MiB'>10</capacity></volume>")
    assert host.pool("images").target.path == "/images"  # type: ignore[union-attr]
    assert host.pool(listed.uuid).name == "images"
    space = host.pool_space("images")
    assert space.capacity == space.allocation + space.available
    assert space.allocation >= 10 << 20
    (volume,) = host.volumes("images")
    assert volume.name == "one.raw"
    assert volume.capacity is not None
    assert volume.capacity.bytes == 10 << 20
    assert host.volume("images", "one.raw") == volume
    assert host.volume_at("/images/one.raw") == volume
    with pytest.raises(ObjectNotFoundError):
        host.volume("images", "two.raw")


def test_devices() -> None:
    with Host("test:///default") as host:
        names = {device.name for device in host.devices()}
        assert "computer" in names
        hosts = host.devices("scsi_host")
        assert hosts
        assert {device.name for device in hosts} < names
        assert host.device(str(hosts[0].name)) == hosts[0]
        assert host.pci_devices() == host.mediated_devices() == host.mediated_device_parents() == ()
        with pytest.raises(ObjectNotFoundError, match="pci_0000_00_1f_2"):
            host.pci_device("0000:00:1f.2")
    assert pci_name("0000:00:1f.2") == "pci_0000_00_1f_2"


def test_wrong_names_are_told_with_those_there_are() -> None:
    with Host("test:///default") as host:
        with pytest.raises(ArgumentError, match=r"capability = 'usbdevice': did you mean usb_d"):
            host.devices("pci", "usbdevice")
        with pytest.raises(ArgumentError, match="usage = 'disk': give one of volume, ceph"):
            host.find_secret("disk", "x")


def test_disk_available_least_falls_by_what_disks_may_grow(
    make_host: MakeHost, tmp_path: Path
) -> None:
    host = make_host()
    survey = Survey(folders=(str(tmp_path),))
    before = host.storage(survey)
    image = tmp_path / "disk.raw"
    with image.open("wb") as file:
        file.truncate(256 << 20)
    host.define(
        guest_xml(
            "sparse",
            devices=f"<disk type='file'><driver type='raw'/><source file='{image}'/>"
            "<target dev='vda'/></disk>",
        )
    )
    assert [disk.path for disk in host.disks()] == [str(image)]
    after = host.storage(survey)
    assert sum(one.growth for one in after.filesystems) == 256 << 20
    if before.available_least is not None:
        least = host.disk_available_least(survey)
        assert least is not None
        # Others write to this disk meanwhile.
        assert abs(before.available_least - least - (256 << 20)) < 64 << 20


def test_a_host_answers_the_builders(make_host: MakeHost) -> None:
    host = make_host()
    facts: Facts = host
    assert facts.capabilities().guests
    with pytest.raises(UnsupportedError):
        facts.domain_capabilities(arch="i686", machine="pc", virt_type="test")
