"""The speed of memory, as sysfs and as libvirt's capabilities document tell it of one host."""

from pathlib import Path

import pytest

from hostmon.capabilities import parse_topology
from hostmon.errors import XMLError
from hostmon.machine.files import Roots
from hostmon.machine.sysfs import read_topology
from hostmon.machine.topology import Interconnect, MemoryCache, Topology

SPEEDS = {
    0: {"read_latency": 80, "write_latency": 90, "read_bandwidth": 20000, "write_bandwidth": 15000},
    2: {"read_latency": 300, "write_latency": 400, "read_bandwidth": 5000, "write_bandwidth": 900},
}
DOCUMENT = """
<capabilities><host><cpu><arch>x86_64</arch></cpu><topology>
  <cells num='2'>
    <cell id='0'>
      <cache level='1' associativity='direct' policy='writeback'>
        <size value='48' unit='MiB'/><line value='64' unit='B'/>
      </cache>
      <cache level='2' associativity='none' policy='writethrough'>
        <size value='96' unit='KiB'/><line value='128' unit='B'/>
      </cache>
      <cpus num='2'>
        <cpu id='0' socket_id='0' die_id='0' core_id='0' siblings='0'/>
        <cpu id='1' socket_id='0' die_id='0' core_id='0' siblings='1'/>
      </cpus>
    </cell>
    <cell id='2'><cpus num='0'/></cell>
  </cells>
  <interconnects>
    <latency initiator='0' target='0' type='read' value='80'/>
    <latency initiator='0' target='0' type='write' value='90'/>
    <latency initiator='0' target='2' type='read' value='300'/>
    <latency initiator='0' target='2' type='write' value='400'/>
    <bandwidth initiator='0' target='0' type='read' value='20480000' unit='KiB'/>
    <bandwidth initiator='0' target='0' type='write' value='15360000' unit='KiB'/>
    <bandwidth initiator='0' target='2' type='read' value='5120000' unit='KiB'/>
    <bandwidth initiator='0' target='2' type='write' value='921600' unit='KiB'/>
  </interconnects>
</topology></host></capabilities>
"""


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


@pytest.fixture
def host(tmp_path: Path) -> Roots:
    """Two processors' cell and one of slow memory, with the kernel's links between them."""
    system = tmp_path / "sys/devices/system"
    write(system / "cpu", present="0-1", online="0-1")
    write(system / "node", online="0,2")
    for cell, speeds in SPEEDS.items():
        node = system / f"node/node{cell}"
        write(node, cpulist="0-1" if cell == 0 else "")
        for access, better in ((0, 2), (1, 1)):
            faster = {name: value * better for name, value in speeds.items()}
            write(node / f"access{access}/initiators", **faster)
            (node / f"access{access}/initiators/node0").symlink_to("../../../node0")
            write(node / f"access{access}/initiators/power", control="auto")
            (node / f"access{access}/targets").mkdir()
    caches = system / "node/node0/memory_side_cache"
    write(caches / "index2", size=96 << 10, line_size=128, indexing=2, write_policy=1)
    write(caches / "index1", size=48 << 20, line_size=64, indexing=0, write_policy=0)
    write(caches / "power", control="auto")
    return Roots.under(tmp_path / "sys", tmp_path / "proc")


def read(host: Roots) -> Topology:
    return read_topology(host, "x86_64", 4096)


def test_sysfs_and_the_document_say_the_same(host: Roots) -> None:
    got, told = read(host), parse_topology(DOCUMENT)
    assert got.interconnects == told.interconnects
    assert [cell.caches for cell in got.cells] == [cell.caches for cell in told.cells]
    assert [cell.cpus for cell in got.cells] == [cell.cpus for cell in told.cells]


def test_units_are_nanoseconds_and_bytes(host: Roots) -> None:
    got = read(host)
    assert got.cells[0].caches == (
        MemoryCache(1, 48 << 20, 64, "direct", "writeback"),
        MemoryCache(2, 96 << 10, 128, "none", "writethrough"),
    )
    assert got.cells[1].caches == ()
    assert len(got.interconnects) == 8
    assert got.interconnects[0] == Interconnect("latency", 0, 0, "read", 80)
    assert got.interconnects[-1] == Interconnect("bandwidth", 0, 2, "write", 900 << 20)


def test_a_measure_that_is_not_told_is_left_out(host: Roots) -> None:
    initiators = host.system / "node/node2/access1/initiators"
    (initiators / "read_latency").unlink()
    write(initiators, write_latency="fast", read_bandwidth=-1)
    kept = [(one.kind, one.access) for one in read(host).interconnects if one.target == 2]
    assert kept == [("bandwidth", "write")]


@pytest.mark.parametrize(
    ("name", "text"),
    [("size", ""), ("size", "-4"), ("line_size", "x"), ("indexing", "3"), ("write_policy", "-1")],
)
def test_a_cache_that_makes_no_sense_is_left_out(host: Roots, name: str, text: str) -> None:
    write(host.system / "node/node0/memory_side_cache/index1", **{name: text})
    assert [cache.level for cache in read(host).cells[0].caches] == [2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("initiator='0' ", ""), ("unit='KiB'/>\n  </i", "unit='parsec'/>\n  </i"),
        ("value='80'", ""), ("<size value='48' unit='MiB'/>", ""), ("level='1' ", ""),
    ],
)  # fmt: skip
def test_a_document_that_makes_no_sense_is_refused(old: str, new: str) -> None:
    assert old in DOCUMENT
    with pytest.raises(XMLError):
        parse_topology(DOCUMENT.replace(old, new))
