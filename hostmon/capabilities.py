"""A host's topology as libvirt's capabilities document tells it.

The same types as :mod:`hostmon.machine.sysfs` fills from the kernel, so that the two can be held
against each other. The document itself is :mod:`hostmon.xml.capabilities`.
Source: libvirt's formatcaps documentation and capability.rng.
"""

from hostmon.errors import XMLError
from hostmon.machine.files import parse_ids
from hostmon.machine.topology import (
    BandwidthNode,
    CacheBank,
    CacheControl,
    Cell,
    Cpu,
    Distance,
    Interconnect,
    MemoryCache,
    Monitor,
    Pages,
    Topology,
)
from hostmon.xml import capabilities as xml
from hostmon.xml import common
from hostmon.xml.common import Sibling
from hostmon.xml.values import UNITS


def parse_topology(document: str | bytes) -> Topology:
    """The topology in a <capabilities> document; XMLError where it is none or makes no sense."""
    host = xml.Capabilities.parse(document).host
    if host is None:
        raise XMLError("<capabilities> holds no <host>: give the document of a connection")
    topology, cache, bandwidth = host.topology, host.cache, host.memory_bandwidth
    return Topology(
        arch=(host.cpu and host.cpu.arch) or "",
        cells=tuple(_cell(one) for one in topology.cells) if topology else (),
        caches=tuple(_bank(one) for one in cache.banks) if cache else (),
        cache_monitor=_monitor(cache.monitor) if cache else None,
        bandwidth=tuple(_bandwidth(one) for one in bandwidth.nodes) if bandwidth else (),
        bandwidth_monitor=_monitor(bandwidth.monitor) if bandwidth else None,
        interconnects=_interconnects(topology.interconnects) if topology else (),
    )


def _needed(value: int | None, what: str) -> int:
    if value is None:
        raise XMLError(f"capabilities document: {what} is absent: give libvirt's own document")
    return value


def _bytes(value: int | None, unit: str | None, what: str) -> int:
    if (unit or "b").lower() not in UNITS:
        raise XMLError(f"capabilities document: {what} is in {unit!r}, no unit: write KiB or bytes")
    return _needed(value, what) * UNITS[(unit or "b").lower()]


def _cell(cell: xml.HostCell) -> Cell:
    return Cell(
        id=_needed(cell.id, "<cell id=>"),
        memory=cell.memory.bytes if cell.memory else 0,
        cpus=tuple(_cpu(one) for one in cell.cpus),
        pages=tuple(
            Pages(_bytes(one.size, one.unit or "KiB", "<pages size=>"), one.count or 0)
            for one in cell.pages
        ),
        distances=tuple(_distance(one) for one in cell.distances),
        caches=tuple(_memory_cache(one) for one in cell.caches),
    )


def _memory_cache(cache: common.MemoryCache) -> MemoryCache:
    return MemoryCache(
        level=_needed(cache.level, "<cache level=>"),
        size=_bytes(cache.size, cache.size_unit, "<cache><size value=>"),
        line=_bytes(cache.line, cache.line_unit, "<cache><line value=>"),
        associativity=cache.associativity or "",
        policy=cache.policy or "",
    )


def _interconnects(links: common.Interconnects | None) -> tuple[Interconnect, ...]:
    return tuple(_interconnect(one) for one in links.links) if links else ()


def _interconnect(link: common.Interconnect) -> Interconnect:
    """A bandwidth has a unit, a latency none: it is nanoseconds."""
    kind = link.node.tag
    what = f"<{kind} value=>"
    measured = link.value if kind == "latency" else _bytes(link.value, link.unit, what)
    return Interconnect(
        kind=kind,
        initiator=_needed(link.initiator, f"<{kind} initiator=>"),
        target=_needed(link.target, f"<{kind} target=>"),
        access=link.type or "",
        value=_needed(measured, what),
    )


def _distance(sibling: Sibling) -> Distance:
    return Distance(
        _needed(sibling.id, "<sibling id=>"), _needed(sibling.value, "<sibling value=>")
    )


def _cpu(cpu: xml.HostCpu) -> Cpu:
    """A host that cannot tell a processor's place leaves all but its id out."""
    number = _needed(cpu.id, "<cpu id=>")
    return Cpu(
        id=number,
        socket=cpu.socket_id or 0,
        die=cpu.die_id or 0,
        core=cpu.core_id or 0,
        siblings=parse_ids(cpu.siblings or "") or (number,),
    )


def _bank(bank: xml.Bank) -> CacheBank:
    return CacheBank(
        id=_needed(bank.id, "<bank id=>"),
        level=_needed(bank.level, "<bank level=>"),
        kind=bank.type or "",
        size=_bytes(bank.size, bank.unit, "<bank size=>"),
        cpus=parse_ids(bank.cpus or ""),
        controls=tuple(_control(one) for one in bank.controls),
    )


def _control(control: xml.Control) -> CacheControl:
    """A minimum that is one step is left out of the document."""
    granularity = _bytes(control.granularity, control.unit, "<control granularity=>")
    minimum = control.min
    return CacheControl(
        kind=control.type or "",
        granularity=granularity,
        minimum=granularity if minimum is None else _bytes(minimum, control.unit, "<control min=>"),
        allocations=_needed(control.max_allocs, "<control maxAllocs=>"),
    )


def _bandwidth(node: xml.BandwidthDomain) -> BandwidthNode:
    control = node.control
    if control is None:
        raise XMLError("capabilities document: <node> lacks <control>: give libvirt's own document")
    return BandwidthNode(
        id=_needed(node.id, "<node id=>"),
        cpus=parse_ids(node.cpus or ""),
        granularity=_needed(control.granularity, "<control granularity=>"),
        minimum=control.min or 0,
        allocations=_needed(control.max_allocs, "<control maxAllocs=>"),
    )


def _monitor(monitor: xml.HostMonitor | None) -> Monitor | None:
    if monitor is None:
        return None
    return Monitor(
        maximum=_needed(monitor.max_monitors, "<monitor maxMonitors=>"),
        features=tuple(monitor.features),
        level=monitor.level,
        reuse_threshold=monitor.reuse_threshold,
    )
