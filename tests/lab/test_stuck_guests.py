"""Real guests whose QEMUs stand still at once: each is found and marked, the others stay fresh."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import libvirt
import pytest

from bench.inside.guests import fill
from hostmon._sampler import Sampler
from hostmon._table import GuestTable
from hostmon.held import Held
from hostmon.hypervisor import hypervisor_of
from hostmon.machine.cgroups import host_mounts
from hostmon.samples import Group
from hostmon.settings import AgentSettings, Settings
from hostmon.stats import StatsSampler
from tests.lab import guests
from tests.lab.node import Node, missing, wait_for

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

CADENCE = 0.5
DEADLINE = 1.0
OTHERS = 4


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Asked:
    """Guests whose balloon is asked for; ``seen``: the kernel tells of their processes."""

    def __init__(self, node: Node, folder: Path, names: Sequence[str], *, seen: bool) -> None:
        connection = libvirt.openReadOnly(node.uri_readonly)
        self.table: GuestTable = fill(connection)
        self.uuid = {name: connection.lookupByName(name).UUID() for name in names}
        connection.close()
        self.pid = {name: node.qemu_pid(name) for name in names}
        for name in names if seen else ():
            (folder / f"{name}.pid").write_text(str(self.pid[name]))
        Sampler(self.table, mounts=host_mounts(), run=str(folder)).sample()
        settings = Settings(
            agent=AgentSettings(uri=node.uri_readonly),
            virt={"libvirt": {"cadences": {"balloon": CADENCE}}},
        )
        hypervisor = hypervisor_of(settings, self.table)
        self.sampler = StatsSampler(
            hypervisor.connect, hypervisor.readings, self.table,
            held=Held(self.table) if seen else lambda *_: set(), deadline=DEADLINE, tick=0.1,
        )  # fmt: skip

    def stuck(self) -> set[str]:
        """Who is marked."""
        taken = self.table.snapshot()
        return {name for name, uuid in self.uuid.items() if taken.guest(uuid).stuck_since_ns > 0}

    def read_since(self, names: Sequence[str], when: int) -> bool:
        taken = self.table.snapshot()
        goods = (taken.guest(self.uuid[name]).valid for name in names)
        return all(good.get(Group.BALLOON, 0) > when for good in goods)

    def fresh(self, names: Sequence[str], deadline_s: float) -> None:
        """These are read anew."""
        now = time.monotonic_ns()
        wait_for(lambda: self.read_since(names, now), f"{names} read anew", deadline_s)


@pytest.mark.parametrize(("count", "seen", "most_hung"), [(5, False, 5), (8, True, 1)])
def test_guests_stuck_at_once_are_left_out_and_the_others_stay_fresh(
    node: Node, tmp_path: Path, count: int, seen: bool, most_hung: int
) -> None:
    names = guests.define_and_start(node, count + OTHERS, idle=True)
    victims, others = names[:count], names[count:]
    asked = Asked(node, tmp_path, names, seen=seen)
    asked.sampler.start()
    try:
        asked.fresh(names, 20)
        with stopped([asked.pid[name] for name in victims]):
            wait_for(lambda: asked.stuck() == set(victims), "every victim marked", 30)
            for _ in range(3):
                asked.fresh(others, CADENCE + 2 * DEADLINE)
            assert asked.stuck() == set(victims)
            assert asked.sampler.report().hung_calls <= most_hung
        wait_for(lambda: not asked.stuck(), "marks taken back", 10)
        asked.fresh(names, 5)
    finally:
        asked.sampler.stop()
