"""The account's figures of a scrape: which number stands behind which column of the catalogue.

Owns nothing but the names (hostmon/metrics/host.py); what is not known is left out.
"""

from collections.abc import Iterator, Mapping

from hostmon.account import CellAccount, HostAccount, Resource
from hostmon.images.storage import Filesystem, Storage

Series = dict[tuple[str, ...], float]
Figures = Mapping[str, float | Series]


def account_figures(account: HostAccount, storage: Storage | None = None) -> Figures:
    """The columns of the host's account, its cells, and the filesystems that hold images."""
    columns: dict[str, float | Series] = {
        **dict(resource_figures("vcpus", "", account.vcpus)),
        **dict(resource_figures("memory", "_bytes", account.memory)),
        "allocation_ratio": {
            ("vcpus",): account.vcpus.allocation_ratio,
            ("memory",): account.memory.allocation_ratio,
            ("disk",): account.disk.allocation_ratio,
        },
        **cell_figures(account.cells),
    }
    if account.memory_in_use is not None:
        columns["memory_pages_used_bytes"] = account.memory_in_use
    if storage is not None:
        columns |= storage_figures(storage.filesystems, account.disk)
    return columns


def resource_figures(name: str, unit: str, resource: Resource) -> Iterator[tuple[str, float]]:
    """One resource: vcpus_used …, memory_used_bytes …"""
    yield f"{name}{unit}", resource.total
    yield f"{name}_used{unit}", resource.used
    yield f"{name}_held{unit}", resource.held
    yield f"{name}_reserved{unit}", resource.reserved
    yield f"{name}_free{unit}", resource.free
    yield f"{name}_allocated{unit}", resource.allocated


def cell_figures(cells: tuple[CellAccount, ...]) -> dict[str, float | Series]:
    """NUMA cells, and their huge pages in numbers of pages."""
    huge = [(cell, pool) for cell in cells for pool in cell.pages[1:]]
    return {
        "numa_memory_bytes": {(str(cell.id),): cell.memory for cell in cells},
        "numa_memory_used_bytes": {(str(cell.id),): cell.memory_used for cell in cells},
        "numa_cpus": {(str(cell.id),): cell.cpus for cell in cells},
        "numa_vcpus_used": {(str(cell.id),): cell.vcpus for cell in cells},
        "hugepages": {(str(cell.id), str(pool.size)): pool.total for cell, pool in huge},
        "hugepages_used": {
            (str(cell.id), str(pool.size)): pool.used // pool.size for cell, pool in huge
        },
        "hugepages_free": {
            (str(cell.id), str(pool.size)): pool.free
            for cell, pool in huge
            if pool.free is not None
        },
    }


def storage_figures(
    filesystems: tuple[Filesystem, ...], disk: Resource
) -> dict[str, float | Series]:
    """Filesystems by their mount point; what is reserved is kept on each that is not shared."""
    known: dict[str, Mapping[str, int | None]] = {
        "disk_bytes": {one.path: one.total for one in filesystems},
        "disk_used_bytes": {one.path: one.used for one in filesystems},
        "disk_free_bytes": {one.path: one.available for one in filesystems},
        "disk_reserved_bytes": {one.path: disk.reserved for one in filesystems if not one.shared},
        "disk_allocated_bytes": {one.path: one.virtual for one in filesystems},
        "disk_available_least_bytes": {one.path: one.available_least for one in filesystems},
        "disk_shared": {one.path: int(one.shared) for one in filesystems},
    }
    return {
        column: {(path,): value for path, value in series.items() if value is not None}
        for column, series in known.items()
    }
