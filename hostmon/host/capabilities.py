"""What the host can run: its capabilities, those of guests on it, and its topology.

Answers the builders' questions (:class:`hostmon.xml.build.facts.Facts`).
"""

import msgspec

from hostmon.capabilities import parse_topology
from hostmon.host.connection import Connection
from hostmon.libvirt_errors import translated
from hostmon.machine.topology import Cell, Pages, Topology
from hostmon.xml.capabilities import Capabilities
from hostmon.xml.domaincaps import DomainCapabilities

_KIB = 1024


class HostCapabilities(Connection):
    """The part of Host that tells what it can run."""

    @translated("capabilities")
    def _capabilities(self) -> str:
        return str(self.connection.getCapabilities())

    def capabilities(self) -> Capabilities:
        """The host and what it can run (virConnectGetCapabilities), asked anew each time."""
        return Capabilities.parse(self._capabilities())

    @translated("domain capabilities")
    def domain_capabilities(
        self,
        *,
        arch: str | None = None,
        machine: str | None = None,
        virt_type: str | None = None,
        emulator: str | None = None,
    ) -> DomainCapabilities:
        """What guests of this sort can have; None is libvirt's choice.

        Raises ReadOnlyError on a read-only connection (libvirt may run the emulator to find out),
        LibvirtError where there is no such sort, UnsupportedError where the driver tells nothing.
        """
        return DomainCapabilities.parse(
            self.connection.getDomainCapabilities(emulator, arch, machine, virt_type, 0)
        )

    @translated("CPU models")
    def cpu_models(self, arch: str) -> tuple[str, ...]:
        """The CPU models that libvirt knows of an architecture, runnable here or not."""
        return tuple(self.connection.getCPUModelNames(arch, 0))

    def topology(self) -> Topology:
        """NUMA cells with their processors, memory, distances and huge pages; caches.

        Pages know how many are free where the driver tells. Empty where it tells no cells.
        """
        found = parse_topology(self._capabilities())
        sizes = [pages.size // _KIB for cell in found.cells for pages in cell.pages]
        if not sizes:
            return found
        free = self._free_pages(sorted(set(sizes)), found.cells)
        cells = tuple(
            msgspec.structs.replace(cell, pages=_with_free(cell, free.get(cell.id, {})))
            for cell in found.cells
        )
        return msgspec.structs.replace(found, cells=cells)

    @translated("free pages")
    def _free_pages(
        self, sizes_kib: list[int], cells: tuple[Cell, ...]
    ) -> dict[int, dict[int, int]]:
        """How many pages are free, by cell and size (virNodeGetFreePages); absent: not told."""
        first, last = min(cell.id for cell in cells), max(cell.id for cell in cells)
        found: dict[int, dict[int, int]] = self.connection.getFreePages(
            sizes_kib, first, last - first + 1, 0
        )
        return found

    def hugepages(self) -> dict[int, tuple[Pages, ...]]:
        """The pages larger than the smallest, by cell; a size that was never set up counts 0."""
        topology = self.topology()
        smallest = min(topology.page_sizes, default=0)
        return {
            cell.id: tuple(pages for pages in cell.pages if pages.size > smallest)
            for cell in topology.cells
        }


def _with_free(cell: Cell, free: dict[int, int]) -> tuple[Pages, ...]:
    return tuple(
        msgspec.structs.replace(pages, free=free.get(pages.size // _KIB)) for pages in cell.pages
    )
