"""Texts that a cloud's own classes write, made of the equivalent objects.

They are written afresh by the nova that is found (Debian's, or the interpreter that
HOSTMON_NOVA_PYTHON names); every object below is written in plain fields.
"""

import json
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from bench.front.peers import nova_python
from hostmon.xml import devices as small
from hostmon.xml.boot import Loader, Os, OsType
from hostmon.xml.chardev import CharSource, CharTarget, Console, RngBackend, Serial
from hostmon.xml.clock import Clock
from hostmon.xml.common import Address, Named, Size
from hostmon.xml.controller import Controller
from hostmon.xml.cpu import Cpu, Feature, Model, Numa, NumaCell, Topology
from hostmon.xml.cputune import CpuTune, Scheduling, VcpuPin
from hostmon.xml.disk import Disk, DiskDriver, DiskTarget, Iotune
from hostmon.xml.disksource import Auth, DiskSource, Encryption, SecretRef, StorageHost
from hostmon.xml.domain import Domain
from hostmon.xml.element import Element
from hostmon.xml.features import Apic, Features
from hostmon.xml.graphics import Graphics
from hostmon.xml.interface import Interface, InterfaceDriver, InterfaceSource
from hostmon.xml.memory import Memory, MemoryTune
from hostmon.xml.netparts import Bandwidth, Rate, VirtualPort, Vlan, VlanTag
from hostmon.xml.nodes import first
from hostmon.xml.parsing import load
from hostmon.xml.security import IdMap, IdRange, LaunchSecurity
from hostmon.xml.sysinfo import Sysinfo
from hostmon.xml.vcpus import Vcpus
from hostmon.xml.video import Video, VideoModel
from tests.unit.xml.test_pairs import normal

PROGRAM = Path(__file__).with_name("nova_texts.py")
NOVA = nova_python()
pytestmark = pytest.mark.skipif(
    NOVA is None, reason="no nova: apt install python3-nova, or set HOSTMON_NOVA_PYTHON"
)
HOST_UUID = "c7a5fdbd-edaf-9455-926a-d65c16db1809"


def mac(number: int) -> str:
    return f"fa:16:3e:00:00:0{number}"


def image(form: str | None = "qcow2") -> DiskDriver:
    return DiskDriver(name="qemu", type=form)


def kib(value: int) -> Size:
    return Size(unit="KiB", value=value)


def entries(**texts: str) -> list[Named]:
    return [Named(name=name, text=text) for name, text in texts.items()]


RAW = DiskDriver(name="qemu", type="raw")
ID_MAP = IdMap(
    uids=[IdRange(start=0, target=10000, count=65536)],
    gids=[IdRange(start=0, target=10000, count=65536)],
)

