"""A host of libvirt's test driver: lives in this process, and every one is a world of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hostmon.host import Host

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


def guest_xml(name: str, *, vcpus: int = 2, memory_mib: int = 64, devices: str = "") -> str:
    """A guest of the test driver."""
    return (
        f"<domain type='test'><name>{name}</name><memory unit='MiB'>{memory_mib}</memory>"
        f"<vcpu>{vcpus}</vcpu><os><type>hvm</type></os><devices>{devices}</devices></domain>"
    )
