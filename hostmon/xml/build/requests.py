"""What somebody wants of a guest, in plain values: no XML, no names of libvirt's elements."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRequest:
    """A NUMA cell of the guest: vCPUs as a list such as ``0-3``, memory in bytes."""

    cpus: str
    memory: int
    # The host's nodes the memory comes from; None leaves it to the kernel.
    nodes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuRequest:
    """A CPU. ``models`` are tried in order, for the mode ``custom``."""

    mode: Literal["custom", "host-model", "host-passthrough", "maximum"] | None = None
    models: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    sockets: int | None = None
    cores: int = 1
    threads: int = 1
    cells: tuple[CellRequest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRequest:
    """A disk. The source is a path, or ``protocol`` with ``name`` and ``hosts`` of a network."""

    path: str | None = None
    block: bool = False
    protocol: str | None = None
    name: str | None = None
    hosts: tuple[tuple[str, int], ...] = ()
    secret: tuple[str, str] | None = None
    device: Literal["disk", "cdrom", "floppy", "lun"] = "disk"
    bus: str | None = None
    format: str = "qcow2"
    cache: str | None = None
    io: str | None = None
    discard: str | None = None
    serial: str | None = None
    readonly: bool = False
    shareable: bool = False
    boot_order: int | None = None
    limits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceRequest:
    """A network interface; ``source`` is the bridge, network or host device it is joined to."""

    type: Literal["user", "bridge", "network", "direct", "ethernet"] = "user"
    source: str | None = None
    mac: str | None = None
    model: str = "virtio"
    target: str | None = None
    mtu: int | None = None
    queues: int | None = None
    vlan: int | None = None
    filter: str | None = None
    filter_parameters: tuple[tuple[str, str], ...] = ()
    port_id: str | None = None
    boot_order: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SysinfoRequest:
    """What the guest reads of its machine in SMBIOS."""

    manufacturer: str
    product: str
    version: str
    serial: str | None = None
    uuid: str | None = None
    family: str = "Virtual Machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestRequest:
    """A whole guest; memory in bytes, and so is the size of huge pages."""

    name: str
    memory: int
    vcpus: int = 1
    uuid: str | None = None
    title: str | None = None
    virt_type: str | None = None
    arch: str = "x86_64"
    machine: str | None = None
    firmware: Literal["bios", "efi"] = "bios"
    secure_boot: bool = False
    kernel: str | None = None
    initrd: str | None = None
    cmdline: str | None = None
    cpuset: str | None = None
    hugepages: int | None = None
    cpu: CpuRequest = CpuRequest()
    disks: tuple[DiskRequest, ...] = ()
    interfaces: tuple[InterfaceRequest, ...] = ()
    pci_devices: tuple[str, ...] = ()
    sysinfo: SysinfoRequest | None = None
    graphics: Literal["vnc", "spice"] | None = None
    console_log: str | None = None
    guest_agent: bool = False
    rng: bool = True
    stats_period: int = 10
    metadata: tuple[str, ...] = ()
