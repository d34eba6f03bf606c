"""The host's account as others see it: frozen snapshots, no arithmetic of events.

Sizes are bytes and whole vCPUs; docs/accounting.md gives every formula and its source.
"""

from typing import Any, Self

import msgspec
from msgspec.structs import replace


class Resource(msgspec.Struct, frozen=True):
    """One resource of the host.

    ``used`` is what running guests hold, ``held`` the part of it whose guests have stopped without
    the stop being settled; ``allocated`` is what all guests may claim, running or only defined.
    ``claimed`` was granted to schedulers for guests that do not run yet.
    """

    total: int
    reserved: int = 0
    allocation_ratio: float = 1.0
    used: int = 0
    held: int = 0
    allocated: int = 0
    claimed: int = 0

    @property
    def capacity(self) -> int:
        """What may be handed out: (total - reserved) x allocation_ratio, as placement counts it."""
        return max(0, int((self.total - self.reserved) * self.allocation_ratio))

    @property
    def free(self) -> int:
        """Capacity less ``used``; negative on a host that holds more than it offers."""
        return self.capacity - self.used

    @property
    def unallocated(self) -> int:
        """Capacity less ``allocated``; negative where not all guests could run at once."""
        return self.capacity - self.allocated

    def room(self, taken: int) -> int:
        """What a claim may have of it, ``taken`` being taken: no more than the host has."""
        return min(self.total, self.capacity - taken - self.claimed)


class PagePool(msgspec.Struct, frozen=True):
    """Pages of one size: what the kernel has, and ``used`` bytes of them bound by guests.

    ``claimed`` bytes were granted to schedulers; cells do not tell them, only the host does.
    """

    size: int
    total: int
    free: int | None = None
    used: int = 0
    claimed: int = 0

    @property
    def room(self) -> int:
        """Bytes that a claim may still have."""
        return self.total * self.size - self.used - self.claimed


class CellAccount(msgspec.Struct, frozen=True):
    """One NUMA cell; ``vcpus`` and ``memory_used`` count the guests that are bound to it."""

    id: int
    cpus: int
    vcpus: int
    memory: int
    memory_used: int
    pages: tuple[PagePool, ...] = ()


class FilesystemAccount(msgspec.Struct, frozen=True):
    """One filesystem that holds guests' images, or may; bytes, as of the last look.

    Other hosts see, and fill, a ``shared`` one too: it is in no total of this host. ``growth`` is
    what its images may still take, but that of ``unknown`` ones; ``available_least`` what is left
    then, None while there are such. Without a ``path`` it stands for images that have no place. The
    sizes are None where it does not answer, ``total`` where it never did.
    """

    path: str
    type: str = ""
    shared: bool = False
    total: int | None = None
    available: int | None = None
    growth: int = 0
    available_least: int | None = None
    images: int = 0
    unknown: int = 0


class Offer(msgspec.Struct, frozen=True):
    """What the operator keeps for the host itself, and how far the rest may be overcommitted."""

    reserved_vcpus: int = 0
    reserved_memory: int = 0
    reserved_disk: int = 0
    vcpu_ratio: float = 1.0
    memory_ratio: float = 1.0
    disk_ratio: float = 1.0


class Binding(msgspec.Struct, frozen=True, array_like=True):
    """Memory and vCPUs that a guest binds: to one cell or any, as base pages or larger ones."""

    memory: int
    vcpus: int = 0
    cell: int | None = None
    page_size: int | None = None


class GuestClaim(msgspec.Struct, frozen=True, array_like=True):
    """What libvirt says a guest claims; a size counts only while its guest is active or defined.

    ``vcpus_max`` is what its vCPUs may grow to without another start; nothing is claimed by it.
    """

    uuid: bytes
    active: bool
    defined: bool
    vcpus: int = 0
    memory: int = 0
    defined_vcpus: int = 0
    defined_memory: int = 0
    vcpus_max: int = 0


class Sums(msgspec.Struct, frozen=True, array_like=True):
    """The part of the account that guests' events change, as of the account's change ``changes``.

    Carried by every event that changed it, and by heartbeats.
    """

    changes: int
    vcpus_used: int
    vcpus_held: int
    vcpus_allocated: int
    memory_used: int
    memory_held: int
    memory_allocated: int
    disk_used: int
    disk_allocated: int
    defined: int
    active: int
    held: int
    vcpus_claimed: int = 0
    memory_claimed: int = 0
    disk_claimed: int = 0
    claims: int = 0


COUNTED = tuple(name for name in Sums.__struct_fields__ if "_" not in name)
RESOURCES = {
    resource: tuple(
        name.removeprefix(f"{resource}_")
        for name in Sums.__struct_fields__
        if name.startswith(f"{resource}_")
    )
    for resource in ("vcpus", "memory", "disk")
}
"""The sums of the account itself, and those of each of its resources."""


class HostAccount(msgspec.Struct, frozen=True):
    """The whole account at one change.

    ``claims`` counts what holds ``claimed`` room.
    ``memory_in_use`` is the other view of memory: what the kernel cannot give away.
    ``disk_available_least`` is None until the images have been looked at, at ``surveyed_ns`` of the
    agent's monotonic clock (0: never), and while one of them is unknown.
    """

    vcpus: Resource
    memory: Resource
    disk: Resource
    defined: int
    active: int
    held: int
    changes: int
    cells: tuple[CellAccount, ...] = ()
    pages: tuple[PagePool, ...] = ()
    memory_in_use: int | None = None
    disk_available_least: int | None = None
    surveyed_ns: int = 0
    claims: int = 0
    traits: tuple[str, ...] = ()

    @property
    def vcpus_room(self) -> int:
        """vCPUs that a claim may have."""
        return self.vcpus.room(self.vcpus.used)

    @property
    def memory_room(self) -> int:
        """Memory that a claim may have."""
        return self.memory.room(self.memory.used)

    @property
    def disk_room(self) -> int:
        """Storage that a claim may have: sparse images grow without another event.

        None of it while what they may grow to is unknown.
        """
        return 0 if self.disk_available_least is None else self.disk.room(self.disk.allocated)

    @property
    def sums(self) -> Sums:
        """What events of guests change."""
        figures = {name: getattr(self, name) for name in COUNTED}
        for resource, parts in RESOURCES.items():
            held = getattr(self, resource)
            figures |= {f"{resource}_{part}": getattr(held, part) for part in parts}
        return Sums(**figures)

    def counted(self, sums: Sums) -> Self:
        """The same account with sums of another change."""
        changed: dict[str, Any] = {name: getattr(sums, name) for name in COUNTED}
        for resource, parts in RESOURCES.items():
            figures = {part: getattr(sums, f"{resource}_{part}") for part in parts}
            changed[resource] = replace(getattr(self, resource), **figures)
        return replace(self, **changed)
