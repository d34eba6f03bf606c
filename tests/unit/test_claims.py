"""What guests claim by their XML: sizes, huge pages, cells."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hostmon.account import Binding, GuestClaim
from hostmon.claims import MOST_VCPUS, bindings_of, claim_of
from hostmon.errors import XMLError
from hostmon.machine.memory import HUGE_PAGE
from hostmon.machine.topology import Cell, Cpu, Topology
from hostmon.xml.domain import Domain

UUID = b"u" * 16
GIB = 1 << 30
HOST = Topology(
    arch="x86_64",
    cells=(Cell(0, 8 * GIB, (Cpu(0), Cpu(1))), Cell(1, 8 * GIB, (Cpu(2), Cpu(3)))),
)


def domain(inner: str, memory: str = "<memory unit='GiB'>4</memory>") -> Domain:
    return Domain.parse(f"<domain type='kvm'><name>g</name>{memory}{inner}</domain>")


def test_sizes() -> None:
    live = domain("<currentMemory unit='GiB'>1</currentMemory><vcpu current='2'>8</vcpu>")
    assert claim_of(UUID, live, live) == GuestClaim(UUID, True, True, 2, GIB, 8, 4 * GIB, 8)
    assert claim_of(UUID, None, live) == GuestClaim(UUID, False, True, 0, 0, 8, 4 * GIB, 8)
    assert claim_of(UUID, live, None) == GuestClaim(UUID, True, False, 2, GIB, 0, 0, 8)


def test_sizes_that_libvirt_fills_in() -> None:
    assert claim_of(UUID, domain(""), domain("", "")) == GuestClaim(
        UUID, True, True, 1, 4 * GIB, 1, 0, 1
    )


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        ("", ()),
        ("<numatune><memory mode='preferred' nodeset='1'/></numatune>", ()),
        ("<numatune><memory mode='strict' nodeset='7'/></numatune>", ()),
        (
            "<numatune><memory mode='strict' nodeset='1'/></numatune>",
            (Binding(4 * GIB, 0, cell=1),),
        ),
        (
            "<numatune><memory mode='interleave' nodeset='0-1'/></numatune>",
            (Binding(2 * GIB, 0, cell=0), Binding(2 * GIB, 0, cell=1)),
        ),
        (
            "<memoryBacking><hugepages/></memoryBacking>",
            (Binding(4 * GIB, 0, page_size=2 << 20),),
        ),
        (
            (
                "<memoryBacking><hugepages><page size='1' unit='GiB' nodeset='1'/>"
                "<page size='2048'/></hugepages></memoryBacking><cpu><numa>"
                "<cell id='0' cpus='0' memory='1048576'/>"
                "<cell id='1' cpus='1' memory='3' unit='GiB'/></numa></cpu><numatune>"
                "<memory mode='strict' nodeset='0'/><memnode cellid='1' mode='strict' nodeset='1'/>"
                "</numatune>"
            ),
            (Binding(GIB, 0, cell=0, page_size=2 << 20), Binding(3 * GIB, 0, 1, GIB)),
        ),
        ("<vcpu cpuset='2-3'>3</vcpu>", (Binding(0, 3, cell=1),)),
        ("<vcpu cpuset='0-3,^0,^1'>3</vcpu>", (Binding(0, 3, cell=1),)),
        ("<vcpu cpuset='2-3,none'>3</vcpu>", ()),
        (
            "<numatune><memory mode='strict' nodeset='0-1,^0'/></numatune>",
            (Binding(4 * GIB, 0, cell=1),),
        ),
        (
            (
                "<vcpu current='3'>4</vcpu><cputune><vcpupin vcpu='0' cpuset='0'/>"
                "<vcpupin vcpu='1' cpuset='1-2'/><vcpupin vcpu='2' cpuset='1'/>"
                "<vcpupin vcpu='3' cpuset='0'/></cputune>"
            ),
            (Binding(0, 2, cell=0),),
        ),
        (
            (
                "<vcpu cpuset='2-3'>4294967295</vcpu><cputune><vcpupin vcpu='7' cpuset='0'/>"
                "<vcpupin vcpu='8'/><vcpupin vcpu='4294967295' cpuset='0'/></cputune>"
            ),
            (Binding(0, 1, cell=0), Binding(0, MOST_VCPUS - 1, cell=1)),
        ),
    ],
)
def test_bindings(inner: str, wanted: tuple[Binding, ...]) -> None:
    assert bindings_of(domain(inner), HOST, HUGE_PAGE) == wanted


@pytest.mark.parametrize("named", ["", "<page size='0'/>"])
def test_pages_that_name_no_size_are_the_hosts_default(named: str) -> None:
    bare = domain(f"<memoryBacking><hugepages>{named}</hugepages></memoryBacking>")
    assert bindings_of(bare, HOST, GIB) == (Binding(4 * GIB, 0, page_size=GIB),)


@pytest.mark.parametrize(
    "vcpu",
    [
        "<vcpu>4294967296</vcpu>",
        "<vcpu>18446744073709551616</vcpu>",
        "<vcpu cpuset='2'>-1</vcpu>",
        "<vcpu current='4294967296'>4</vcpu>",
    ],
)
def test_more_vcpus_than_are_counted_are_refused(vcpu: str) -> None:
    guest = domain(vcpu)
    for what in (lambda: claim_of(UUID, guest, None), lambda: bindings_of(guest, HOST, HUGE_PAGE)):
        with pytest.raises(OverflowError, match="vCPUs"):
            what()


def test_host_of_one_cell_binds_no_vcpus() -> None:
    one = Topology(arch="x86_64", cells=HOST.cells[:1])
    assert bindings_of(domain("<vcpu cpuset='0'>1</vcpu>"), one, HUGE_PAGE) == ()


def test_every_document_of_the_corpus(corpus: Callable[[str], Path]) -> None:
    seen = 0
    for path in corpus("domain").rglob("*.xml"):
        if "invalid" in path.name:
            continue
        try:
            parsed = Domain.parse(path.read_bytes())
            claim = claim_of(UUID, parsed, parsed)
            bound = bindings_of(parsed, HOST, HUGE_PAGE)
        except XMLError:
            continue
        seen += 1
        assert 0 <= claim.vcpus <= claim.defined_vcpus, path
        assert claim.memory >= 0
        assert sum(one.vcpus for one in bound) <= claim.vcpus, path
        assert all(one.memory or one.vcpus or not claim.defined_memory for one in bound), path
    assert seen > 100
