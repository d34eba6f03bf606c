"""The host's account: the compiled ledger, and the words around its numbers.

Owns how sums become an account that others read. Who calls what at which event is the dispatcher's
business; the arithmetic is ``ext/ledger.pxd``; formulas and sources are in docs/accounting.md.
"""

from collections.abc import Iterable
from typing import Self

from hostmon._grants import Grants
from hostmon._ledger import Ledger, Placed, Taken
from hostmon.account import Binding, CellAccount, HostAccount, Offer, PagePool, Resource
from hostmon.images.storage import Storage
from hostmon.machine.memory import Memory
from hostmon.machine.topology import Cell, Pages, Topology


class HostLedger(Ledger):
    """The ledger of one host, whose cells and page sizes are those of ``topology``."""

    def __new__(cls, topology: Topology, *_: object) -> Self:
        """Make room for the topology's cells and page sizes."""
        return super().__new__(cls, len(topology.cells), max(1, len(topology.page_sizes)))

    def __init__(self, topology: Topology, offer: Offer | None = None) -> None:
        self.offer = offer or Offer()
        self.grants = Grants(self)
        self._topology = topology
        self._cells = {cell.id: i for i, cell in enumerate(topology.cells)}
        self._pools = {size: i for i, size in enumerate(topology.page_sizes)}

    def bind(self, uuid: bytes, bindings: Iterable[Binding]) -> bool:
        """What a guest binds, while it runs; a cell or page size that the host lacks is any, base.

        False if nothing changed, or the guest has no claim.
        """
        return self.place(
            uuid,
            [
                (
                    self._cells.get(-1 if one.cell is None else one.cell, -1),
                    self._pools.get(one.page_size or 0, 0),
                    one.memory,
                    one.vcpus,
                )
                for one in bindings
            ],
        )

    def pool_of(self, page_size: int) -> int | None:
        """The pool of a size of pages, None where the host has none; 0 is the base page's."""
        return self._pools.get(page_size) if page_size else 0

    def account(
        self,
        memory: Memory | None = None,
        storage: Storage | None = None,
        topology: Topology | None = None,
        *,
        surveyed_ns: int = 0,
        traits: tuple[str, ...] = (),
        taken: Taken | None = None,
    ) -> HostAccount:
        """The account now, or as ``taken`` in a snapshot; from any thread.

        The other arguments are the latest readings. A reading of the topology refreshes counts of
        pages; cells that came later are left out.
        """
        sums, placed = taken or self.snapshot()
        offer, shape = self.offer, topology or self._topology
        cells = [cell for cell in shape.cells if cell.id in self._cells]
        return HostAccount(
            vcpus=Resource(
                len(shape.online),
                offer.reserved_vcpus,
                offer.vcpu_ratio,
                sums["vcpus_used"],
                sums["vcpus_held"],
                sums["vcpus_allocated"],
                sums["vcpus_claimed"],
            ),
            memory=Resource(
                shape.memory if memory is None else memory.total,
                offer.reserved_memory,
                offer.memory_ratio,
                sums["memory_used"],
                sums["memory_held"],
                sums["memory_allocated"],
                sums["memory_claimed"],
            ),
            disk=Resource(
                0 if storage is None else storage.total,
                offer.reserved_disk,
                offer.disk_ratio,
                used=sums["disk_used"],
                allocated=sums["disk_allocated"],
                claimed=sums["disk_claimed"],
            ),
            defined=sums["defined"],
            active=sums["active"],
            held=sums["held"],
            changes=sums["changes"],
            claims=sums["claims"],
            traits=traits,
            cells=tuple(self._cell(cell, placed) for cell in cells),
            pages=self._host_pages(cells, placed),
            memory_in_use=None if memory is None else memory.in_use,
            disk_available_least=None if storage is None else storage.available_least,
            surveyed_ns=surveyed_ns,
        )

    def _cell(self, cell: Cell, placed: Placed) -> CellAccount:
        by_pool, vcpus = placed[self._cells[cell.id] + 1]
        return CellAccount(
            id=cell.id,
            cpus=len(cell.cpus),
            vcpus=vcpus,
            memory=cell.memory,
            memory_used=sum(by_pool),
            pages=tuple(self._pool(pages, by_pool) for pages in cell.pages),
        )

    def _pool(
        self, pages: Pages, by_pool: tuple[int, ...], claimed: tuple[int, ...] = ()
    ) -> PagePool:
        pool = self._pools.get(pages.size)
        used = by_pool[pool] if pool is not None else 0
        held = claimed[pool] if pool is not None and claimed else 0
        return PagePool(pages.size, pages.total, pages.free, used, held)

    def _host_pages(self, cells: list[Cell], placed: Placed) -> tuple[PagePool, ...]:
        """Each size of page over all cells, guests that are bound to no cell included."""
        by_pool = tuple(sum(row[0][pool] for row in placed) for pool in range(len(placed[0][0])))
        claimed = self.grants.pages()
        pools = [
            [pages for cell in cells for pages in cell.pages if pages.size == size]
            for size in self._pools
        ]
        return tuple(self._pool(together(same), by_pool, claimed) for same in pools if same)


def together(pools: list[Pages]) -> Pages:
    """Pools of one size as one; what a cell does not tell makes the sum unknown."""
    frees = [pages.free for pages in pools if pages.free is not None]
    return Pages(
        size=pools[0].size,
        total=sum(pages.total for pages in pools),
        free=sum(frees) if len(frees) == len(pools) else None,
    )
