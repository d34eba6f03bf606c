"""A host's topology as sysfs shows it.

Source: the kernel's Documentation/ABI/stable/sysfs-devices-system-cpu and -node; where the kernel
leaves room, the reading is libvirt's (capabilities document, virHostCPU functions).
"""

import os
from pathlib import Path

from hostmon.machine import memory
from hostmon.machine.caches import read_caches
from hostmon.machine.files import HERE, Roots, numbered, read_ids, read_text, read_unsigned
from hostmon.machine.hmat import read_interconnects, read_memory_caches
from hostmon.machine.resctrl import divide, read_resctrl
from hostmon.machine.topology import Cell, Cpu, Distance, Topology


def read_topology(
    roots: Roots = HERE, arch: str = os.uname().machine, page_size: int | None = None
) -> Topology:
    """Everything the kernel tells of the host's shape; what it does not tell is empty or 0."""
    page_size = page_size or os.sysconf("SC_PAGE_SIZE")
    online = read_online(roots)
    cpus = {i: read_cpu(roots, i) for i in online}
    cells = tuple(read_cell(roots, node, cpus, page_size) for node in read_nodes(roots)) or (
        whole_host(roots, cpus, page_size),
    )
    control = read_resctrl(roots.resctrl)
    caches = read_caches(roots, online, control)
    return Topology(
        arch=arch,
        cells=cells,
        present=read_present(roots),
        caches=caches,
        cache_monitor=control.cache_monitor,
        bandwidth=divide(control.bandwidth, caches),
        bandwidth_monitor=control.bandwidth_monitor,
        interconnects=read_interconnects(roots.system, read_nodes(roots)),
    )


def read_present(roots: Roots) -> tuple[int, ...]:
    """The processors that the machine has, offline ones included."""
    present = read_ids(roots.system / "cpu/present")
    return present or numbered(roots.system / "cpu", "cpu")


def read_online(roots: Roots) -> tuple[int, ...]:
    """The processors that run; all that are present where the kernel cannot switch them off."""
    return read_ids(roots.system / "cpu/online") or read_present(roots)


def read_nodes(roots: Roots) -> tuple[int, ...]:
    """The online NUMA nodes, none on a kernel without NUMA."""
    folders = numbered(roots.system / "node", "node")
    online = read_ids(roots.system / "node/online")
    return folders if not online else tuple(i for i in folders if i in set(online))


def read_cpu(roots: Roots, cpu: int) -> Cpu:
    """One processor's place; ids that the kernel leaves out or gives as -1 are 0."""
    folder = roots.system / f"cpu/cpu{cpu}/topology"
    return Cpu(
        id=cpu,
        socket=read_unsigned(folder / "physical_package_id"),
        die=read_unsigned(folder / "die_id"),
        core=read_unsigned(folder / "core_id"),
        siblings=read_ids(folder / "thread_siblings_list") or (cpu,),
    )


def read_node_cpus(folder: Path) -> tuple[int, ...]:
    """A node's processors: its list, or the links to them where an old kernel has no list."""
    cpus = read_ids(folder / "cpulist")
    return numbered(folder, "cpu") if cpus is None else cpus


def read_distances(folder: Path, nodes: tuple[int, ...]) -> tuple[Distance, ...]:
    """A node's row of the distance table, one number an online node."""
    values = (read_text(folder / "distance") or "").split()
    if len(values) != len(nodes) or not all(v.isdecimal() and len(v) < 10 for v in values):
        return ()
    return tuple(Distance(node, int(value)) for node, value in zip(nodes, values, strict=True))


def read_cell(roots: Roots, node: int, cpus: dict[int, Cpu], page_size: int) -> Cell:
    """One NUMA node, with its online processors."""
    folder = roots.system / f"node/node{node}"
    info = memory.read_meminfo(folder / "meminfo")
    total = info.get("MemTotal", 0)
    huge = memory.read_hugepages(folder / "hugepages")
    return Cell(
        id=node,
        memory=total,
        cpus=tuple(cpus[i] for i in read_node_cpus(folder) if i in cpus),
        pages=memory.all_pages(total, info.get("MemFree"), page_size, huge),
        distances=read_distances(folder, read_nodes(roots)),
        caches=read_memory_caches(folder),
    )


def whole_host(roots: Roots, cpus: dict[int, Cpu], page_size: int) -> Cell:
    """A host without NUMA: one cell that holds everything."""
    info = memory.read_meminfo(roots.proc / "meminfo")
    total = info.get("MemTotal", 0)
    huge = memory.read_hugepages(roots.hugepages)
    return Cell(
        id=0,
        memory=total,
        cpus=tuple(cpus.values()),
        pages=memory.all_pages(total, info.get("MemFree"), page_size, huge),
    )
