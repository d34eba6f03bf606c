"""A guest's disks at work: counters, sizes, and the jobs on them. Disks go by target (``vda``)."""

from typing import Literal

import libvirt
import msgspec

from hostmon import kinds
from hostmon.choices import chosen
from hostmon.guest.handle import Handle, asks
from hostmon.kinds import name_of

# How a job may be ended before its time.
ENDINGS = {"cancel": 0, "pivot": libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT}


class BlockStats(msgspec.Struct, frozen=True):
    """Counters since the guest started; None is what the driver does not count.

    Times are those the requests took together.
    """

    read_requests: int | None
    read_bytes: int | None
    read_ns: int | None
    write_requests: int | None
    write_bytes: int | None
    write_ns: int | None
    flush_requests: int | None
    flush_ns: int | None
    errors: int | None


class BlockSize(msgspec.Struct, frozen=True):
    """What the guest sees, what the image takes, and how large its file or device is."""

    capacity: int
    allocation: int
    physical: int


class BlockJob(msgspec.Struct, frozen=True):
    """A job on a disk; ``type`` is libvirt's name, positions are in bytes of the work."""

    type: str | int
    bandwidth: int
    position: int
    end: int


class Blocks(Handle):
    """The part of Guest that is about its disks at work. Blocks while QEMU does not answer.

    A disk that the guest does not have raises LibvirtError; a guest that is off GuestStateError.
    """

    @asks("block statistics")
    def block_stats(self, disk: str) -> BlockStats:
        """A disk's counters (virDomainBlockStatsFlags), those of all disks with ``""``."""
        found = self._domain.blockStatsFlags(disk)
        return BlockStats(
            read_requests=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_READ_REQ),
            read_bytes=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_READ_BYTES),
            read_ns=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_READ_TOTAL_TIMES),
            write_requests=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_WRITE_REQ),
            write_bytes=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_WRITE_BYTES),
            write_ns=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_WRITE_TOTAL_TIMES),
            flush_requests=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_FLUSH_REQ),
            flush_ns=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_FLUSH_TOTAL_TIMES),
            errors=found.get(libvirt.VIR_DOMAIN_BLOCK_STATS_ERRS),
        )

    @asks("block sizes")
    def block_size(self, disk: str) -> BlockSize:
        """A disk's sizes (virDomainGetBlockInfo), by target or by the image's path.

        Of a guest that is off libvirt opens the image itself: where its file system hangs, this
        call does too, and with it every listing of guests. Ask running guests only.
        """
        return BlockSize(*self._domain.blockInfo(disk))

    @asks("block resize")
    def block_resize(self, disk: str, size: int) -> None:
        """Change a running guest's disk to this many bytes; growing is safe, shrinking cuts off.

        No event. Raises ReadOnlyError, UnsupportedError where the format cannot change its size.
        """
        self._domain.blockResize(disk, size, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)

    @asks("block job")
    def block_job(self, disk: str) -> BlockJob | None:
        """The job on a disk, None where there is none."""
        found = self._domain.blockJobInfo(disk, libvirt.VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES)
        if not found:
            return None
        return BlockJob(
            type=name_of(kinds.BLOCK_JOB_TYPES, found["type"]),
            bandwidth=found["bandwidth"],
            position=found["cur"],
            end=found["end"],
        )

    @asks("abort block job")
    def abort_block_job(self, disk: str, *, how: Literal["cancel", "pivot"] = "cancel") -> None:
        """End the job on a disk: leave it as it was, or switch to the copy.

        Event: block-job (canceled or completed). Raises ReadOnlyError, LibvirtError without a job,
        GuestBusyError when the copy is not ready for a pivot.
        """
        self._domain.blockJobAbort(disk, chosen("how", how, ENDINGS))
