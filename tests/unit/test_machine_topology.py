"""Topology from sysfs and from libvirt's capabilities document: recorded hosts agree in both."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostmon.capabilities import parse_topology
from hostmon.errors import XMLError
from hostmon.machine.files import MAX_ID, Roots, parse_ids
from hostmon.machine.sysfs import read_topology
from hostmon.machine.topology import Cell, Cpu, Distance, Pages, Topology

DATA = Path(__file__).resolve().parents[1] / "data/machine"


def recorded(folder: Path, name: str) -> Roots:
    tree = folder / f"linux-{name}"
    none = folder / "none"
    return Roots(system=tree / "system", proc=none, hugepages=none, resctrl=tree / "resctrl")


def hosts(folder: Path) -> dict[str, tuple[str, Topology]]:
    """Every recorded host: name, architecture, what libvirt says of it."""
    return {
        path.stem: (path.stem.split("-")[1], parse_topology(path.read_bytes()))
        for path in (folder).glob("vircaps-*.xml")
    }


def test_recorded_hosts(corpus: Callable[[str], Path]) -> None:
    folder = corpus("hosttopo") / "vircaps2xmldata"
    known = hosts(folder)
    assert known
    for stem, (arch, wanted) in known.items():
        got = read_topology(recorded(folder, stem.split("-", 2)[2]), arch, 4096)
        assert got.arch == wanted.arch, stem
        assert [cell.id for cell in got.cells] == [cell.id for cell in wanted.cells], stem
        assert [cell.cpus for cell in got.cells] == [cell.cpus for cell in wanted.cells], stem
        assert got.caches == wanted.caches, stem
        assert got.cache_monitor == wanted.cache_monitor, stem
        assert got.bandwidth == wanted.bandwidth, stem
        assert got.bandwidth_monitor == wanted.bandwidth_monitor, stem
        assert got.interconnects == wanted.interconnects, stem
        assert [cell.caches for cell in got.cells] == [cell.caches for cell in wanted.cells], stem


def test_recorded_hosts_with_the_memory_of_their_documents(
    corpus: Callable[[str], Path], tmp_path: Path
) -> None:
    # The recordings lack meminfo and page counts; their documents have them. Written into a copy,
    # they must come back (base pages excepted: the documents' are not what is left of the memory).
    folder = corpus("hosttopo") / "vircaps2xmldata"
    for stem, (arch, wanted) in hosts(folder).items():
        name = stem.split("-", 2)[2]
        tree = tmp_path / stem / f"linux-{name}"
        shutil.copytree(folder / f"linux-{name}", tree)
        for cell in wanted.cells:
            node = tree / f"system/node/node{cell.id}"
            (node / "meminfo").write_text(f"Node {cell.id} MemTotal: {cell.memory >> 10} kB\n")
            for pages in cell.pages[1:]:
                pool = node / f"hugepages/hugepages-{pages.size >> 10}kB"
                pool.mkdir(parents=True, exist_ok=True)
                (pool / "nr_hugepages").write_text(f"{pages.total}\n")
        got = read_topology(recorded(tree.parent, name), arch, 4096)
        assert got.memory == wanted.memory, stem
        for mine, theirs in zip(got.cells, wanted.cells, strict=True):
            assert mine.memory == theirs.memory
            assert [(p.size, p.total) for p in mine.pages[1:]] == [
                (p.size, p.total) for p in theirs.pages[1:]
            ]


def test_capabilities_documents(corpus: Callable[[str], Path]) -> None:
    documents = list((corpus("capabilities")).rglob("caps*.xml"))
    assert documents
    for path in documents:
        text = path.read_text()
        got = parse_topology(text)
        assert len(got.cells) == text.count("<cell ")
        assert len(got.cpus) == text.count("<cpu id=")


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def two_cells(tmp_path: Path) -> Roots:
    """Two cells of two threads each; one processor is offline, dies and huge pages are there."""
    write(
        tmp_path,
        {
            "sys/devices/system/cpu/present": "0-4\n",
            "sys/devices/system/cpu/online": "0-3\n",
            "sys/devices/system/node/online": "0,2\n",
            "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "9\n",
        },
    )
    for cpu in range(5):
        topology = f"sys/devices/system/cpu/cpu{cpu}/topology"
        write(
            tmp_path,
            {
                f"{topology}/physical_package_id": f"{cpu // 2}\n",
                f"{topology}/die_id": "1\n" if cpu == 1 else "-1\n",
                f"{topology}/core_id": f"{cpu // 2}\n",
                f"{topology}/thread_siblings_list": f"{cpu // 2 * 2}-{cpu // 2 * 2 + 1}\n",
            },
        )
    for node, cpus in ((0, "0-1"), (2, "2-4")):
        folder = f"sys/devices/system/node/node{node}"
        write(
            tmp_path,
            {
                f"{folder}/cpulist": cpus + "\n",
                f"{folder}/distance": "10 21\n" if node == 0 else "21 10\n",
                f"{folder}/meminfo": f"Node {node} MemTotal:  65536 kB\nNode {node} MemFree: 4 kB",
                f"{folder}/hugepages/hugepages-2048kB/nr_hugepages": "8\n",
                f"{folder}/hugepages/hugepages-2048kB/free_hugepages": "3\n",
                f"{folder}/hugepages/hugepages-2048kB/surplus_hugepages": "1\n",
            },
        )
    return Roots.under(tmp_path / "sys", tmp_path / "proc")


def test_two_cells(two_cells: Roots) -> None:
    got = read_topology(two_cells, "x86_64", 4096)
    pages = (
        Pages(4096, (65536 - 16384) // 4, free=1),
        Pages(2 << 20, 8, free=3, reserved=None, surplus=1),
    )
    assert got == Topology(
        arch="x86_64",
        cells=(
            Cell(
                0,
                64 << 20,
                (Cpu(0, 0, 0, 0, (0, 1)), Cpu(1, 0, 1, 0, (0, 1))),
                pages,
                (Distance(0, 10), Distance(2, 21)),
            ),
            Cell(
                2,
                64 << 20,
                (Cpu(2, 1, 0, 1, (2, 3)), Cpu(3, 1, 0, 1, (2, 3))),
                pages,
                (Distance(0, 21), Distance(2, 10)),
            ),
        ),
        present=(0, 1, 2, 3, 4),
    )
    assert (got.sockets, got.dies, got.cores, got.threads) == (2, 3, 2, 2)
    assert got.online == (0, 1, 2, 3)
    assert got.page_sizes == (4096, 2 << 20)


def test_host_without_numa_is_one_cell(two_cells: Roots, tmp_path: Path) -> None:
    shutil.rmtree(two_cells.system / "node")
    write(tmp_path, {"proc/meminfo": "MemTotal: 131072 kB\nMemFree: 8 kB\n"})
    got = read_topology(two_cells, "x86_64", 4096)
    assert [(cell.id, cell.memory, len(cell.cpus)) for cell in got.cells] == [(0, 128 << 20, 4)]
    assert got.cells[0].pages[1] == Pages(2 << 20, 9, free=0, reserved=None, surplus=0)


@pytest.mark.parametrize("garbage", ["", "\0\xff", "-", "9" * 5000, "0-99999999999", "zzz,,7-"])
def test_garbage_never_raises(two_cells: Roots, garbage: str) -> None:
    for path in [path for path in two_cells.system.rglob("*") if path.is_file()]:
        before = path.read_text()
        path.write_text(garbage)
        got = read_topology(two_cells, "x86_64", 4096)
        assert len(got.cells) in {1, 2}, path
        path.write_text(before)


def test_absent_files_never_raise(two_cells: Roots) -> None:
    for path in [path for path in two_cells.system.rglob("*") if path.is_file()]:
        path.unlink()
        assert read_topology(two_cells, "x86_64", 4096).cells


@given(st.sets(st.integers(0, 300), max_size=60))
def test_lists_of_ids(ids: set[int]) -> None:
    assert parse_ids(",".join(str(i) for i in ids) + "\n") == tuple(sorted(ids))


@given(st.text("0123456789-,:/ x", max_size=40))
def test_lists_of_any_text_stay_small(text: str) -> None:
    assert all(0 <= i < MAX_ID for i in parse_ids(text))


def test_lists_that_name_more_than_there_can_be_cost_little() -> None:
    assert len(parse_ids("0-4294967295,1")) == 1
    began = time.thread_time()
    assert len(parse_ids(f"0-{MAX_ID - 1}," * 10_000)) == MAX_ID
    assert len(parse_ids("0-999999:1/2," * 10_000)) == MAX_ID // 2
    assert time.thread_time() - began < 1


def test_list_with_strides() -> None:
    assert parse_ids("0-9:2/4,20") == (0, 1, 4, 5, 8, 9, 20)


def host(inner: str) -> str:
    return f"<capabilities><host>{inner}</host></capabilities>"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "<domain/>",
        "<capabilities/>",
        host("<topology><cells><cell id='x'/></cells></topology>"),
        host("<topology><cells><cell/></cells></topology>"),
        host("<topology><cells><cell id='0'><memory unit='u'>1</memory></cell></cells></topology>"),
        host(f"<topology><cells><cell id='{'9' * 9000}'/></cells></topology>"),
        host("<memory_bandwidth><node id='0'/></memory_bandwidth>"),
    ],
)
def test_senseless_capabilities_are_refused(document: str) -> None:
    with pytest.raises(XMLError):
        parse_topology(document)


def test_capabilities_of_the_test_driver() -> None:
    libvirt = pytest.importorskip("libvirt")
    connection = libvirt.open("test:///default")
    try:
        got = parse_topology(connection.getCapabilities())
        info = connection.getInfo()
    finally:
        connection.close()
    assert len(got.cells) == 2
    assert len(got.cpus) == info[2]
    # The driver's cells hold more than the 3 GiB that it gives as the host's memory.
    assert [cell.memory for cell in got.cells] == [2 << 30, 4 << 30]
    assert [pages.size for pages in got.cells[1].pages] == [8 << 10, 2 << 20, 1 << 30]
