"""The texts that a cloud's own guest configuration expects, made of the equivalent objects.

They are found through HOSTMON_CORPORA: a list of expected texts by test, and of texts parsed there.
Every object below is written in plain fields; no text of the list is read to make it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from hostmon.errors import XMLError
from hostmon.xml import devices as small
from hostmon.xml import snapshot as snap
from hostmon.xml.boot import Os
from hostmon.xml.build.machine import guest_pci_device
from hostmon.xml.capabilities import Capabilities, HostCell
from hostmon.xml.chardev import Channel, CharSource, CharTarget, Serial
from hostmon.xml.clock import Clock, Timer
from hostmon.xml.common import Address, Named, Size
from hostmon.xml.cpu import Cpu, Feature, MaxPhysAddr, Model, Topology
from hostmon.xml.disk import Disk
from hostmon.xml.disksource import DiskSource, StorageHost
from hostmon.xml.domain import Domain
from hostmon.xml.domaincaps import DomainCapabilities, Supported
from hostmon.xml.element import Element
from hostmon.xml.filesystem import Filesystem, FilesystemDriver, FilesystemSource
from hostmon.xml.hostdev import Hostdev, HostdevSource
from hostmon.xml.interface import Interface
from hostmon.xml.memory import (
    HugePage,
    HugePages,
    MemoryBacking,
    MemoryNode,
    NumaMemory,
    NumaTune,
)  # fmt: skip
from hostmon.xml.nodedev import IommuGroup, MdevType, NodeCapability, NodeDevice
from hostmon.xml.nodes import first
from hostmon.xml.openstack import (
    ExtraSpecs,
    Flavor,
    Image,
    Instance,
    Port,
    PortIp,
    Properties,
)  # fmt: skip
from hostmon.xml.parsing import load
from hostmon.xml.secret import Secret

PAIRS = Path(os.environ.get("HOSTMON_CORPORA", ""), "nova-config-pairs.json")
pytestmark = pytest.mark.skipif(
    not PAIRS.is_file(), reason="set HOSTMON_CORPORA to the folder with nova-config-pairs.json"
)

IMAGE = "fe55c69a-8b2e-4bbc-811a-9ad2023a0426"
MDEV = "b38a3f43-4be2-4046-897f-b67c2f5e0140"
TPM_SECRET = "b028130c-bdcb-4d5f-9bca-b9175ca6c28c"
AGENT = "/var/lib/libvirt/qemu/org.qemu.guest_agent.0.instance-name.sock"
PENRYN = Cpu(
    arch="x86_64", model=Model(name="Penryn"), vendor="Intel",
    features=[Feature(name="apic"), Feature(name="mtrr")],
)  # fmt: skip


def ips(*addresses: tuple[str, str, int]) -> list[PortIp]:
    return [PortIp(type=kind, address=text, ip_version=v) for kind, text, v in addresses]


def instance(image: Image | None, specs: ExtraSpecs, root: bool = True) -> Instance:
    return Instance(
        package_version="2014.2.3", name="moonbuggy", creation_time="2009-02-13 23:31:30",
        flavor=Flavor(
            name="m1.lowgravity", id="f719a0dd-4b43-4efe-8336-48ef74099ad4", memory=2048, disk=50,
            swap=10, ephemeral=10, vcpus=8, extra_specs=specs,
        ),
        image=image,
        user="buzz", user_uuid="3472c2a6-de91-4fb5-b618-42bc781ef670",
        project="moonshot", project_uuid="f241e906-010e-4917-ae81-53f4fb8aa021",
        root_type="image" if root else None, root_uuid=IMAGE if root else None,
        ports=[
            Port(uuid="567a4527-b0e4-4d0a-bcc2-71fda37897f7", ips=ips(
                ("fixed", "192.168.1.1", 4), ("fixed", "fe80::f95c:b030:7094", 6),
                ("floating", "11.22.33.44", 4))),
            Port(uuid="a3ca97e2-0cf9-4159-9bfc-afd55bc13ead", ips=ips(
                ("fixed", "10.0.0.1", 4), ("fixed", "fdf8:f53b:82e4::52", 6),
                ("floating", "1.2.3.4", 4))),
        ],
    )  # fmt: skip


def image(uuid: str) -> Image:
    properties = {
        "os_distro": "ubuntu", "os_type": "linux", "img_version": "1", "img_use_agent": "True",
    }  # fmt: skip
    return Image(
        uuid=uuid, container_format="bare", disk_format="raw", min_disk=10, min_ram=0,
        properties=Properties(entries=[Named(name=n, text=t) for n, t in properties.items()]),
    )  # fmt: skip


def mdev(name: str, parent: str, kind: str, group: int, uuid: str | None = None) -> NodeDevice:
    capability = NodeCapability(
        type="mdev", types=[MdevType(id=kind)], uuid=uuid, iommu_group=IommuGroup(number=group)
    )
    return NodeDevice(name=name, parent=parent, capabilities=[capability])


def tpm(model: str, version: str) -> small.Tpm:
    backend = small.TpmBackend(type="emulator", version=version, encryption_secret=TPM_SECRET)
    return small.Tpm(model=model, backend=backend)


def mounted(kind: str, target: str = "/mnt", **fields: Any) -> Filesystem:
    return Filesystem(type=kind, target=target, **fields)


def snapshot(*disks: snap.SnapshotDisk) -> snap.Snapshot:
    return snap.Snapshot(name="Demo", disks=snap.SnapshotDisks(disks=disks))


def memnodes(*nodesets: str) -> list[MemoryNode]:
    return [MemoryNode(cellid=n, mode="strict", nodeset=s) for n, s in enumerate(nodesets)]


VPMEM = small.MemoryDevice(
    model="nvdimm", access="shared",
    source=small.MemorySource(path="/dev/dax0.0", alignsize=Size(value=2048), pmem=True),
    target=small.MemoryTarget(size=Size(value=4194304), numa_node=0, label_size=Size(value=2048)),
)  # fmt: skip
SECRET_TEXT = "sample desc"
VDB = snap.SnapshotDisk(name="vdb", snapshot="no")
GUEST_PCI = guest_pci_device("1234:11:22.3", DomainCapabilities())

# By the test that expects it, with what is common to all names left out.
OBJECTS: dict[str, Element] = {
    "CPUFeatureTest.test_config_simple": Feature(name="mtrr"),
    "CPUTest.test_config_complex": PENRYN,
    "CPUTest.test_only_uniq_cpu_featues": PENRYN,
    "CPUTest.test_config_maxphysaddr": Cpu(maxphysaddr=MaxPhysAddr(mode="emulate", bits=42)),
    "CPUTest.test_config_simple": Cpu(model=Model(name="Penryn")),
    "CPUTest.test_config_topology": Cpu(
        model=Model(name="Penryn"), topology=Topology(sockets=4, cores=4, threads=2)
    ),
    "GuestChannelTest.test_config_qga_full": Channel(
        type="unix", sources=[CharSource(mode="bind", path=AGENT)],
        target=CharTarget(type="virtio", name="org.qemu.guest_agent.0"),
    ),
    "GuestChannelTest.test_config_spice_full": Channel(
        type="spicevmc", target=CharTarget(type="virtio", name="com.redhat.spice.0")
    ),
    "GuestChannelTest.test_config_spice_minimal": Channel(
        type="spicevmc", target=CharTarget(type="virtio")
    ),
    "GuestClockTest.test_config_localtime": Clock(offset="localtime"),
    "GuestClockTest.test_config_utc": Clock(offset="utc"),
    "GuestClockTest.test_config_timezone": Clock(offset="timezone", timezone="EDT"),
    "GuestClockTest.test_config_variable": Clock(offset="variable", adjustment="123456"),
    "GuestClockTest.test_config_timers": Clock(
        offset="utc",
        timers=[Timer(name="pit", tickpolicy="discard"), Timer(name="rtc", tickpolicy="merge")],
    ),
    "GuestFilesysTest.test_config_block": mounted("block", source=FilesystemSource(dev="/dev/sdb")),
    "GuestFilesysTest.test_config_file": mounted(
        "file", driver=FilesystemDriver(type="nbd", format="qcow2"),
        source=FilesystemSource(file="/data/myimage.qcow2"),
    ),
    "GuestFilesysTest.test_config_mount": mounted(
        "mount", source=FilesystemSource(dir="/tmp/hello")
    ),
    "GuestFilesysTest.test_config_virtiofs": mounted(
        "mount", "mount_tag", accessmode="passthrough", driver=FilesystemDriver(type="virtiofs"),
        source=FilesystemSource(dir="/mnt/nfsmount"),
    ),
    "GuestHostdev.test_config_pci_guest_host_dev": Hostdev(
        mode="subsystem", type="pci", managed=True
    ),
    "GuestHostdevMDEV.test_config_guest_hostdev_mdev": Hostdev(
        mode="subsystem", type="mdev", model="vfio-pci", managed=False,
        source=HostdevSource(address=Address(uuid=MDEV)),
    ),
    "GuestHostdevPCI.test_config_guest_hostdev_pci": GUEST_PCI,
    "GuestMemoryBackingTest.test_config_memory_backing_none": MemoryBacking(),
    "GuestMemoryBackingTest.test_config_memory_backing_all": MemoryBacking(
        hugepages=HugePages(pages=[HugePage(size=2048, nodeset="2-3", unit="KiB")]),
        nosharepages=True, locked=True,
    ),
    "GuestMemoryBackingTest.test_config_memory_backing_source_all": MemoryBacking(
        source="file", access="shared", allocation="immediate", discard=True
    ),
    "GuestMetadataNovaTest.test_config_metadata_flavor_extra_specs": instance(
        None, ExtraSpecs(entries=[Named(name="hw_rng:allowed", text="true")])
    ),
    "GuestMetadataNovaTest.test_config_metadata_from_image": instance(image(IMAGE), ExtraSpecs()),
    "GuestMetadataNovaTest.test_config_metadata_from_volume_image": instance(
        image(""), ExtraSpecs(), root=False
    ),
    "GuestMetadataNovaTest.test_config_metadata_from_volume_no_image": instance(
        Image(uuid="", properties=Properties()), ExtraSpecs(), root=False
    ),
    "GuestNUMATuneTest.test_config_numa_tune_none": NumaTune(),
    "GuestNUMATuneTest.test_config_numa_tune_memory": NumaTune(
        memory=NumaMemory(mode="strict", nodeset="0-3,8")
    ),
    "GuestNUMATuneTest.test_config_numa_tune_memnodes": NumaTune(
        memnodes=memnodes("0-1", "2-3", "8")
    ),
    "GuestSMBIOSTest.test_config_simple": Os(smbios="sysinfo"),
    "GuestSnapshotTest.test_config_snapshot": snapshot(),
    "GuestSnapshotTest.test_config_snapshot_with_disks": snapshot(
        snap.SnapshotDisk(
            name="vda", snapshot="external", type="file", source=DiskSource(file="source-path")
        ),
        VDB,
    ),
    "GuestSnapshotTest.test_config_snapshot_with_network_disks": snapshot(
        snap.SnapshotDisk(
            name="vda", snapshot="external", type="network",
            source=DiskSource(
                protocol="netfs", name="source-file",
                hosts=[StorageHost(name="host1", port="12345")],
            ),
        ),
        VDB,
    ),
    "GuestTimerTest.test_config_hpet": Timer(name="hpet", present=False),
    "GuestTimerTest.test_config_pit": Timer(name="pit", tickpolicy="discard"),
    "GuestTimerTest.test_config_platform": Timer(name="platform", track="host"),
    "GuestVPMEMTest.test_config_vpmem": VPMEM,
    "GuestWatchdogTest.test_config_watchdog": small.Watchdog(model="i6300esb", action="none"),
    "GuestWatchdogTest.test_config_watchdog_default_action": small.Watchdog(
        model="i6300esb", action="reset"
    ),
    "NodeDeviceTest.test_config_mdev_device": mdev(
        "mdev_4b20d080_1b54_4048_85b3_a6a62d165c01", "pci_0000_06_00_0", "nvidia-11", 12
    ),
    "NodeDeviceTest.test_config_mdev_device_uuid": mdev(
        "mdev_b2107403_110c_45b0_af87_32cc91597b8a_0000_41_00_0", "pci_0000_41_00_0",
        "nvidia-442", 57, "b2107403-110c-45b0-af87-32cc91597b8a",
    ),
    "SecretTest.test_config_secret_ceph": Secret(
        ephemeral=False, private=False, description=SECRET_TEXT, usage_type="ceph",
        usage_name="sample_name",
    ),
    "SecretTest.test_config_secret_iscsi": Secret(
        ephemeral=False, private=False, description=SECRET_TEXT, usage_type="iscsi",
        usage_target="sample_target",
    ),
    "SecretTest.test_config_secret_volume": Secret(
        ephemeral=False, private=False, description=SECRET_TEXT,
        uuid="c7a5fdbd-edaf-9455-926a-d65c16db1809", usage_type="volume",
        usage_volume="sample_volume",
    ),
    "SecretTest.test_config_secret_vtpm": Secret(
        ephemeral=True, private=True, uuid="635e5c09-10de-439f-ac4f-56ff1fee3cb7",
        usage_type="vtpm", usage_name="sample_name",
    ),
    "TPMTest.test_config_tpm_crb_2_0": tpm("tpm-crb", "2.0"),
    "TPMTest.test_config_tpm_tis_1_2": tpm("tpm-tis", "1.2"),
    "TPMTest.test_config_tpm_tis_2_0": tpm("tpm-tis", "2.0"),
}  # fmt: skip
# Not well-formed: it is expected to be refused there as well.
REFUSED = "LibvirtConfigObject"
# An element that stands for a field of another one, by where it is in there.
PARTS = {"GuestSMBIOSTest.test_config_simple": ("smbios",)}

# The classes of the texts that are only parsed there.
PARSED: dict[str, type[Element]] = {
    "LibvirtConfigCaps": Capabilities, "LibvirtConfigCapsNUMACell": HostCell,
    "LibvirtConfigDomainCapsVideoModels": Supported, "LibvirtConfigGuestDisk": Disk,
    "LibvirtConfigGuestFilesys": Filesystem, "LibvirtConfigGuestHostdevMDEV": Hostdev,
    "LibvirtConfigGuestHostdevPCI": Hostdev, "LibvirtConfigGuestInterface": Interface,
    "LibvirtConfigGuest": Domain, "LibvirtConfigNodeDevice": NodeDevice,
    "LibvirtConfigNodeDevicePciCap": NodeCapability,
    "LibvirtConfigGuestCharDeviceLog": Serial,
}  # fmt: skip


def normal(node: Any) -> bytes:
    """The same bytes for the same content: indentation and the order of children do not count."""

    def key(one: Any) -> tuple[Any, ...]:
        text = (one.text or "").strip()
        return (one.tag, sorted(one.attrib.items()), text, sorted(map(key, one)))

    return repr(key(node)).encode()


def pairs(which: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(PAIRS.read_text())[which]
    return found


def test_every_expected_text_is_made_of_objects() -> None:
    made, lacking = 0, []
    for pair in pairs("expected"):
        name = pair["test"].removeprefix("LibvirtConfig")
        if name not in OBJECTS:
            lacking.append(name)
            continue
        node = first(OBJECTS[name].node, PARTS.get(name, ()))
        assert node is not None
        again = load(etree.tostring(node, encoding="unicode", with_tail=False))
        assert normal(again) == normal(load(pair["expected"])), name
        made += 1
    print(f"{made} of {len(pairs('expected'))} expected texts made of objects; no: {lacking}")
    assert made >= len(pairs("expected")) * 0.9


def test_every_parsed_text_is_rebuilt_from_typed_fields() -> None:
    made, lacking = 0, []
    for pair in pairs("parse_inputs"):
        if pair["class"] == REFUSED:
            with pytest.raises(XMLError, match=r"not well-formed.* line 1"):
                load(pair["xml"])
            made += 1
            continue
        cls = PARSED.get(pair["class"])
        if cls is None:
            lacking.append(pair["class"])
            continue
        node = load(pair["xml"])
        if pair["class"] == "LibvirtConfigGuestCharDeviceLog":
            serial = etree.Element("serial")
            serial.append(node)
            node = serial
        assert normal(cls.wrap(node).rebuilt().node) == normal(node), pair["xml"]
        made += 1
    print(f"{made} of {len(pairs('parse_inputs'))} parsed texts rebuilt; no: {lacking}")
    assert made >= len(pairs("parse_inputs")) * 0.9
