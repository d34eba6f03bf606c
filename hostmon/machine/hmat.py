"""What the firmware tells of the memory's speed (ACPI HMAT), as sysfs shows it.

Source: the kernel's Documentation/admin-guide/mm/numaperf.rst; where it leaves room, the reading is
libvirt's: of the two access classes the second, that of processors alone.
"""

from pathlib import Path

from hostmon.machine.files import numbered, read_int
from hostmon.machine.topology import Interconnect, MemoryCache

ASSOCIATIVITY = ("direct", "full", "none")
POLICY = ("writeback", "writethrough", "none")
"""In the order of the kernel's numbers for them."""

PROCESSORS = "access1/initiators"
MEASURES = (("latency", 1), ("bandwidth", 1 << 20))
"""The kinds in libvirt's order, and by how much the kernel's unit (ns, MiB/s) is ours."""


def read_memory_caches(node: Path) -> tuple[MemoryCache, ...]:
    """The caches before a node's memory by level; one that makes no sense is left out."""
    folder = node / "memory_side_cache"
    found = (read_memory_cache(folder, level) for level in numbered(folder, "index"))
    return tuple(cache for cache in found if cache is not None)


def read_memory_cache(folder: Path, level: int) -> MemoryCache | None:
    """The cache of one level."""
    one = folder / f"index{level}"
    size, line = read_int(one / "size"), read_int(one / "line_size")
    associativity = named(ASSOCIATIVITY, one / "indexing")
    policy = named(POLICY, one / "write_policy")
    if size is None or line is None or min(size, line) < 0 or not associativity or not policy:
        return None
    return MemoryCache(level, size, line, associativity, policy)


def named(names: tuple[str, ...], path: Path) -> str:
    """The name of a file's number; nothing where it has none."""
    number = read_int(path)
    return names[number] if number is not None and 0 <= number < len(names) else ""


def read_interconnects(system: Path, nodes: tuple[int, ...]) -> tuple[Interconnect, ...]:
    """What is told of each pair of nodes, in libvirt's order; nothing on most hosts."""
    found = [one for target in nodes for one in read_links(system / f"node/node{target}", target)]
    order = [kind for kind, _ in MEASURES]
    found.sort(key=lambda one: (order.index(one.kind), one.initiator, one.target, one.access))
    return tuple(found)


def read_links(node: Path, target: int) -> list[Interconnect]:
    """How the best initiators of one node reach it; what is not told is left out."""
    folder = node / PROCESSORS
    made = []
    for initiator in numbered(folder, "node"):
        for kind, unit in MEASURES:
            for access in ("read", "write"):
                value = read_int(folder / f"{access}_{kind}")
                if value is not None and value >= 0:
                    made.append(Interconnect(kind, initiator, target, access, value * unit))
    return made
