"""The shape of a host: cells, processors, caches, pages. Types only; others fill them.

Sizes are bytes. Lists are in the order of their ids.
"""

import msgspec


class Cpu(msgspec.Struct, frozen=True):
    """One online logical processor; ``siblings`` are the threads of its core, itself included."""

    id: int
    socket: int = 0
    die: int = 0
    core: int = 0
    siblings: tuple[int, ...] = ()


class Pages(msgspec.Struct, frozen=True):
    """Pages of one size; the counts that a source does not give are None."""

    size: int
    total: int
    free: int | None = None
    reserved: int | None = None
    surplus: int | None = None


class Distance(msgspec.Struct, frozen=True):
    """How far another cell is, in the firmware's units (10 is local)."""

    cell: int
    value: int


class MemoryCache(msgspec.Struct, frozen=True):
    """A cache before a cell's memory.

    ``associativity`` is direct, full or none, ``policy`` writeback, writethrough or none; none is
    neither of them.
    """

    level: int
    size: int
    line: int
    associativity: str
    policy: str


class Interconnect(msgspec.Struct, frozen=True):
    """How fast the processors of cell ``initiator`` reach the memory of cell ``target``.

    ``kind`` is latency (``value`` in nanoseconds) or bandwidth (bytes a second), ``access`` is read
    or write; of a guest's cells also access, for both.
    """

    kind: str
    initiator: int
    target: int
    access: str
    value: int


class Cell(msgspec.Struct, frozen=True):
    """One NUMA cell; a host without NUMA is one cell."""

    id: int
    memory: int = 0
    cpus: tuple[Cpu, ...] = ()
    pages: tuple[Pages, ...] = ()
    distances: tuple[Distance, ...] = ()
    caches: tuple[MemoryCache, ...] = ()


class CacheControl(msgspec.Struct, frozen=True):
    """How a cache bank may be divided; ``kind`` is both, code or data."""

    kind: str
    granularity: int
    minimum: int
    allocations: int


class CacheBank(msgspec.Struct, frozen=True):
    """One last-level cache, or another level that can be divided."""

    id: int
    level: int
    kind: str
    size: int
    cpus: tuple[int, ...]
    controls: tuple[CacheControl, ...] = ()


class Monitor(msgspec.Struct, frozen=True):
    """Resource monitoring that the processor offers."""

    maximum: int
    features: tuple[str, ...]
    level: int | None = None
    reuse_threshold: int | None = None


class BandwidthNode(msgspec.Struct, frozen=True):
    """Memory bandwidth that can be divided, in per cent."""

    id: int
    cpus: tuple[int, ...]
    granularity: int
    minimum: int
    allocations: int


class Topology(msgspec.Struct, frozen=True):
    """The host; ``present`` holds offline processors too."""

    arch: str
    cells: tuple[Cell, ...]
    present: tuple[int, ...] = ()
    caches: tuple[CacheBank, ...] = ()
    cache_monitor: Monitor | None = None
    bandwidth: tuple[BandwidthNode, ...] = ()
    bandwidth_monitor: Monitor | None = None
    interconnects: tuple[Interconnect, ...] = ()

    @property
    def cpus(self) -> tuple[Cpu, ...]:
        """Every online processor."""
        return tuple(cpu for cell in self.cells for cpu in cell.cpus)

    @property
    def online(self) -> tuple[int, ...]:
        """The ids of the online processors."""
        return tuple(sorted(cpu.id for cpu in self.cpus))

    @property
    def memory(self) -> int:
        """The memory of all cells."""
        return sum(cell.memory for cell in self.cells)

    @property
    def sockets(self) -> int:
        """How many sockets hold an online processor."""
        return len({cpu.socket for cpu in self.cpus})

    @property
    def dies(self) -> int:
        """How many dies hold an online processor."""
        return len({(cpu.socket, cpu.die) for cpu in self.cpus})

    @property
    def cores(self) -> int:
        """How many cores hold an online processor: a core's threads name the same siblings."""
        return len({cpu.siblings or (cpu.id,) for cpu in self.cpus})

    @property
    def threads(self) -> int:
        """The most threads that one core has."""
        return max((len(cpu.siblings) or 1 for cpu in self.cpus), default=0)

    @property
    def page_sizes(self) -> tuple[int, ...]:
        """Every size of page that a cell has, smallest first."""
        return tuple(sorted({pages.size for cell in self.cells for pages in cell.pages}))
