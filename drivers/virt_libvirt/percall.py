"""Statistics by calls for single guests, for drivers whose bulk call gives next to nothing.

Owns which call gives which field of the bulk call; what comes of it is written as if that call had
given it. For guests that the kernel sampler cannot read: test driver, LXC, remote hosts.
"""

import time
from collections.abc import Callable, Iterator

import libvirt

from hostmon._columns import absorb
from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.samples import Guest

Value = int | float | bool | bytes | None
Values = dict[str, Value]

KIB = 1024
BULK = (
    libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
    | libvirt.VIR_DOMAIN_STATS_BLOCK
)
MEMORY_FIELDS = {
    "actual": "balloon.current",
    "swap_in": "balloon.swap_in",
    "swap_out": "balloon.swap_out",
    "major_fault": "balloon.major_fault",
    "minor_fault": "balloon.minor_fault",
    "unused": "balloon.unused",
    "available": "balloon.available",
    "usable": "balloon.usable",
    "last_update": "balloon.last-update",
    "disk_caches": "balloon.disk_caches",
    "rss": "balloon.rss",
}


def read_singly(stats: Stats, table: GuestTable, uuids: list[bytes]) -> int:
    """Read these guests by the bulk call, then by calls for each; how many were read.

    Raises LibvirtError (bulk) or libvirt.libvirtError when the connection is of no use.
    """
    began = time.monotonic_ns()
    stats.read(uuids, BULK)
    taken = table.snapshot()
    known = set(taken.uuids)
    count = 0
    for uuid in uuids:
        if uuid not in known:
            continue
        domain = looked_up(stats.connection, uuid)
        values = dict(single_values(domain, taken.guest(uuid))) if domain is not None else {}
        if values:
            absorb(table, uuid, values, began)
            count += 1
    return count


def looked_up(connection: libvirt.virConnect, uuid: bytes) -> libvirt.virDomain | None:
    """The guest's handle, None if libvirt knows none; libvirt.libvirtError as of the connection."""
    try:
        return connection.lookupByUUID(uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None


def single_values(domain: libvirt.virDomain, guest: Guest) -> Iterator[tuple[str, Value]]:
    """Every field that a call for this guest alone gives."""
    for read in (_cpu, _vcpus, _memory, _interfaces, _disks):
        yield from _tried(read, domain, guest)


def _tried(
    read: Callable[[libvirt.virDomain, Guest], Values], domain: libvirt.virDomain, guest: Guest
) -> Iterator[tuple[str, Value]]:
    """A call that the driver does not have, or not for this guest now, gives nothing."""
    try:
        yield from read(domain, guest).items()
    except libvirt.libvirtError:
        return


def _cpu(domain: libvirt.virDomain, _: Guest) -> Values:
    _state, _maximum, _memory, _count, cpu_time = domain.info()
    return {"cpu.time": cpu_time}


def _vcpus(domain: libvirt.virDomain, _: Guest) -> Values:
    values: Values = {}
    for number, state, cpu_time, _cpu in domain.vcpus()[0]:
        values[f"vcpu.{number}.state"] = state
        values[f"vcpu.{number}.time"] = cpu_time
    return values


def _memory(domain: libvirt.virDomain, _: Guest) -> Values:
    found = domain.memoryStats()
    return {MEMORY_FIELDS[name]: value for name, value in found.items() if name in MEMORY_FIELDS}


def _interfaces(domain: libvirt.virDomain, guest: Guest) -> Values:
    fields = [f"{way}.{what}" for way in ("rx", "tx") for what in ("bytes", "pkts", "errs", "drop")]
    values: Values = {}
    for number, nic in enumerate(nic for nic in guest.interfaces if nic.target):
        values[f"net.{number}.name"] = nic.target
        found = domain.interfaceStats(nic.target.decode(errors="surrogateescape"))
        values |= {f"net.{number}.{field}": x for field, x in zip(fields, found, strict=True)}
    return values


def _disks(domain: libvirt.virDomain, guest: Guest) -> Values:
    fields = ("rd.reqs", "rd.bytes", "wr.reqs", "wr.bytes", "errors")
    values: Values = {}
    for number, disk in enumerate(disk for disk in guest.disks if disk.target):
        values[f"block.{number}.name"] = disk.target
        found = domain.blockStats(disk.target.decode(errors="surrogateescape"))
        values |= {f"block.{number}.{field}": x for field, x in zip(fields, found, strict=True)}
    return values
