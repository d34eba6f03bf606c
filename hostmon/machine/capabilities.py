"""A host's topology as libvirt's capabilities document tells it.

The same types as :mod:`hostmon.machine.sysfs` fills, so that the two can be compared.
Source: libvirt's formatcaps documentation and capability.rng.
"""

from lxml import etree

from hostmon.errors import XMLError
from hostmon.machine.files import parse_ids
from hostmon.machine.topology import (
    BandwidthNode,
    CacheBank,
    CacheControl,
    Cell,
    Cpu,
    Distance,
    Monitor,
    Pages,
    Topology,
)

# libvirt's scaled integers: virScaleInteger.
UNITS: dict[str, int] = {
    "": 1,
    "b": 1,
    "bytes": 1,
    **{f"{letter}b": 1000 ** (i + 1) for i, letter in enumerate("kmgtpe")},
    **{letter: 1024 ** (i + 1) for i, letter in enumerate("kmgtpe")},
    **{f"{letter}ib": 1024 ** (i + 1) for i, letter in enumerate("kmgtpe")},
}


def parse_capabilities(text: str | bytes) -> Topology:
    """The topology in a <capabilities> document; XMLError where it is none or makes no sense."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    try:
        root = etree.fromstring(text.encode() if isinstance(text, str) else text, parser)
        host = root.find("host")
        if root.tag != "capabilities" or host is None:
            raise XMLError(f"<{root.tag}> holds no host: give a capabilities document")
        return topology(host)
    except (etree.XMLSyntaxError, ValueError, KeyError) as error:
        raise XMLError(f"capabilities document: {error}: give libvirt's own") from error


def topology(host: etree._Element) -> Topology:
    """Everything below <host> that tells its shape."""
    return Topology(
        arch=host.findtext("cpu/arch") or "",
        cells=tuple(cell(node) for node in host.iterfind("topology/cells/cell")),
        caches=tuple(bank(node) for node in host.iterfind("cache/bank")),
        cache_monitor=monitor(host.find("cache/monitor")),
        bandwidth=tuple(bandwidth(node) for node in host.iterfind("memory_bandwidth/node")),
        bandwidth_monitor=monitor(host.find("memory_bandwidth/monitor")),
    )


def number(node: etree._Element, name: str, default: int | None = None) -> int:
    """An attribute that is a number; one without a default must be there."""
    text = node.get(name)
    if text is None:
        if default is None:
            raise ValueError(f"<{node.tag}> on line {node.sourceline} lacks {name}=")
        return default
    if len(text) > 20:
        raise ValueError(f"{name}={text[:20]}… is no number of this world")
    return int(text)


def scaled(value: str, unit: str | None, default: str = "KiB") -> int:
    """A size with its unit, in bytes."""
    if len(value) > 20:
        raise ValueError(f"{value[:20]}… is no size of this world")
    return int(value) * UNITS[(default if unit is None else unit).lower()]


def cell(node: etree._Element) -> Cell:
    """One <cell>."""
    memory = node.find("memory")
    return Cell(
        id=number(node, "id"),
        memory=0 if memory is None else scaled(memory.text or "0", memory.get("unit")),
        cpus=tuple(cpu(item) for item in node.iterfind("cpus/cpu")),
        pages=tuple(
            Pages(scaled(item.get("size", ""), item.get("unit")), int((item.text or "0")[:20]))
            for item in node.iterfind("pages")
        ),
        distances=tuple(
            Distance(number(item, "id"), number(item, "value"))
            for item in node.iterfind("distances/sibling")
        ),
    )


def cpu(node: etree._Element) -> Cpu:
    """One <cpu>; a host that cannot tell leaves all but the id out."""
    identity = number(node, "id")
    return Cpu(
        id=identity,
        socket=number(node, "socket_id", 0),
        die=number(node, "die_id", 0),
        core=number(node, "core_id", 0),
        siblings=parse_ids(node.get("siblings", "")) or (identity,),
    )


def bank(node: etree._Element) -> CacheBank:
    """One <bank> of the cache."""
    return CacheBank(
        id=number(node, "id"),
        level=number(node, "level"),
        kind=node.get("type", ""),
        size=scaled(node.get("size", ""), node.get("unit"), "bytes"),
        cpus=parse_ids(node.get("cpus", "")),
        controls=tuple(control(item) for item in node.iterfind("control")),
    )


def control(node: etree._Element) -> CacheControl:
    """One <control> of a bank; a minimum that is one step is left out of the document."""
    unit = node.get("unit")
    granularity = scaled(node.get("granularity", ""), unit, "bytes")
    minimum = node.get("min")
    return CacheControl(
        kind=node.get("type", ""),
        granularity=granularity,
        minimum=granularity if minimum is None else scaled(minimum, unit, "bytes"),
        allocations=number(node, "maxAllocs"),
    )


def bandwidth(node: etree._Element) -> BandwidthNode:
    """One <node> of the memory bandwidth, whose <control> is in per cent."""
    control = node.find("control")
    if control is None:
        raise ValueError(f"<node> on line {node.sourceline} lacks a <control>")
    return BandwidthNode(
        id=number(node, "id"),
        cpus=parse_ids(node.get("cpus", "")),
        granularity=number(control, "granularity"),
        minimum=number(control, "min", 0),
        allocations=number(control, "maxAllocs"),
    )


def monitor(node: etree._Element | None) -> Monitor | None:
    """A <monitor>, if there is one."""
    if node is None:
        return None
    level, threshold = node.get("level"), node.get("reuseThreshold")
    return Monitor(
        maximum=number(node, "maxMonitors"),
        features=tuple(item.get("name", "") for item in node.iterfind("feature")),
        level=None if level is None else number(node, "level"),
        reuse_threshold=None if threshold is None else number(node, "reuseThreshold"),
    )
