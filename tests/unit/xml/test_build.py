"""The builders: what they make of requests, what they choose, and how they refuse."""

from dataclasses import replace
from typing import Any

import pytest

from hostmon.errors import RequestRefusedError
from hostmon.xml.build.cpu import guest_cpu_model
from hostmon.xml.build.disk import disk_name, guest_storage
from hostmon.xml.build.guest import guest_config, guest_xml
from hostmon.xml.build.machine import guest_pci_device, guest_sysinfo
from hostmon.xml.build.network import guest_interface
from hostmon.xml.build.requests import (
    CellRequest,
    CpuRequest,
    DiskRequest,
    GuestRequest,
    InterfaceRequest,
    SysinfoRequest,
)  # fmt: skip
from hostmon.xml.capabilities import Capabilities
from hostmon.xml.check import check
from hostmon.xml.domain import Domain
from hostmon.xml.domaincaps import DomainCapabilities
from hostmon.xml.schema import SCHEMAS

CAPABILITIES = """<capabilities><host><topology><cells num='1'><cell id='0'>
<pages unit='KiB' size='4'>1000</pages><pages unit='KiB' size='2048'>64</pages></cell></cells>
</topology></host><guest><os_type>hvm</os_type><arch name='x86_64'><wordsize>64</wordsize>
<machine>pc-i440fx-7.2</machine><machine canonical='pc-i440fx-7.2'>pc</machine>
<machine canonical='pc-q35-7.2'>q35</machine><domain type='qemu'/>{kvm}</arch></guest>
</capabilities>"""
DOMAIN_CAPABILITIES = """<domainCapabilities><path>/usr/bin/qemu-system-x86_64</path>
<domain>kvm</domain><arch>x86_64</arch><vcpu max='255'/>
<os supported='yes'><enum name='firmware'><value>efi</value></enum></os>
<cpu><mode name='host-passthrough' supported='yes'/><mode name='maximum' supported='no'/>
<mode name='host-model' supported='yes'><model>EPYC</model></mode>
<mode name='custom' supported='yes'><model usable='yes'>qemu64</model>
<model usable='yes'>Penryn</model><model usable='no'>EPYC</model>
<blockers model='EPYC'><feature name='svm'/><feature name='sha-ni'/></blockers></mode></cpu>
<devices><disk supported='yes'>
<enum name='diskDevice'><value>disk</value><value>cdrom</value><value>lun</value></enum>
<enum name='bus'><value>ide</value><value>scsi</value><value>virtio</value><value>sata</value>
</enum></disk>
<graphics supported='yes'><enum name='type'><value>vnc</value></enum></graphics>
<video supported='yes'><enum name='modelType'><value>vga</value><value>virtio</value></enum></video>
<hostdev supported='yes'><enum name='subsysType'><value>usb</value><value>pci</value></enum>
</hostdev>
<rng supported='yes'><enum name='model'><value>virtio</value></enum></rng>
</devices></domainCapabilities>"""
CAPS = DomainCapabilities.parse(DOMAIN_CAPABILITIES)
MIB = 1 << 20


class Recorded:
    """A host of documents."""

    def __init__(self, kvm: bool = True, domain: str = DOMAIN_CAPABILITIES) -> None:
        self._kvm, self._domain = "<domain type='kvm'/>" if kvm else "", domain

    def capabilities(self) -> Capabilities:
        return Capabilities.parse(CAPABILITIES.format(kvm=self._kvm))

    def domain_capabilities(self, *, arch: str, machine: str, virt_type: str) -> DomainCapabilities:
        assert (arch, virt_type in ("kvm", "qemu"), bool(machine)) == ("x86_64", True, True)
        return DomainCapabilities.parse(self._domain)


FULL = GuestRequest(
    name="web",
    memory=512 * MIB,
    vcpus=4,
    uuid="c7a5fdbd-edaf-9455-926a-d65c16db1809",
    title="A web server",
    firmware="efi",
    secure_boot=True,
    cpuset="0-3",
    cpu=CpuRequest(
        mode="custom",
        models=("EPYC", "Penryn"),
        require=("aes",),
        disable=("vmx",),
        sockets=2,
        cores=2,
        cells=(
            CellRequest(cpus="0-1", memory=256 * MIB, nodes="0"),
            CellRequest(cpus="2,3", memory=256 * MIB),
        ),
    ),
    disks=(
        DiskRequest(path="/a.qcow2", cache="none", io="native", boot_order=1),
        DiskRequest(path="/dev/vg/b", block=True, format="raw", serial="s1"),
        DiskRequest(
            protocol="rbd", name="pool/c", hosts=(("mon", 6789),), format="raw",
            secret=("admin", "11111111-2222-3333-4444-555555555555"), bus="scsi",
            limits={"total_iops_sec": 100},
        ),
        DiskRequest(device="cdrom", path="/d.iso", format="raw"),
    ),
    interfaces=(
        InterfaceRequest(type="bridge", source="br0", mac="52:54:00:11:22:33", queues=2, vlan=7),
        InterfaceRequest(
            type="network", source="default", filter="clean-traffic",
            filter_parameters=(("IP", "192.0.2.1"),), mtu=9000,
        ),
        InterfaceRequest(),
    ),
    pci_devices=("0000:3b:00.1",),
    sysinfo=SysinfoRequest(manufacturer="us", product="hostmon", version="1", serial="s"),
    graphics="vnc",
    guest_agent=True,
    metadata=("<a:note xmlns:a='urn:example'>hello</a:note>",),
)  # fmt: skip


