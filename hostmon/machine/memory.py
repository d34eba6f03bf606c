"""Memory as the kernel counts it: meminfo of the host and of a node, and pools of huge pages."""

import re
from collections.abc import Collection
from pathlib import Path

import msgspec

from hostmon.machine.files import Roots, read_text, read_unsigned
from hostmon.machine.topology import Pages

_HUGEPAGES = re.compile(r"hugepages-([0-9]{1,12})kB")
# "MemTotal:  123 kB" in /proc/meminfo, "Node 0 MemTotal:  123 kB" in a node's.
_FIELD = re.compile(
    r"^(?:Node\s+\d+\s+)?([\w()]+):\s+([0-9]{1,20})(?:\s+(kB))?\s*$", re.MULTILINE | re.ASCII
)


FIELDS = frozenset(
    ("MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapTotal", "SwapFree")
)
"""What Memory is made of: of some fifty fields, among the first sixteen."""

HUGE_PAGE = 2 << 20
"""The huge page of a kernel that names no default: x86's, and arm64's with base pages of 4 KiB."""


class Memory(msgspec.Struct, frozen=True):
    """The host's memory in bytes, all from /proc/meminfo, so that the figures agree."""

    total: int
    free: int
    available: int
    buffers: int = 0
    cached: int = 0
    swap_total: int = 0
    swap_free: int = 0

    @property
    def in_use(self) -> int:
        """What the kernel could not give to a new program: total - available."""
        return max(0, self.total - self.available)


def read_meminfo(path: Path, wanted: Collection[str] = ()) -> dict[str, int]:
    """A meminfo file: sizes in bytes, counts as they are; empty where there is none.

    Of ``wanted`` fields no more is read than the lines that they are on.
    """
    found: dict[str, int] = {}
    for match in _FIELD.finditer(read_text(path) or ""):
        name, value, unit = match.groups()
        if not wanted or name in wanted:
            found[name] = int(value) * (1024 if unit else 1)
            if len(found) == len(wanted):
                break
    return found


def read_memory(roots: Roots) -> Memory | None:
    """The host's memory, None where /proc/meminfo does not say."""
    info = read_meminfo(roots.proc / "meminfo", FIELDS)
    if "MemTotal" not in info:
        return None
    free = info.get("MemFree", 0)
    buffers, cached = info.get("Buffers", 0), info.get("Cached", 0)
    return Memory(
        total=info["MemTotal"],
        free=free,
        # Kernels before 3.14 give no estimate; then the sum that was usual before it.
        available=info.get("MemAvailable", free + buffers + cached),
        buffers=buffers,
        cached=cached,
        swap_total=info.get("SwapTotal", 0),
        swap_free=info.get("SwapFree", 0),
    )


def default_huge_page(roots: Roots) -> int:
    """The size in bytes of the huge page that is meant where none is named.

    Source: Hugepagesize of /proc/meminfo (the kernel's hugetlbpage.rst), which is what libvirt goes
    by (virFileGetDefaultHugepageSize); HUGE_PAGE where the kernel does not say.
    """
    return read_meminfo(roots.proc / "meminfo", ("Hugepagesize",)).get("Hugepagesize") or HUGE_PAGE


def read_hugepages(folder: Path) -> tuple[Pages, ...]:
    """The pools under a ``hugepages`` folder, of the host or of a node, smallest page first.

    Source: the kernel's Documentation/admin-guide/mm/hugetlbpage.rst. A node's folder has no
    ``resv_hugepages``: reservations belong to no node.
    """
    pools = []
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return ()
    for name in names:
        match = _HUGEPAGES.fullmatch(name)
        if match is None:
            continue
        pool = folder / name
        reserved = pool / "resv_hugepages"
        pools.append(
            Pages(
                size=int(match[1]) * 1024,
                total=read_unsigned(pool / "nr_hugepages"),
                free=read_unsigned(pool / "free_hugepages"),
                reserved=read_unsigned(reserved) if reserved.exists() else None,
                surplus=read_unsigned(pool / "surplus_hugepages"),
            )
        )
    return tuple(sorted(pools, key=lambda pages: pages.size))


def all_pages(
    memory: int, free: int | None, base: int, huge: tuple[Pages, ...]
) -> tuple[Pages, ...]:
    """Base pages and pools: the base pages are what the pools leave (libvirt: virNumaGetPages)."""
    pooled = sum(pages.size * pages.total for pages in huge)
    small = Pages(
        size=base,
        total=max(0, memory - pooled) // base,
        free=None if free is None else free // base,
    )
    return (small, *huge)
