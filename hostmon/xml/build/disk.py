"""The guest's disks: their bus, name, driver and source, and the controllers they need."""

from collections import Counter
from collections.abc import Sequence

from hostmon.errors import RequestRefusedError
from hostmon.xml.build.facts import choose_device, refuse
from hostmon.xml.build.requests import DiskRequest
from hostmon.xml.controller import Controller
from hostmon.xml.disk import Disk, DiskDriver, DiskTarget, Iotune
from hostmon.xml.disksource import Auth, DiskSource, SecretRef, StorageHost
from hostmon.xml.domaincaps import DomainCapabilities
from hostmon.xml.element import Element

# How guests name disks of each bus.
PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}
# How many disks of each prefix a machine takes where controllers are not added.
IDE_MOST, FDC_MOST = 4, 2


def disk_bus(request: DiskRequest, machine: str) -> str:
    """The bus asked for, or the usual one: virtio, and for CD-ROMs what the machine has."""
    if request.bus is not None:
        return request.bus
    if request.device == "floppy":
        return "fdc"
    if request.device == "cdrom":
        older = machine == "pc" or machine.startswith("pc-i440fx")
        return "ide" if older else "sata" if "q35" in machine else "scsi"
    return "scsi" if request.device == "lun" else "virtio"


def disk_name(bus: str, number: int) -> str:
    """The target's name of the disk with this number, counted from 0: vda ... vdz, vdaa."""
    letters = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return PREFIXES.get(bus, "vd") + letters


def guest_disk(request: DiskRequest, target: str, bus: str, caps: DomainCapabilities) -> Disk:
    """One disk; raises RequestRefusedError for a device or bus that the emulator lacks."""
    support = caps.devices.disk if caps.devices else None
    choose_device("disk device", request.device, support, "diskDevice")
    choose_device("disk bus", bus, support, "bus")
    kind, source = _source(request)
    disk = Disk(
        type=kind,
        device=request.device,
        driver=DiskDriver(
            name="qemu",
            type=request.format,
            cache=request.cache,
            io=request.io,
            discard=request.discard,
        ),
        source=source,
        target=DiskTarget(dev=target, bus=bus),
        serial=request.serial,
        readonly=request.readonly or request.device == "cdrom",
        shareable=request.shareable,
        boot_order=request.boot_order,
    )
    if request.limits:
        unknown = sorted(set(request.limits) - set(Iotune.fields))
        if unknown:
            refuse("limits", unknown, "are no limits", f"use {', '.join(Iotune.fields)}")
        disk.iotune = Iotune(**request.limits)
    return disk


def guest_storage(
    requests: Sequence[DiskRequest], machine: str, caps: DomainCapabilities
) -> list[Element]:
    """All disks, each with a name of its own, after the controllers they need."""
    disks: list[Element] = []
    numbers: Counter[str] = Counter()
    buses = [disk_bus(request, machine) for request in requests]
    for request, bus in zip(requests, buses, strict=True):
        prefix = PREFIXES.get(bus, "vd")
        disks.append(guest_disk(request, disk_name(bus, numbers[prefix]), bus, caps))
        numbers[prefix] += 1
    for bus, most in (("ide", IDE_MOST), ("fdc", FDC_MOST)):
        if buses.count(bus) > most:
            refuse(f"{bus} disks", buses.count(bus), f"are more than {most}", "use another bus")
    scsi = [Controller(type="scsi", index=0, model="virtio-scsi")] if "scsi" in buses else []
    return [*scsi, *disks]


def _source(request: DiskRequest) -> tuple[str, DiskSource | None]:
    if request.protocol is not None:
        if request.path is not None or not request.name:
            raise RequestRefusedError(
                f"disk: a {request.protocol} source takes a name and no path; correct the request"
            )
        hosts = [StorageHost(name=name, port=str(port)) for name, port in request.hosts]
        source = DiskSource(protocol=request.protocol, name=request.name, hosts=hosts)
        if request.secret is not None:
            kind = "iscsi" if request.protocol == "iscsi" else "ceph"
            user, uuid = request.secret
            source.auth = Auth(username=user, secret=SecretRef(type=kind, uuid=uuid))
        return "network", source
    if request.path is None:
        if request.device not in ("cdrom", "floppy"):
            raise RequestRefusedError("disk: has no source; give a path, or a protocol and name")
        return "file", None
    if not request.path.startswith("/"):
        refuse("disk path", request.path, "is not absolute", "begin it with /")
    if request.block:
        return "block", DiskSource(dev=request.path)
    return "file", DiskSource(file=request.path)
