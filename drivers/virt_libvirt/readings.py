"""Which statistics libvirt is asked for, how often, and by which call; cadences are measured.

docs/decisions/0022-bulk-calls-and-the-stuck-guest.md says why these, 0352 why some stand alone.
"""

from collections.abc import Callable, Iterator

import libvirt
import msgspec

from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.driver.virt import Reading
from hostmon_drivers.virt_libvirt.percall import read_singly

Read = Callable[[Stats, GuestTable, list[bytes]], int]


class Cadences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds between two readings of a guest, by what is read.

    ``size`` is of disks of guests that stand still; of others ``block`` brings their sizes.
    Guests that only libvirt can tell of (test, LXC, remote hosts) are read whole, as often as
    ``interface`` says.
    """

    block: float = 60.0
    size: float = 600.0
    balloon: float = 60.0
    vcpu: float = 300.0
    iothread: float = 300.0
    dirty_rate: float = 300.0
    perf: float = 300.0
    limits: float = 300.0
    job: float = 15.0
    interface: float = 15.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 < getattr(self, name) <= 86400:
                raise ValueError(f"{name} = {getattr(self, name)!r}: give above 0, at most 86400")


class Bulk(msgspec.Struct, frozen=True):
    """A part of libvirt's bulk statistics: its flag, and the groups of columns that it fills."""

    flag: int
    groups: tuple[str, ...]


BULK = {
    "block": Bulk(libvirt.VIR_DOMAIN_STATS_BLOCK, ("block", "block_size")),
    "size": Bulk(libvirt.VIR_DOMAIN_STATS_BLOCK, ("block_size",)),
    "balloon": Bulk(libvirt.VIR_DOMAIN_STATS_BALLOON, ("balloon",)),
    "vcpu": Bulk(libvirt.VIR_DOMAIN_STATS_VCPU, ("vcpu_state",)),
    "iothread": Bulk(libvirt.VIR_DOMAIN_STATS_IOTHREAD, ("io_thread",)),
    "dirty_rate": Bulk(libvirt.VIR_DOMAIN_STATS_DIRTYRATE, ("dirty_rate",)),
    "perf": Bulk(libvirt.VIR_DOMAIN_STATS_PERF, ("perf",)),
    "interface": Bulk(libvirt.VIR_DOMAIN_STATS_INTERFACE, ("interface",)),
}
SINGLY = (
    "cpu", "vcpu", "rss", "interface", "block", "block_size", "balloon", "vcpu_state",
)  # fmt: skip
"""The groups that a guest's own calls fill."""


def jobs(stats: Stats, _table: GuestTable, uuids: list[bytes]) -> int:
    """Every guest's job; libvirtd answers from memory."""
    return sum(stats.job(uuid) is True for uuid in uuids)


def limits(stats: Stats, _table: GuestTable, uuids: list[bytes]) -> int:
    """Every disk's I/O limits; one monitor round trip a disk."""
    return sum(stats.tune(uuid) for uuid in uuids)


CALLS: dict[str, Read] = {"job": jobs, "limits": limits, "singly": read_singly}


def call_of(reading: str) -> Read:
    """The call of a reading; one of several parts of the bulk statistics is one call for all."""
    if reading in CALLS:
        return CALLS[reading]
    flags = 0
    for part in reading.split("+"):
        flags |= BULK[part].flag
    return lambda stats, _table, uuids: stats.read(uuids, flags)


def kernel_readings(cadences: Cadences) -> tuple[Reading, ...]:
    """What is asked of guests whose processes the kernel sampler reads.

    To read vCPUs' states makes them run (QEMU's query-stats): they come first, and apart from disks
    and balloon. What hardly anybody has on a page is a reading of its own: it is left out alone.
    """
    return (
        *bulk_readings(cadences, ("vcpu",)),
        *seldom_shown(cadences),
        *bulk_readings(cadences, ("block", "balloon")),
        *bulk_readings(cadences, ("size",)),
        Reading(name="job", cadence=cadences.job, groups=("job",)),
        Reading(
            name="interface", cadence=cadences.interface, groups=("interface",), for_interfaces=True
        ),
        Reading(name="limits", cadence=cadences.limits, groups=("io_tune",), idle="confirm"),
    )


def bulk_readings(cadences: Cadences, parts: tuple[str, ...]) -> Iterator[Reading]:
    """Parts with one cadence are one call: QEMU is awake for the second, which costs less."""
    together: dict[float, list[str]] = {}
    for part in parts:
        together.setdefault(getattr(cadences, part), []).append(part)
    for cadence, of_it in together.items():
        yield Reading(
            name="+".join(of_it),
            cadence=cadence,
            groups=tuple(group for part in of_it for group in BULK[part].groups),
            idle="confirm",
        )


def seldom_shown(cadences: Cadences) -> Iterator[Reading]:
    """Parts whose families are all off by default: without one that is on they are not read."""
    for part in ("iothread", "dirty_rate", "perf"):
        yield from bulk_readings(cadences, (part,))


def other_readings(cadences: Cadences) -> tuple[Reading, ...]:
    """What is asked of guests that only libvirt can tell of."""
    return (
        Reading(name="singly", cadence=cadences.interface, groups=SINGLY),
        *(msgspec.structs.replace(one, idle="ask") for one in seldom_shown(cadences)),
        Reading(name="job", cadence=cadences.job, groups=("job",)),
        Reading(name="limits", cadence=cadences.limits, groups=("io_tune",)),
    )