def test_the_whole_guest_is_what_was_asked_for() -> None:
    guest = Domain.parse(guest_xml(FULL, Recorded()))
    assert guest.type == "kvm"
    assert guest.memory is not None
    assert guest.memory.bytes == FULL.memory
    assert guest.cpu is not None
    assert guest.cpu.model is not None
    assert guest.cpu.model.name == "Penryn"
    assert [(f.policy, f.name) for f in guest.cpu.features] == [
        ("require", "aes"), ("disable", "vmx"),
    ]  # fmt: skip
    assert guest.numatune is not None
    assert [node.nodeset for node in guest.numatune.memnodes] == ["0"]
    assert [(disk.target_dev, disk.type) for disk in guest.disks] == [
        ("vda", "file"), ("vdb", "block"), ("sda", "network"), ("sdb", "file"),
    ]  # fmt: skip
    assert guest.disks[3].readonly
    assert [controller.model for controller in guest.controllers] == ["virtio-scsi"]
    assert guest.os is not None
    assert guest.os.firmware == "efi"
    assert guest.videos[0].model is not None
    assert guest.videos[0].model.type == "virtio"
    assert guest.metadata is not None
    assert "hello" in (guest.metadata.get("urn:example") or "")


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="install libvirt's schemas (libvirt-daemon)")
@pytest.mark.parametrize(
    "request_",
    [
        FULL,
        GuestRequest(name="small", memory=32 * MIB),
        GuestRequest(
            name="old", memory=32 * MIB, machine="pc", hugepages=2 * MIB, console_log="/tmp/log",
            kernel="/k", initrd="/i", cmdline="console=ttyS0", cpu=CpuRequest(mode="host-model"),
            disks=(DiskRequest(device="cdrom"), DiskRequest(path="/dev/a", block=True, device="lun",
            format="raw")),
            interfaces=(
                InterfaceRequest(type="direct", source="eth0", model="e1000"),
                InterfaceRequest(type="ethernet", target="tap0"),
                InterfaceRequest(type="bridge", source="ovs", port_id=FULL.uuid, boot_order=1),
            ),
        ),
    ],
    ids=lambda request: request.name,
)  # fmt: skip
def test_what_is_built_is_valid(request_: GuestRequest) -> None:
    assert [str(problem) for problem in check(guest_xml(request_, Recorded()))] == []


