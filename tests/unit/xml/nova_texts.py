"""The peer's side of the comparison: a program for an interpreter that has nova, without hostmon.

Prints one JSON object: for each case below the text that the cloud's own class writes for it. A
case is the class's name and the attributes that are set, nested ones as cases themselves; one with
attributes that this nova does not know is left out and named on standard error.
"""

import json
import sys
import warnings
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A class by its name without the common prefix, and what is set."""

    cls: str
    fields: dict[str, Any]


def case(cls: str, **fields: Any) -> Case:
    return Case(cls, fields)


PCI = case("GuestDeviceAddressPCI", domain="0000", bus="0a", slot="00", function="1")
CASES = {
    "disk of a file": case(
        "GuestDisk", source_type="file", source_path="/images/1", target_dev="vda",
        target_bus="virtio", driver_name="qemu", driver_format="qcow2", driver_cache="none",
        driver_discard="unmap", driver_io="native", serial="7a97c4a3"),
    "disk with limits": case(
        "GuestDisk", source_type="block", source_path="/dev/vg/1", target_dev="sda",
        target_bus="scsi", driver_name="qemu", driver_format="raw", disk_read_bytes_sec=1024000,
        disk_read_iops_sec=1000, disk_total_bytes_sec=2048000, disk_write_bytes_sec=1024000,
        disk_write_iops_sec=1000, disk_total_iops_sec=2000),
    "disk of the network": case(
        "GuestDisk", source_type="network", source_protocol="rbd", source_name="pool/image",
        source_hosts=["192.0.2.1", "192.0.2.2"], source_ports=["6789", "6790"],
        auth_username="cinder", auth_secret_type="ceph", auth_secret_uuid="f65e30e2",
        target_dev="vdb", target_bus="virtio", driver_name="qemu", driver_format="raw"),
    "encrypted disk": case(
        "GuestDisk", source_type="block", source_path="/dev/sdb", target_dev="vdc",
        target_bus="virtio", driver_name="qemu", driver_format="raw",
        volume_encryption=case("GuestDiskEncryption", format="luks", secret=case(
            "GuestDiskEncryptionSecret", type="passphrase", uuid="b1a2"))),
    "cdrom": case(
        "GuestDisk", source_type="file", source_device="cdrom", source_path="/images/config",
        readonly=True, target_dev="hda", target_bus="sata", driver_name="qemu",
        driver_format="raw", boot_order="2"),
    "shared disk": case(
        "GuestDisk", source_type="file", source_path="/images/1", target_dev="vda",
        target_bus="virtio", driver_name="qemu", shareable=True, logical_block_size="4096",
        physical_block_size="4096"),
    "bridged interface": case(
        "GuestInterface", net_type="bridge", source_dev="br-int", target_dev="tap1",
        mac_addr="fa:16:3e:00:00:01", model="virtio", driver_name="vhost", vhost_queues=4,
        vhost_rx_queue_size=512, vhost_tx_queue_size=1024, mtu=1450),
    "interface of Open vSwitch": case(
        "GuestInterface", net_type="bridge", source_dev="br-int", target_dev="tap2",
        mac_addr="fa:16:3e:00:00:02", model="virtio", vporttype="openvswitch",
        vportparams=[{"key": "interfaceid", "value": "81a8ac8d"}]),
    "interface of a virtual function": case(
        "GuestInterface", net_type="hostdev", source_dev="0000:0a:00.1", managed="yes",
        mac_addr="fa:16:3e:00:00:03", vlan=100),
    "interface of vhost-user": case(
        "GuestInterface", net_type="vhostuser", vhostuser_type="unix", vhostuser_mode="server",
        vhostuser_path="/run/vhu1", mac_addr="fa:16:3e:00:00:04", model="virtio"),
    "interface with limits": case(
        "GuestInterface", net_type="ethernet", target_dev="tap5", mac_addr="fa:16:3e:00:00:05",
        model="virtio", vif_inbound_average=1000, vif_inbound_peak=2000, vif_inbound_burst=512,
        vif_outbound_average=500),
    "tablet": case("GuestInput", type="tablet", bus="usb"),
    "VNC": case("GuestGraphics", type="vnc", autoport=True, keymap="en-us", listen="192.0.2.9"),
    "SPICE": case("GuestGraphics", type="spice", autoport=False, listen="127.0.0.1"),
    "video": case("GuestVideo", type="qxl", vram=65536, heads=2),
    "balloon": case("MemoryBalloon", model="virtio", period=10),
    "SCSI controller": case(
        "GuestController", type="scsi", index=0, model="virtio-scsi"),
    "USB controller": case("GuestUSBHostController", model="qemu-xhci", index=1),
    "root port": case("GuestPCIeRootPortController"),
    "random numbers": case(
        "GuestRng", backend="/dev/hwrng", rate_period="12", rate_bytes="34"),
    "serial port": case(
        "GuestSerial", type="file", source_path="/log/console", target_port=0),
    "console over TCP": case(
        "GuestConsole", type="tcp", listen_host="127.0.0.1", listen_port=10000, target_port=1,
        log=case("GuestCharDeviceLog", file="/log/console", append="off")),
    "CPU tuning": case(
        "GuestCPUTune", shares=1024, quota=10000, period=100000,
        vcpupin=[case("GuestCPUTuneVCPUPin", id=0, cpuset={0, 1}),
                 case("GuestCPUTuneVCPUPin", id=1, cpuset={2, 3})],
        emulatorpin=case("GuestCPUTuneEmulatorPin", cpuset={0, 1, 2, 3}),
        vcpusched=[case("GuestCPUTuneVCPUSched", vcpus={0, 1}, scheduler="fifo", priority=1)]),
    "memory tuning": case("GuestMemoryTune", hard_limit=3072, soft_limit=2048,
                          swap_hard_limit=4096, min_guarantee=1024),
    "guest CPU with cells": case(
        "GuestCPU", mode="custom", match="exact", model="Penryn", vendor="Intel",
        sockets=2, cores=2, threads=1,
        numa=case("GuestCPUNUMA", cells=[
            case("GuestCPUNUMACell", id=0, cpus={0, 1}, memory=1048576, memAccess="shared"),
            case("GuestCPUNUMACell", id=1, cpus={2, 3}, memory=1048576)])),
    "forbidden feature": case("GuestCPUFeature", name="vmx", policy="forbid"),
    "system information": case(
        "GuestSysinfo", bios_vendor="Acme", bios_version="2.0", system_manufacturer="Acme",
        system_product="Host", system_version="26", system_serial="c7a5fdbd",
        system_uuid="c7a5fdbd-edaf-9455-926a-d65c16db1809", system_family="Virtual Machine"),
    "encrypted memory": case(
        "GuestSEVLaunchSecurity", policy=51),
    "IOMMU": case("GuestIOMMU", model="intel", interrupt_remapping=True, caching_mode=True,
                  eim=True, iotlb=True),
    "user map": case("GuestUIDMap", start=0, target=10000, count=65536),
    "group map": case("GuestGIDMap", start=0, target=10000, count=65536),
    "whole guest": case(
        "Guest", virt_type="kvm", uuid="b38a3f43-4be2-4046-897f-b67c2f5e0147", name="guest",
        memory=2097152, vcpus=2, os_type="hvm", os_mach_type="q35",
        os_boot_dev=["hd", "cdrom"], os_loader="/firmware/code", os_loader_type="pflash",
        features=[case("GuestFeatureACPI"), case("GuestFeatureAPIC")],
        clock=case("GuestClock", offset="utc"),
        devices=[case("GuestDisk", source_type="file", source_path="/images/1",
                      target_dev="vda", target_bus="virtio", driver_name="qemu",
                      driver_format="qcow2"),
                 case("GuestInterface", net_type="bridge", source_dev="br0",
                      target_dev="tap0", mac_addr="fa:16:3e:00:00:06", model="virtio")]),
}  # fmt: skip


def make(config: Any, one: Any) -> Any:
    """An object of nova's for a case; anything else as it is."""
    if isinstance(one, list):
        return [make(config, each) for each in one]
    if not isinstance(one, Case):
        return one
    made = getattr(config, f"LibvirtConfig{one.cls}")()
    for name, value in one.fields.items():
        if not hasattr(made, name):
            raise AttributeError(f"{one.cls} has no {name}")
        setattr(made, name, make(config, value))
    return made


def main() -> None:
    warnings.simplefilter("ignore")
    import nova.monkey_patch  # type: ignore[import-not-found]  # noqa: F401  # before anything of nova
    from nova.virt.libvirt import config  # type: ignore[import-not-found]

    written = {}
    for name, one in CASES.items():
        try:
            written[name] = make(config, one).to_xml()
        except AttributeError as error:
            print(f"{name}: {error}", file=sys.stderr)
    print(json.dumps(written))


if __name__ == "__main__":
    main()
