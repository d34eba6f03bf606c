"""A guest's memory: what the balloon tells, and changing what it has. Bytes everywhere."""

import libvirt

from hostmon.guest.affect import Affect
from hostmon.guest.handle import asks
from hostmon.samples import Balloon


def _bytes(values: dict[str, int], name: str) -> int | None:
    return values[name] * 1024 if name in values else None


class Memory(Affect):
    """The part of Guest that is about its memory."""

    @asks("memory statistics")
    def memory_stats(self) -> Balloon:
        """What the balloon and the host tell (virDomainMemoryStats); None is what nobody told.

        Without a balloon driver in the guest most is None. Raises GuestStateError when it is off.
        Blocks while QEMU does not answer.
        """
        found = self._domain.memoryStats()
        return Balloon(
            current=_bytes(found, "actual"),
            maximum=int(self._domain.maxMemory()) * 1024,
            swap_in=_bytes(found, "swap_in"),
            swap_out=_bytes(found, "swap_out"),
            major_faults=found.get("major_fault"),
            minor_faults=found.get("minor_fault"),
            unused=_bytes(found, "unused"),
            available=_bytes(found, "available"),
            usable=_bytes(found, "usable"),
            disk_caches=_bytes(found, "disk_caches"),
            last_update_s=found.get("last_update"),
            hugetlb_allocations=found.get("hugetlb_pgalloc"),
            hugetlb_failures=found.get("hugetlb_pgfail"),
            rss=_bytes(found, "rss"),
        )

    @asks("set the period of memory statistics")
    def set_memory_stats_period(
        self, seconds: int, *, live: bool | None = None, config: bool | None = None
    ) -> None:
        """Have the guest tell its statistics this often; 0 ends it.

        Raises ReadOnlyError, LibvirtError for a guest without a balloon.
        """
        self._domain.setMemoryStatsPeriod(seconds, self.affect(live, config))

    @asks("set memory")
    def set_memory(
        self, size: int, *, live: bool | None = None, config: bool | None = None
    ) -> None:
        """Change what the guest has, up to its maximum; libvirt counts KiB, the rest is cut off.

        Event: balloon-change, once the guest's driver follows, which libvirt does not wait for.
        Raises ReadOnlyError, LibvirtError above the maximum or without a balloon.
        """
        self._domain.setMemoryFlags(size // 1024, self.affect(live, config))

    @asks("set the maximum of memory")
    def set_max_memory(self, size: int) -> None:
        """Change the most it may have, from its next start. Raises ReadOnlyError."""
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG | libvirt.VIR_DOMAIN_MEM_MAXIMUM
        self._domain.setMemoryFlags(size // 1024, flags)
