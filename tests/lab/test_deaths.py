"""A QEMU that is killed is told of by the kernel, whether libvirtd is alive or not."""

import statistics
from collections.abc import Sequence

import pytest

from bench.pipelines.deaths import Death, listening
from tests.lab import guests
from tests.lab.node import Node, missing

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
    pytest.mark.timeout(180),
]
COUNT = 4


def judge(deaths: Sequence[Death], names: Sequence[str], libvirtd: str) -> None:
    """Each was told of once, by the kernel, soon."""
    assert [death.event.name for death in deaths] == names
    assert {death.event.origin for death in deaths} == {"kernel"}
    assert [death.event.pid for death in deaths] == [death.pid for death in deaths]
    told = [1000 * death.told for death in deaths]
    print(
        f"libvirtd {libvirtd}: told {statistics.median(told):.2f} ms after a pidfd of our own, "
        f"{max(told):.2f} at most"
    )
    assert max(told) < 1000


def test_the_end_of_a_qemu_is_told_with_and_without_libvirtd() -> None:
    with Node.create() as node:
        names = guests.define_and_start(node, 2 * COUNT, idle=True)
        with listening(node) as ends:
            ends.watched(2 * COUNT)
            judge(ends.deaths(names[:COUNT]), names[:COUNT], "alive")
            node.kill_libvirtd()
            judge(ends.deaths(names[COUNT:], libvirtd=False), names[COUNT:], "killed")
