"""The numbers of recorded hosts, against what libvirt counts on them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hostmon.machine.cpuinfo import read_processor
from hostmon.machine.files import Roots
from hostmon.machine.nodeinfo import NodeInfo, from_libvirt, read_nodeinfo


def grow(root: Path, nodes: int, sockets: int, cores: int, threads: int) -> Roots:
    """A sysfs of this shape; sockets are per node, as on real hosts."""
    cpu = 0
    for node in range(nodes):
        (root / f"node/node{node}").mkdir(parents=True)
        for socket in range(sockets):
            for core in range(cores):
                siblings = f"{cpu}-{cpu + threads - 1}"
                for _ in range(threads):
                    (root / f"node/node{node}/cpu{cpu}").touch()
                    folder = root / f"cpu/cpu{cpu}/topology"
                    folder.mkdir(parents=True)
                    (folder / "physical_package_id").write_text(f"{node * sockets + socket}\n")
                    (folder / "core_id").write_text(f"{core}\n")
                    (folder / "thread_siblings_list").write_text(siblings + "\n")
                    cpu += 1
    for name in ("present", "online"):
        (root / "cpu" / name).write_text(f"0-{cpu - 1}\n")
    return Roots(system=root, proc=root)


def shape(info: NodeInfo) -> tuple[int, int, int, int, int]:
    return (info.cpus, info.nodes, info.sockets, info.cores, info.threads)


def text(info: NodeInfo) -> str:
    return (
        f"CPUs: {info.cpus}/{info.maximum}, MHz: {info.mhz}, Nodes: {info.nodes}, "
        f"Sockets: {info.sockets}, Cores: {info.cores}, Threads: {info.threads}"
    )


def test_recorded_hosts(corpus: Callable[[str], Path]) -> None:
    folder = corpus("hostcpu") / "virhostcpudata"
    wanted, got = {}, {}
    for expected in folder.glob("linux-*.expected"):
        arch, name = expected.stem.removeprefix("linux-").split("-", 1)
        cpuinfo = expected.with_suffix(".cpuinfo")
        # The recordings of POWER hosts come from machines whose KVM runs 8 threads a subcore.
        info = read_nodeinfo(
            Roots(system=folder / f"linux-{name}", proc=folder / "none"),
            arch,
            8 if arch.startswith("ppc64") else 0,
            cpuinfo,
        )
        wanted[expected.stem] = expected.read_text().strip()
        got[expected.stem] = text(info)
    assert wanted
    assert got == wanted


def test_recorded_signatures(corpus: Callable[[str], Path]) -> None:
    folder = corpus("hostcpu") / "virhostcpudata"
    wanted = {path.stem: path.read_text().strip() for path in folder.glob("linux-*.signature")}
    got = {
        stem: read_processor(folder / f"{stem}.cpuinfo", stem.split("-")[1]).signature
        for stem in wanted
    }
    assert wanted
    assert got == wanted


def test_shape_of_a_numa_host(tmp_path: Path) -> None:
    assert shape(read_nodeinfo(grow(tmp_path, 2, 1, 3, 2), "x86_64")) == (12, 2, 1, 3, 2)


def test_offline_processor_counts_towards_the_maximum_only(tmp_path: Path) -> None:
    roots = grow(tmp_path, 1, 2, 2, 1)
    (tmp_path / "cpu/online").write_text("0-2\n")
    info = read_nodeinfo(roots, "x86_64")
    assert (info.cpus, info.maximum) == (3, 4)


def test_shape_that_does_not_multiply_out_is_told_as_one_socket(tmp_path: Path) -> None:
    roots = grow(tmp_path, 2, 1, 2, 1)
    (tmp_path / "node/node1/cpu3").unlink()
    assert shape(read_nodeinfo(roots, "x86_64")) == (3, 1, 1, 3, 1)


def test_secondary_threads_of_subcores_run_in_guests(tmp_path: Path) -> None:
    roots = grow(tmp_path, 1, 1, 2, 4)
    (tmp_path / "cpu/online").write_text("0,4\n")
    for cpu in (0, 4):
        (tmp_path / f"cpu/cpu{cpu}/topology/thread_siblings_list").write_text(f"{cpu}\n")
    assert shape(read_nodeinfo(roots, "ppc64le", 4)) == (8, 1, 1, 2, 4)
    assert read_nodeinfo(roots, "ppc64le").cpus == 2


def test_an_online_secondary_thread_means_no_subcores(tmp_path: Path) -> None:
    roots = grow(tmp_path, 1, 1, 2, 4)
    (tmp_path / "cpu/online").write_text("0,1,4\n")
    assert read_nodeinfo(roots, "ppc64le", 4).cpus == 3


def test_empty_tree_has_no_processors(tmp_path: Path) -> None:
    info = read_nodeinfo(Roots(system=tmp_path, proc=tmp_path), "x86_64")
    assert (info.cpus, info.maximum, info.memory) == (0, 0, 0)


@pytest.mark.parametrize(("sockets", "cores", "threads", "nodes"), [(1, 1, 1, 1), (4, 9, 3, 5)])
def test_generated_node_on_the_test_driver(
    tmp_path: Path, sockets: int, cores: int, threads: int, nodes: int
) -> None:
    libvirt = pytest.importorskip("libvirt")
    cpus = nodes * sockets * cores * threads
    document = tmp_path / "node.xml"
    document.write_text(
        f"<node><cpu><mhz>2345</mhz><model>m</model><active>{cpus}</active><nodes>{nodes}</nodes>"
        f"<sockets>{sockets}</sockets><cores>{cores}</cores><threads>{threads}</threads></cpu>"
        f"<memory>{7 << 20}</memory></node>"
    )
    connection = libvirt.open(f"test://{document}")
    try:
        info = from_libvirt(connection.getInfo())
    finally:
        connection.close()
    assert info == NodeInfo("m", 7 << 30, cpus, 2345, nodes, sockets, cores, threads)
    assert info.maximum == cpus


@pytest.mark.parametrize("line", ["cpu MHz\t\t: 2100.123", "cpu MHz : 2100", "cpu MHz: 2100 "])
def test_clock(tmp_path: Path, line: str) -> None:
    (tmp_path / "cpuinfo").write_text(f"cpu MHz : 1.0\n{line}\ncpu MHz : slow\ncpu MHz\n")
    assert read_processor(tmp_path / "cpuinfo", "x86_64").mhz == 2100
    assert read_processor(tmp_path / "cpuinfo", "armv7l").mhz == 0
    assert re.fullmatch("", read_processor(tmp_path / "cpuinfo", "x86_64").signature)
