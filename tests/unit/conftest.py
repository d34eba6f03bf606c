"""A host of libvirt's test driver, one guest as the kernel shows it, and a bus without libvirt."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hostmon._table import GuestTable
from hostmon.client import asking
from hostmon.host import Host
from tests.unit.bus import Bus
from tests.unit.kerneltree import Tree, table_of_one, tree_of_one

MakeHost = Callable[..., Host]

NODE = "<node>{body}</node>"


@pytest.fixture
def make_host(tmp_path: Path) -> Iterator[MakeHost]:
    """Makes connected hosts out of the body of a <node>."""
    with ExitStack() as stack:

        def make(body: str = "", *, read_write: bool = True) -> Host:
            path = tmp_path / f"node{len(list(tmp_path.iterdir()))}.xml"
            path.write_text(NODE.format(body=body))
            return stack.enter_context(Host(f"test://{path}", read_write=read_write))

        yield make


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """The kernel's files of a host of one guest."""
    return tree_of_one(tmp_path)


@pytest.fixture
def table() -> GuestTable:
    """A table with that guest."""
    return table_of_one()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    """An agent's two sockets."""
    with Bus(tmp_path) as made:
        yield made


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subscribers ask again after 0.2 s without an answer; on a busy machine one may take 20 ms."""
    monkeypatch.setattr(asking, "ANSWER_TIMEOUT", 0.2)


def guest_xml(name: str, *, vcpus: int = 2, memory_mib: int = 64, devices: str = "") -> str:
    """A guest of the test driver."""
    return (
        f"<domain type='test'><name>{name}</name><memory unit='MiB'>{memory_mib}</memory>"
        f"<vcpu>{vcpus}</vcpu><os><type>hvm</type></os><devices>{devices}</devices></domain>"
    )