def test_kvm_is_taken_where_it_is_there() -> None:
    request = GuestRequest(name="a", memory=MIB)
    assert guest_config(request, Recorded()).type == "kvm"
    assert guest_config(request, Recorded(kvm=False)).type == "qemu"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "a/b"}, "name: 'a/b' cannot name a guest; give a name without a slash"),
        ({"arch": "riscv64"}, "arch: 'riscv64' cannot be run by this host; choose one of x86_64"),
        ({"virt_type": "xen"}, "type: 'xen' does not work on this host; choose qemu, kvm"),
        ({"machine": "pc-9"}, "machine: 'pc-9' is unknown for x86_64; choose pc, q35"),
        ({"vcpus": 999}, "vcpus: 999 do not fit q35; ask for 1 to 255"),
        ({"vcpus": 0}, "vcpus: 0 do not fit"),
        ({"memory": 1025}, "memory: 1025 is not a number of KiB"),
        ({"secure_boot": True}, "secure_boot: True needs UEFI; choose firmware 'efi'"),
        ({"graphics": "spice"}, "graphics: 'spice' is not offered by this host; choose one of vnc"),
        ({"hugepages": 2 * MIB, "memory": 999 * MIB}, "the host has 1000 of 4 KiB, 64 of 2048 KiB"),
        ({"pci_devices": ("3b:0",)}, "pci device: '3b:0' is no address; write it as 0000:3b:00.1"),
        ({"metadata": ("<a/>",)}, "metadata: has no namespace; declare one with xmlns"),
        ({"disks": (DiskRequest(),)}, "disk: has no source; give a path"),
        ({"disks": (DiskRequest(path="a"),)}, "disk path: 'a' is not absolute; begin it with /"),
        ({"disks": (DiskRequest(path="/a", bus="usb"),)}, "disk bus: 'usb' is not offered by"),
        ({"disks": (DiskRequest(device="floppy"),)}, "disk device: 'floppy' is not offered"),
        ({"disks": (DiskRequest(path="/a", bus="ide"),) * 5}, "ide disks: 5 are more than 4"),
        ({"disks": (DiskRequest(path="/a", limits={"iops": 1}),)}, "limits: ['iops'] are no limit"),
        ({"disks": (DiskRequest(protocol="rbd"),)}, "disk: a rbd source takes a name and no path"),
        (
            {"interfaces": (InterfaceRequest(type="bridge"),)},
            "interface: type 'bridge' needs a",
        ),
        ({"interfaces": (InterfaceRequest(source="x"),)}, "interface: type 'user' takes no source"),
        (
            {"cpu": CpuRequest(mode="maximum")},
            "cpu mode: 'maximum' is not supported for kvm",
        ),
        ({"cpu": CpuRequest(mode="custom")}, "cpu models: none given for mode 'custom'"),
        ({"cpu": CpuRequest(models=("a",))}, "cpu: models or features without a mode"),
        (
            {"cpu": CpuRequest(mode="host-model", models=("a",))},
            "do not go with host-model; use mode 'custom'",
        ),
        (
            {"cpu": CpuRequest(mode="custom", models=("EPYC",))},
            "cpu models: 'EPYC' cannot run: EPYC lacks svm, sha-ni; use qemu64, Penryn",
        ),
        (
            {"cpu": CpuRequest(mode="host-model", require=("x",), disable=("x",))},
            "cpu features: ['x'] are both required and disabled",
        ),
        ({"cpu": CpuRequest(cores=2), "vcpus": 3}, "topology: '1 x 2 x 1' is not 3 vCPUs"),
        (
            {"cpu": CpuRequest(cells=(CellRequest(cpus="1", memory=MIB),))},
            "cells: ['1'] do not hold each of 1 vCPUs once",
        ),
        (
            {"cpu": CpuRequest(cells=(CellRequest(cpus="0", memory=MIB),))},
            "cells: 1048576 bytes are not the guest's 33554432",
        ),
    ],
)
def test_what_the_host_cannot_do_is_refused_with_the_alternatives(
    change: dict[str, Any], says: str
) -> None:
    request = replace(GuestRequest(name="a", memory=32 * MIB), **change)
    with pytest.raises(RequestRefusedError) as caught:
        guest_config(request, Recorded())
    assert says in str(caught.value)


def test_a_host_without_firmware_or_kvm_says_so() -> None:
    bare = DOMAIN_CAPABILITIES.replace("<value>efi</value>", "")
    with pytest.raises(RequestRefusedError, match="install ovmf, or choose bios"):
        guest_config(replace(FULL, pci_devices=()), Recorded(domain=bare))
    with pytest.raises(RequestRefusedError, match="make /dev/kvm accessible, or choose qemu"):
        guest_config(replace(FULL, virt_type="kvm"), Recorded(kvm=False))


def test_disk_names_go_on_after_z() -> None:
    assert [disk_name("virtio", n) for n in (0, 25, 26, 701, 702)] == [
        "vda", "vdz", "vdaa", "vdzz", "vdaaa",
    ]  # fmt: skip


def test_cdroms_go_where_the_machine_has_a_place() -> None:
    cdrom = [DiskRequest(device="cdrom", path="/a.iso")]

    def bus(machine: str) -> str:
        return guest_storage(cdrom, machine, CAPS)[-1].to_xml().split('bus="')[1].split('"')[0]

    assert [bus(machine) for machine in ("pc", "pc-q35-7.2", "virt")] == ["ide", "sata", "scsi"]


def test_parts_alone() -> None:
    assert guest_pci_device("3b:00.1", CAPS).to_xml() == (
        '<hostdev mode="subsystem" type="pci" managed="yes"><source><address domain="0x0000" '
        'bus="0x3b" slot="0x00" function="0x1"/></source></hostdev>'
    )
    sysinfo = guest_sysinfo(SysinfoRequest(manufacturer="us", product="p", version="1"))
    assert [entry.name for entry in sysinfo.system] == [
        "manufacturer", "product", "version", "family",
    ]  # fmt: skip
    assert guest_cpu_model(CpuRequest(), CAPS) is None
    passthrough = guest_cpu_model(CpuRequest(mode="host-passthrough"), CAPS)
    assert passthrough is not None
    assert passthrough.check == "none"
    assert guest_interface(InterfaceRequest()).to_xml() == (
        '<interface type="user"><model type="virtio"/></interface>'
    )
