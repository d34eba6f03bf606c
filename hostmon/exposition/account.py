"""The host's account as figures of a page: which of its numbers stand behind which column."""

from collections.abc import Iterable, Iterator
from resource import getpagesize

from hostmon.account import FilesystemAccount, HostAccount, PagePool, Resource

Series = dict[tuple[str, ...], float]

NO_CELL = ""
"""The cell's label of huge pages on a host that has no NUMA cells."""

BASE_PAGE = getpagesize()
"""The size of the pages that are not huge: the account has them as a pool too."""


def account_figures(account: HostAccount) -> dict[str, float | Series]:
    """The columns of hostmon_host_*; what the account does not know is left out.

    Storage is not known until images were looked at, and never held: an image that is there is
    used, whether its guest runs or not.
    """
    resources = {"vcpus": account.vcpus, "memory": account.memory}
    if account.surveyed_ns:
        resources["disk"] = account.disk
    found: dict[str, float | Series] = {
        "allocation_ratio": {(name,): each.allocation_ratio for name, each in resources.items()},
        "vcpus_held": account.vcpus.held,
        "memory_held_bytes": account.memory.held,
        **cell_figures(account),
    }
    for name, resource in resources.items():
        unit = "" if name == "vcpus" else "_bytes"
        found |= {f"{name}{part}{unit}": value for part, value in resource_figures(resource)}
    if account.memory_in_use is not None:
        found["memory_pages_used_bytes"] = account.memory_in_use
    if account.disk_available_least is not None:
        found["disk_available_least_bytes"] = account.disk_available_least
    return found


def filesystem_figures(filesystems: Iterable[FilesystemAccount]) -> dict[str, Series]:
    """The columns of hostmon_host_filesystem_*; what a filesystem does not tell is left out."""
    found: dict[str, Series] = {}
    for one in filesystems:
        key = (one.path,)
        if one.path:
            found.setdefault("filesystem", {})[one.path, one.type, str(int(one.shared))] = 1
        for column, value in (
            ("bytes", one.total),
            ("available_bytes", one.available),
            ("growth_bytes", one.growth if one.path else None),
            ("available_least_bytes", one.available_least),
            ("images", one.images),
            ("images_unknown", one.unknown),
        ):
            if value is not None:
                found.setdefault(f"filesystem_{column}", {})[key] = value
    return found


def resource_figures(resource: Resource) -> Iterator[tuple[str, float]]:
    """What stands between a column's resource and its unit, and the number."""
    yield "", resource.total
    yield "_used", resource.used
    yield "_claimed", resource.claimed
    yield "_reserved", resource.reserved
    yield "_free", resource.free
    yield "_allocated", resource.allocated


def cell_figures(account: HostAccount) -> dict[str, Series]:
    """NUMA cells and the huge pages of each; the host's where it has no cells."""
    cells = account.cells
    pools = [(str(cell.id), pool) for cell in cells for pool in cell.pages]
    if not cells:
        pools = [(NO_CELL, pool) for pool in account.pages]
    pools = [each for each in pools if each[1].size != BASE_PAGE]
    return {
        "numa_memory_bytes": {(str(cell.id),): cell.memory for cell in cells},
        "numa_memory_used_bytes": {(str(cell.id),): cell.memory_used for cell in cells},
        "numa_cpus": {(str(cell.id),): cell.cpus for cell in cells},
        "numa_vcpus_used": {(str(cell.id),): cell.vcpus for cell in cells},
        "hugepages": {pool_key(*each): each[1].total for each in pools},
        "hugepages_used": {pool_key(*each): each[1].used // each[1].size for each in pools},
        "hugepages_free": {
            pool_key(*each): each[1].free for each in pools if each[1].free is not None
        },
    }


def pool_key(cell: str, pool: PagePool) -> tuple[str, ...]:
    """The labels of one pool of pages."""
    return cell, str(pool.size)
