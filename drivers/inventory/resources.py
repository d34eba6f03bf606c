"""From an account to resource classes: VCPU, MEMORY_MB and DISK_GB, as a scheduler counts them.

Totals are rounded down, what is reserved or used is rounded up, so that nothing is offered twice.
"""

from hostmon.account import HostAccount, Resource
from hostmon_drivers.inventory.types import ResourceClass

MIB, GIB = 1 << 20, 1 << 30


def resources_of(account: HostAccount) -> tuple[ResourceClass, ...]:
    """Every class whose total is known."""
    classes = (
        resource_class("VCPU", account.vcpus, 1),
        resource_class("MEMORY_MB", account.memory, MIB),
        resource_class("DISK_GB", account.disk, GIB),
    )
    return tuple(one for one in classes if one.total > 0)


def resource_class(name: str, resource: Resource, unit: int) -> ResourceClass:
    """One class in its unit; no guest gets more than the host has, whatever the ratio."""
    total = resource.total // unit
    return ResourceClass(
        name=name,
        total=total,
        reserved=-(-resource.reserved // unit),
        max_unit=total,
        allocation_ratio=resource.allocation_ratio,
        used=-(-resource.used // unit),
    )
