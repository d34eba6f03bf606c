"""The job a guest is busy with: a save, dump, migration or backup."""

import libvirt

from hostmon.guest.handle import Handle, asks
from hostmon.samples import Job

_MS = 1_000_000


class Jobs(Handle):
    """The part of Guest that is about its job."""

    @asks("job")
    def job(self, *, completed: bool = False) -> Job | None:
        """The job under way, None where there is none (virDomainGetJobStats).

        With ``completed`` the last one that ended well. Raises GuestStateError when it is off.
        """
        flags = (
            libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
            if completed
            else 0
        )
        found = self._domain.jobStats(flags)
        if found.get("type", libvirt.VIR_DOMAIN_JOB_NONE) == libvirt.VIR_DOMAIN_JOB_NONE:
            return None

        def ns(name: str) -> int | None:
            return found[name] * _MS if name in found else None

        return Job(
            type=found["type"],
            operation=found.get(libvirt.VIR_DOMAIN_JOB_OPERATION),
            elapsed_ns=ns(libvirt.VIR_DOMAIN_JOB_TIME_ELAPSED),
            remaining_ns=ns(libvirt.VIR_DOMAIN_JOB_TIME_REMAINING),
            downtime_ns=ns(libvirt.VIR_DOMAIN_JOB_DOWNTIME),
            data_total=found.get(libvirt.VIR_DOMAIN_JOB_DATA_TOTAL),
            data_processed=found.get(libvirt.VIR_DOMAIN_JOB_DATA_PROCESSED),
            data_remaining=found.get(libvirt.VIR_DOMAIN_JOB_DATA_REMAINING),
            memory_total=found.get(libvirt.VIR_DOMAIN_JOB_MEMORY_TOTAL),
            memory_processed=found.get(libvirt.VIR_DOMAIN_JOB_MEMORY_PROCESSED),
            memory_remaining=found.get(libvirt.VIR_DOMAIN_JOB_MEMORY_REMAINING),
            memory_bytes_per_s=found.get(libvirt.VIR_DOMAIN_JOB_MEMORY_BPS),
            dirty_pages_per_s=found.get(libvirt.VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE),
            iteration=found.get(libvirt.VIR_DOMAIN_JOB_MEMORY_ITERATION),
            disk_total=found.get(libvirt.VIR_DOMAIN_JOB_DISK_TOTAL),
            disk_processed=found.get(libvirt.VIR_DOMAIN_JOB_DISK_PROCESSED),
            disk_remaining=found.get(libvirt.VIR_DOMAIN_JOB_DISK_REMAINING),
            disk_bytes_per_s=found.get(libvirt.VIR_DOMAIN_JOB_DISK_BPS),
        )

    @asks("abort job")
    def abort_job(self) -> None:
        """Cancel the job under way; whoever started it gets the error.

        Raises ReadOnlyError, GuestStateError when there is none or it cannot be cancelled.
        """
        self._domain.abortJob()