# By the name of the case in nova_texts.py.
OBJECTS: dict[str, Element] = {
    "disk of a file": Disk(
        type="file", device="disk", serial="7a97c4a3", source=DiskSource(file="/images/1"),
        driver=DiskDriver(name="qemu", type="qcow2", cache="none", discard="unmap", io="native"),
        target=DiskTarget(dev="vda", bus="virtio"),
    ),
    "disk with limits": Disk(
        type="block", device="disk", driver=RAW, source=DiskSource(dev="/dev/vg/1"),
        target=DiskTarget(dev="sda", bus="scsi"),
        iotune=Iotune(
            read_bytes_sec=1024000, read_iops_sec=1000, write_bytes_sec=1024000,
            write_iops_sec=1000, total_bytes_sec=2048000, total_iops_sec=2000,
        ),
    ),
    "disk of the network": Disk(
        type="network", device="disk", driver=RAW, target=DiskTarget(dev="vdb", bus="virtio"),
        source=DiskSource(protocol="rbd", name="pool/image", hosts=[
            StorageHost(name="192.0.2.1", port="6789"), StorageHost(name="192.0.2.2", port="6790"),
        ]),
        auth=Auth(username="cinder", secret=SecretRef(type="ceph", uuid="f65e30e2")),
    ),
    "encrypted disk": Disk(
        type="block", device="disk", driver=RAW, source=DiskSource(dev="/dev/sdb"),
        target=DiskTarget(dev="vdc", bus="virtio"),
        encryption=Encryption(format="luks", secrets=[SecretRef(type="passphrase", uuid="b1a2")]),
    ),
    "cdrom": Disk(
        type="file", device="cdrom", driver=RAW, source=DiskSource(file="/images/config"),
        target=DiskTarget(dev="hda", bus="sata"), readonly=True, boot_order=2,
    ),
    "shared disk": Disk(
        type="file", device="disk", driver=image(None), source=DiskSource(file="/images/1"),
        target=DiskTarget(dev="vda", bus="virtio"), shareable=True,
        logical_block_size=4096, physical_block_size=4096,
    ),
    "bridged interface": Interface(
        type="bridge", mac=mac(1), model="virtio", source=InterfaceSource(bridge="br-int"),
        target="tap1", mtu=1450,
        driver=InterfaceDriver(name="vhost", queues=4, rx_queue_size=512, tx_queue_size=1024),
    ),
    "interface of Open vSwitch": Interface(
        type="bridge", mac=mac(2), model="virtio", source=InterfaceSource(bridge="br-int"),
        target="tap2", virtualport=VirtualPort(type="openvswitch", interfaceid="81a8ac8d"),
    ),
    "interface of a virtual function": Interface(
        type="hostdev", managed=True, mac=mac(3), vlan=Vlan(tags=[VlanTag(id=100)]),
        source=InterfaceSource(address=Address(type="pci", domain=0, bus=10, slot=0, function=1)),
    ),
    "interface of vhost-user": Interface(
        type="vhostuser", mac=mac(4), model="virtio",
        source=InterfaceSource(type="unix", mode="server", path="/run/vhu1"),
    ),
    "interface with limits": Interface(
        type="ethernet", mac=mac(5), model="virtio", target="tap5",
        bandwidth=Bandwidth(
            inbound=Rate(average=1000, peak=2000, burst=512), outbound=Rate(average=500)
        ),
    ),
    "tablet": small.Input(type="tablet", bus="usb"),
    "VNC": Graphics(type="vnc", autoport=True, keymap="en-us", listen="192.0.2.9"),
    "SPICE": Graphics(type="spice", autoport=False, listen="127.0.0.1"),
    "video": Video(model=VideoModel(type="qxl", vram=65536, heads=2)),
    "balloon": small.MemoryBalloon(
        model="virtio", autodeflate=True, free_page_reporting=True, stats_period=10
    ),
    "SCSI controller": Controller(type="scsi", index=0, model="virtio-scsi"),
    "USB controller": Controller(type="usb", index=1, model="qemu-xhci"),
    "root port": Controller(type="pci", model="pcie-root-port"),
    "random numbers": small.Rng(
        model="virtio", rate_period=12, rate_bytes=34,
        backend=RngBackend(model="random", path="/dev/hwrng"),
    ),
    "serial port": Serial(
        type="file", sources=[CharSource(path="/log/console")], target=CharTarget(port=0)
    ),
    "console over TCP": Console(
        type="tcp", sources=[CharSource(mode="bind", host="127.0.0.1", service="10000")],
        log_file="/log/console", log_append=False, target=CharTarget(port=1),
    ),
    "CPU tuning": CpuTune(
        shares=1024, quota=10000, period=100000, emulatorpin="0-3",
        vcpupins=[VcpuPin(vcpu=0, cpuset="0-1"), VcpuPin(vcpu=1, cpuset="2-3")],
        vcpuscheds=[Scheduling(vcpus="0-1", scheduler="fifo", priority=1)],
    ),
    "memory tuning": MemoryTune(
        hard_limit=kib(3072), soft_limit=kib(2048), swap_hard_limit=kib(4096),
        min_guarantee=kib(1024),
    ),
    "guest CPU with cells": Cpu(
        mode="custom", match="exact", model=Model(name="Penryn"), vendor="Intel",
        topology=Topology(sockets=2, cores=2, threads=1),
        numa=Numa(cells=[
            NumaCell(id=0, cpus="0-1", memory=1048576, mem_access="shared"),
            NumaCell(id=1, cpus="2-3", memory=1048576),
        ]),
    ),
    "forbidden feature": Feature(name="vmx", policy="forbid"),
    "system information": Sysinfo(
        type="smbios", bios=entries(vendor="Acme", version="2.0"),
        system=entries(
            manufacturer="Acme", product="Host", version="26", serial="c7a5fdbd",
            uuid=HOST_UUID, family="Virtual Machine",
        ),
    ),
    "encrypted memory": LaunchSecurity(type="sev", policy="0x0033"),
    "IOMMU": small.Iommu(
        model="intel", intremap=True, caching_mode=True, eim=True, iotlb=True
    ),
    "user map": ID_MAP,
    "group map": ID_MAP,
    "whole guest": Domain(
        type="kvm", uuid="b38a3f43-4be2-4046-897f-b67c2f5e0147", name="guest",
        memory=Memory(value=2097152), vcpu=Vcpus(count=2),
        os=Os(
            type=OsType(name="hvm", machine="q35"), boot_devices=["hd", "cdrom"],
            loader=Loader(type="pflash", path="/firmware/code"),
        ),
        features=Features(acpi=True, apic=Apic()), clock=Clock(offset="utc"),
        disks=[Disk(
            type="file", device="disk", driver=image(), source=DiskSource(file="/images/1"),
            target=DiskTarget(dev="vda", bus="virtio"),
        )],
        interfaces=[Interface(
            type="bridge", mac=mac(6), model="virtio", source=InterfaceSource(bridge="br0"),
            target="tap0",
        )],
    ),
}  # fmt: skip
PARTS = {"user map": ("uid",), "group map": ("gid",)}


def test_what_nova_writes_is_made_of_objects(capsys: pytest.CaptureFixture[str]) -> None:
    """Every text that this nova writes; older ones know fewer of the attributes."""
    assert NOVA
    told = subprocess.run(
        [NOVA, "-W", "ignore", str(PROGRAM)], capture_output=True, text=True, check=True
    )
    written: dict[str, str] = json.loads(told.stdout)
    for name, text in written.items():
        node = first(OBJECTS[name].node, PARTS.get(name, ()))
        assert node is not None
        again = load(etree.tostring(node, encoding="unicode", with_tail=False))
        assert normal(again) == normal(load(text)), name
    with capsys.disabled():
        print(f"\n{len(written)} of {len(OBJECTS)} texts of nova's own classes made of objects")
    assert written.keys() <= OBJECTS.keys()
    assert len(written) >= 20
