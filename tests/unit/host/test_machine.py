"""A node of any size gives exactly its numbers; guests take of them what they were given."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostmon.host import Host, Memory
from tests.unit.conftest import NODE, MakeHost, guest_xml

SHAPE = """
<cpu><mhz>{mhz}</mhz><model>x86_64</model><active>{cpus}</active><nodes>{cells}</nodes>
<sockets>{sockets}</sockets><cores>{cores}</cores><threads>{threads}</threads></cpu>
<memory>{kib}</memory>"""


@settings(max_examples=60, deadline=None)
@given(
    cells=st.integers(1, 64),
    sockets=st.integers(1, 16),
    cores=st.integers(1, 256),
    threads=st.integers(1, 8),
    offline=st.integers(0, 3),
    mhz=st.integers(1, 9000),
    mib=st.integers(1, 1 << 32),
)
def test_a_generated_node_gives_its_numbers(
    cells: int, sockets: int, cores: int, threads: int, offline: int, mhz: int, mib: int
) -> None:
    present = cells * sockets * cores * threads
    cpus = max(1, present - offline)
    body = SHAPE.format(
        cells=cells, sockets=sockets, cores=cores, threads=threads, cpus=cpus, mhz=mhz,
        kib=mib * 1024,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "node.xml"
        path.write_text(NODE.format(body=body))
        with Host(f"test://{path}") as host:
            info, cpu = host.node_info(), host.cpu_info()
            assert (info.nodes, info.sockets, info.cores, info.threads) == (
                cells, sockets, cores, threads,
            )  # fmt: skip
            assert (cpu.cells, cpu.sockets, cpu.cores, cpu.threads) == (
                cells, sockets, cores, threads,
            )  # fmt: skip
            assert (info.cpus, info.maximum, info.mhz) == (cpus, present, mhz)
            assert host.vcpus_total() == cpus
            assert host.memory_total() == info.memory == mib << 20
            assert (host.vcpus_used(), host.memory_used()) == (0, 0)


def test_running_guests_use_processors_and_memory(make_host: MakeHost) -> None:
    host = make_host(SHAPE.format(cells=1, sockets=1, cores=8, threads=2, cpus=16, mhz=1000,
                                  kib=64 << 20))  # fmt: skip
    host.define(guest_xml("off", vcpus=8, memory_mib=4096))
    host.create(guest_xml("one", vcpus=3, memory_mib=512))
    paused = host.create(guest_xml("two", vcpus=2, memory_mib=1024))
    paused.suspend()
    assert host.vcpus_used() == 5
    assert host.memory() == Memory(total=64 << 30, free=(64 << 30) - (1536 << 20))
    assert host.memory_used() == 1536 << 20
    paused.power_off()
    assert host.vcpus_used() == 3


def test_the_reference_filters(make_host: MakeHost) -> None:
    host = make_host()
    host.define(guest_xml("off"))
    host.create(guest_xml("on"))
    host.create(guest_xml("held")).suspend()
    assert {guest.name for guest in host.list_guests()} == {"off", "on", "held"}
    assert {guest.name for guest in host.list_guests(only_running=True)} == {"on", "held"}
    on = host.guest_by_name("on")
    assert host.guest_by_id(on.id).uuid == host.guest(on.uuid).uuid == on.uuid


def test_the_host_itself_is_no_guest(make_host: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host = make_host()
    host.create(guest_xml("Domain-0"))
    host.create(guest_xml("guest"))
    real = host.connection.listAllDomains

    class Dom0:
        """Xen's domain 0, of which the test driver has none."""

        def ID(self) -> int:  # noqa: N802
            return 0

    monkeypatch.setattr(host.connection, "listAllDomains", lambda flags: [Dom0(), *real(flags)])
    assert len(host.list_guests(only_guests=True)) == 2
    assert len(host.list_guests(only_guests=False)) == 3


def test_memory_and_processors_by_cell() -> None:
    with Host("test:///default") as host:
        topology = host.topology()
        assert [len(cell.cpus) for cell in topology.cells] == [8, 8]
        assert topology.memory == (2 << 30) + (4 << 30)
        assert host.hugepages().keys() == {0, 1}
        assert {pages.size for pages in host.hugepages()[0]} == {2 << 20, 1 << 30}
        assert host.hostname
        assert len(host.cells_free_memory()) == 2
        assert host.online_cpus() == (0, 2, 4)
        assert set(host.cpu_times()) == {"user", "kernel", "idle", "iowait"}
        assert "Nehalem" in host.cpu_models("x86_64")
