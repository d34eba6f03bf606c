"""Which statistics libvirt is asked for, how often, and by which call; cadences are measured.

docs/decisions/0022-bulk-calls-and-the-stuck-guest.md says why these.
"""

from collections.abc import Callable

import libvirt
import msgspec

from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon.driver.virt import Reading
from hostmon_drivers.virt_libvirt.percall import read_singly

Read = Callable[[Stats, GuestTable, list[bytes]], int]


class Cadences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds between two readings of a guest, by sort of reading."""

    main: float = 60.0
    slow: float = 300.0
    job: float = 15.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 < getattr(self, name) <= 86400:
                raise ValueError(f"{name} = {getattr(self, name)!r}: give above 0, at most 86400")


def bulk(groups: int) -> Read:
    """A reading by one call for many guests: measured no dearer than any call for one."""
    return lambda stats, _table, uuids: stats.read(uuids, groups)


def jobs(stats: Stats, _table: GuestTable, uuids: list[bytes]) -> int:
    """Every guest's job; libvirtd answers from memory."""
    return sum(stats.job(uuid) for uuid in uuids)


def limits(stats: Stats, _table: GuestTable, uuids: list[bytes]) -> int:
    """Every disk's I/O limits; one monitor round trip a disk."""
    return sum(stats.tune(uuid) for uuid in uuids)


MAIN = bulk(libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_BALLOON)
SLOW = bulk(
    libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_IOTHREAD
    | libvirt.VIR_DOMAIN_STATS_DIRTYRATE
    | libvirt.VIR_DOMAIN_STATS_PERF
)
CALLS: dict[str, Read] = {
    "main": MAIN,
    "job": jobs,
    "interfaces": bulk(libvirt.VIR_DOMAIN_STATS_INTERFACE),
    "slow": SLOW,
    "limits": limits,
    "singly": read_singly,
}
"""The call of each reading; its guests are 16 bytes each."""


def kernel_readings(cadences: Cadences) -> tuple[Reading, ...]:
    """What is asked of guests whose processes the kernel sampler reads."""
    return (
        Reading(name="main", cadence=cadences.main, idle="confirm"),
        Reading(name="job", cadence=cadences.job),
        Reading(name="interfaces", cadence=cadences.job, for_interfaces=True),
        Reading(name="slow", cadence=cadences.slow, idle="spare"),
        Reading(name="limits", cadence=cadences.slow, idle="spare"),
    )


def other_readings(cadences: Cadences) -> tuple[Reading, ...]:
    """What is asked of guests that only libvirt can tell of (test, LXC, remote hosts)."""
    return (
        Reading(name="singly", cadence=cadences.job),
        Reading(name="job", cadence=cadences.job),
        Reading(name="limits", cadence=cadences.slow),
    )
