"""The machine around the CPU: its type, firmware, SMBIOS tables, and devices of the host."""

import re

from hostmon.xml.boot import FirmwareFeature, FirmwareFeatures, Os, OsType
from hostmon.xml.build.facts import choose_device, refuse
from hostmon.xml.build.requests import GuestRequest, SysinfoRequest
from hostmon.xml.capabilities import Capabilities, DomainType, GuestArch
from hostmon.xml.common import Address, Named
from hostmon.xml.domaincaps import DomainCapabilities
from hostmon.xml.hostdev import Hostdev, HostdevSource
from hostmon.xml.memory import HugePage, HugePages, MemoryBacking
from hostmon.xml.sysinfo import Sysinfo

# What is taken where nothing is asked for, in this order, if the host has it.
USUAL_MACHINES = ("q35", "virt", "s390-ccw-virtio", "pseries", "pc")
PCI = re.compile(r"(?:([0-9a-fA-F]{4}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])")


def machine_type(asked: str | None, arch: GuestArch, way: DomainType) -> str:
    """The machine asked for, or the most modern usual one that the host has."""
    names = [str(machine.name) for machine in way.machines or arch.machines]
    if asked is None:
        usual = [name for name in USUAL_MACHINES if name in names]
        return usual[0] if usual else names[0] if names else "none"
    if asked not in names:
        short = [name for name in names if "-" not in name] or names
        refuse("machine", asked, f"is unknown for {arch.name}", f"choose {', '.join(short)}")
    return asked


def guest_os(request: GuestRequest, machine: str, caps: DomainCapabilities) -> Os:
    """Type, firmware, kernel; UEFI only where libvirt knows a firmware for this machine."""
    system = Os(type=OsType(name="hvm", arch=request.arch, machine=machine))
    if request.firmware == "efi":
        offered = caps.os.choices("firmware") if caps.os else ()
        if "efi" not in offered:
            refuse(
                "firmware", "efi", f"is not there for {machine}", "install ovmf, or choose bios"
            )
        system.firmware = "efi"
        # Said either way: left alone libvirt prefers secure firmware, which needs SMM of the host.
        system.firmware_features = FirmwareFeatures(
            features=[
                FirmwareFeature(enabled=request.secure_boot, name=name)
                for name in ("enrolled-keys", "secure-boot")
            ]
        )
    elif request.secure_boot:
        refuse("secure_boot", True, "needs UEFI", "choose firmware 'efi'")
    system.kernel, system.initrd, system.cmdline = request.kernel, request.initrd, request.cmdline
    if request.sysinfo is not None:
        system.smbios = "sysinfo"
    return system


def guest_sysinfo(request: SysinfoRequest) -> Sysinfo:
    """The SMBIOS system table."""
    entries = {
        "manufacturer": request.manufacturer,
        "product": request.product,
        "version": request.version,
        "serial": request.serial,
        "uuid": request.uuid,
        "family": request.family,
    }
    return Sysinfo(
        type="smbios",
        system=[Named(name=name, text=text) for name, text in entries.items() if text is not None],
    )


def guest_pci_device(address: str, caps: DomainCapabilities, managed: bool = True) -> Hostdev:
    """A PCI device of the host, by an address such as ``0000:3b:00.1``."""
    match = PCI.fullmatch(address)
    if match is None:
        refuse("pci device", address, "is no address", "write it as 0000:3b:00.1")
    support = caps.devices.hostdev if caps.devices else None
    choose_device("pci device", "pci", support, "subsysType")
    domain, bus, slot, function = (int(part or "0", 16) for part in match.groups())
    place = Address(domain=domain, bus=bus, slot=slot, function=function)
    return Hostdev(
        mode="subsystem", type="pci", managed=managed, source=HostdevSource(address=place)
    )


def guest_memory_backing(size: int, memory: int, host: Capabilities) -> MemoryBacking:
    """Huge pages of this size, if the host has set enough of them aside."""
    cells = host.host.topology.cells if host.host and host.host.topology else []
    pools: dict[int, int] = {}
    for cell in cells:
        for page in cell.pages:
            unit = 1 if page.unit == "b" else 1024
            number = (page.size or 0) * unit
            pools[number] = pools.get(number, 0) + (page.count or 0)
    if pools.get(size, 0) * size < memory:
        there = ", ".join(f"{count} of {number >> 10} KiB" for number, count in pools.items())
        refuse(
            "hugepages", size, f"cannot back {memory} bytes, the host has {there or 'none'}",
            "set more aside in /proc/sys/vm/nr_hugepages, or leave hugepages out",
        )  # fmt: skip
    return MemoryBacking(hugepages=HugePages(pages=[HugePage(size=size >> 10, unit="KiB")]))
