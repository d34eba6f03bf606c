"""The catalogue: every family that a page of hostmon may have, in the order of the page."""

from hostmon.metrics import devices, guest, host
from hostmon.metrics.family import Metric

CATALOGUE: tuple[Metric, ...] = (
    *host.CONNECTION,
    *host.VCPUS,
    *host.MEMORY,
    *host.STORAGE,
    *host.FILESYSTEMS,
    *host.CELLS,
    *host.AUDIT,
    *host.POOLS,
    *host.EVENTS,
    *guest.IDENTITY,
    *guest.HEALTH,
    *guest.CPU,
    *guest.VCPUS,
    *guest.MEMORY,
    *devices.PROCESS,
    *devices.DISKS,
    *devices.INTERFACES,
    *devices.JOBS,
    *devices.IOTHREADS,
    *devices.PERF,
)
