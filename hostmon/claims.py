"""What a guest claims of its host, read from its XML: sizes, and what it binds to cells and pages.

Takes documents and gives account types; asks nobody. Formulas: docs/accounting.md.
"""

from collections import Counter

from hostmon.account import Binding, GuestClaim
from hostmon.driver.virt import GuestDescription
from hostmon.machine.topology import Topology
from hostmon.xml.cpu import NumaCell
from hostmon.xml.domain import Domain
from hostmon.xml.memory import HugePage, MemoryBacking
from hostmon.xml.values import UNITS, cpus

MOST_VCPUS = (1 << 32) - 1
"""The account has no room for more, nor has libvirt (its XML parser takes an unsigned int)."""


def claim_of(uuid: bytes, live: Domain | None, config: Domain | None) -> GuestClaim:
    """A guest's claim: ``live`` is the XML of what runs, ``config`` that of its next start.

    Used is what runs now (current vCPUs, current memory); allocated what its configuration may grow
    to without being defined anew (all vCPUs, all memory).
    """
    now, now_memory = current(live) if live else (0, 0)
    most, most_memory = maximum(config) if config else (0, 0)
    return GuestClaim(
        uuid=uuid,
        active=live is not None,
        defined=config is not None,
        vcpus=now,
        memory=now_memory,
        defined_vcpus=most,
        defined_memory=most_memory,
        vcpus_max=maximum(live)[0] if live else most,
    )


def bare_claim_of(guest: GuestDescription) -> GuestClaim:
    """The claim of a guest whose XML is not understood: it may grow to what it has now."""
    return GuestClaim(
        uuid=guest.uuid.bytes,
        active=guest.id >= 0,
        defined=guest.persistent,
        vcpus=guest.vcpus,
        memory=guest.memory,
        defined_vcpus=guest.vcpus,
        defined_memory=guest.memory_max,
        vcpus_max=guest.vcpus,
    )


def maximum(domain: Domain) -> tuple[int, int]:
    """All vCPUs, and all memory in bytes (virDomainInfo.maxMem); a guest has one vCPU at least.

    OverflowError for more vCPUs than MOST_VCPUS.
    """
    vcpus = domain.vcpu.count if domain.vcpu else None
    return countable(vcpus or 1), domain.memory.bytes if domain.memory else 0


def current(domain: Domain) -> tuple[int, int]:
    """The vCPUs that are online, and the memory that the balloon leaves (virDomainInfo.memory)."""
    vcpus, memory = maximum(domain)
    online = domain.vcpu.current if domain.vcpu else None
    size = domain.current_memory
    return countable(online or vcpus), size.bytes if size else memory


def countable(vcpus: int) -> int:
    """A number of vCPUs; OverflowError for one that no account holds."""
    if not 0 < vcpus <= MOST_VCPUS:
        raise OverflowError(f"{vcpus} vCPUs: at least 1 and at most {MOST_VCPUS} are counted")
    return vcpus


def bindings_of(domain: Domain, topology: Topology, default_page: int) -> tuple[Binding, ...]:
    """What a guest binds: huge pages, memory of cells, vCPUs of cells; () for one that floats.

    Memory bound to several cells counts in equal parts; ``preferred`` binds nothing. A vCPU counts
    in a cell when it may run only there. ``default_page`` is the host's default huge page.
    """
    known = {cell.id for cell in topology.cells}
    memory: Counter[tuple[int | None, int | None]] = Counter()
    for number, size in guest_cells(domain):
        page = page_size(domain.memory_backing, number, default_page)
        cells = [cell for cell in memory_cells(domain, number) if cell in known]
        if not cells and page is None:
            continue
        for i, cell in enumerate(cells or [None]):
            part, rest = divmod(size, len(cells) or 1)
            memory[cell, page] += part + (1 if i < rest else 0)
    vcpus = vcpu_cells(domain, topology)
    return (
        *(Binding(size, 0, cell, page) for (cell, page), size in memory.items()),
        *(Binding(0, count, cell) for cell, count in vcpus.items()),
    )


def guest_cells(domain: Domain) -> list[tuple[int, int]]:
    """The guest's own NUMA cells and their memory; all of its memory as one where it has none."""
    numa = domain.cpu.numa if domain.cpu else None
    cells = list(numa.cells) if numa else []
    if not cells:
        return [(0, maximum(domain)[1])]
    return [(i if cell.id is None else cell.id, cell_bytes(cell)) for i, cell in enumerate(cells)]


def cell_bytes(cell: NumaCell) -> int:
    """A guest cell's memory; a unit that is none counts as libvirt's default, KiB."""
    return (cell.memory or 0) * UNITS.get((cell.unit or "KiB").lower(), 1024)


def page_size(backing: MemoryBacking | None, cell: int, default_page: int) -> int | None:
    """The size of the huge pages behind a guest's cell, None for base pages."""
    if backing is None or backing.hugepages is None:
        return None
    pages = list(backing.hugepages.pages)
    mine = next((one for one in pages if one.nodeset and cell in ids_of(one.nodeset)), None)
    other = next((one for one in pages if not one.nodeset), None)
    chosen: HugePage | None = mine or other
    if chosen is None:
        return None if pages else default_page
    size = (chosen.size or 0) * UNITS.get((chosen.unit or "KiB").lower(), 1024)
    return size or default_page


def memory_cells(domain: Domain, cell: int) -> tuple[int, ...]:
    """The host's cells that a guest's cell must take its memory from; () for any."""
    tune = domain.numatune
    if tune is None:
        return ()
    own = next((node for node in tune.memnodes if node.cellid == cell), None)
    for chosen in (own, tune.memory):
        if chosen is not None:
            binds = chosen.nodeset and chosen.mode != "preferred"
            return tuple(sorted(ids_of(chosen.nodeset))) if binds else ()
    return ()


def ids_of(text: str | None) -> frozenset[int]:
    """The CPUs or cells that a list names, ``0-3,^2`` too; none where libvirt would not take it."""
    try:
        return cpus(text) if text else frozenset()
    except ValueError:
        return frozenset()


def vcpu_cells(domain: Domain, topology: Topology) -> Counter[int]:
    """How many of the guest's online vCPUs may run in one cell only, by cell.

    Pins are counted, not vCPUs: their number is only a word in the XML.
    """
    home = {cpu.id: cell.id for cell in topology.cells for cpu in cell.cpus}
    online = current(domain)[0]
    everywhere = domain.vcpu.cpuset if domain.vcpu else None
    pins = {pin.vcpu: pin.cpuset for pin in (domain.cputune.vcpupins if domain.cputune else ())}
    pinned = [pins[vcpu] for vcpu in pins if vcpu is not None and 0 <= vcpu < online]
    alike = Counter(cpuset or everywhere for cpuset in pinned)
    alike[everywhere] += online - len(pinned)
    counts: Counter[int] = Counter()
    for cpuset, vcpus in alike.items():
        cells = {home[cpu] for cpu in ids_of(cpuset) if cpu in home}
        if vcpus and len(cells) == 1 and len(topology.cells) > 1:
            counts[cells.pop()] += vcpus
    return counts
