"""A whole agent over a recorded host, in a process of its own: what that keeps once all is read.

Its parts run as they do on a host, threads and sockets included; files are those of the recorded
tree, and libvirt's columns are made up. ``python -m bench.recorded.agent ROOT GUESTS`` prints what
it found as JSON. The history of events is of a configured size, and full from the beginning.
"""

import gc
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock
from uuid import UUID

import libvirt
import msgspec

from bench.front.tables import MadeUp
from bench.recorded.host import (
    DISK,
    HISTORY_MIB,
    RecordedHost,
    RecordedSettings,
    name_of,
    sampler_of,
)
from hostmon import agent as wiring
from hostmon._deaths import DeathWatch
from hostmon._sampler import Sampler
from hostmon._stats import Stats
from hostmon._table import GuestTable
from hostmon._trim import trim_heap
from hostmon.agent import Agent
from hostmon.driver.sinks import Columns
from hostmon.driver.virt import VirtContext
from hostmon.hypervisor import Hypervisor
from hostmon.memory import settle
from hostmon.settings import AccountSettings, AgentSettings, BusSettings, Settings
from tests.native.synthetic import set_job

PATIENCE_S = 120.0
READERS = 32
"""Handles are taken so often: the first of them find room that opening that libvirt left."""
STILL_S = 1.5
"""Longer than the statistics sampler rests."""
DOMAIN = """<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><memory>1</memory>
<os><type>hvm</type></os></domain>"""
UNSHARED_S = 0.11
"""Two pages this long apart are two renders."""
ANONYMOUS = re.compile(r"^Anonymous: +(\d+) kB$", re.MULTILINE)


class Kept(msgspec.Struct, frozen=True):
    """Bytes: of resident memory that is no file's, of these the page's; samples of guests on it.

    ``handles`` are bytes of what libvirt and the reading of its statistics keep for each guest.
    """

    anonymous: int
    page: int
    samples: int
    handles: int


class Parts(msgspec.Struct):
    """What the agent made of itself and gives to nobody."""

    table: GuestTable
    deaths: DeathWatch


def main(root: Path, guests: int) -> None:
    """Print what an agent keeps."""
    with running(root, guests) as (agent, parts):
        found = kept(agent, parts)
        table = parts.table
    found = msgspec.structs.replace(found, handles=handles(root, table))
    sys.stdout.buffer.write(msgspec.json.encode(found))


@contextmanager
def running(root: Path, guests: int) -> Iterator[tuple[Agent, Parts]]:
    """An agent that has read all it can of its guests."""
    made: list[Parts] = []

    def hypervisor(settings: Settings, table: GuestTable) -> Hypervisor:
        context = VirtContext(
            host="recorded",
            uri="recorded:///",
            connection=settings.connection,
            settings=RecordedSettings(root, guests),
            columns=Columns(table),
        )
        return Hypervisor("recorded", RecordedHost, context)

    def sampler(table: GuestTable, deaths: DeathWatch, *, pressure: bool, **_: object) -> Sampler:
        made.append(Parts(table, deaths))
        return sampler_of(root, table, pressure=pressure)

    with (
        mock.patch.object(wiring, "hypervisor_of", hypervisor),
        mock.patch.object(wiring, "Sampler", sampler),
    ):
        agent = Agent(settings_of(root))
    agent.start()
    try:
        settle()
        wait_for(agent.is_current)
        wait_for(lambda: agent.account().disk.allocated == guests * DISK)
        begun = agent.status().reading.passes + 1  # one may be under way

        def passed() -> bool:
            agent.metrics()  # asks for a pass
            return agent.status().reading.passes > begun

        wait_for(passed)
        wait_for(lambda: stands_still(lambda: agent.status().reading.calls))
        yield agent, made[0]
    finally:
        agent.stop()


def settings_of(root: Path) -> Settings:
    """The defaults but for the sockets' places and the history."""
    bus = BusSettings(
        events=(f"ipc://{root}/events",),
        requests=f"ipc://{root}/requests",
        ring_mib=HISTORY_MIB,
    )
    account = AccountSettings(image_folders=(str(root),))
    return Settings(agent=AgentSettings(drivers=()), account=account, bus=bus)


def kept(agent: Agent, parts: Parts) -> Kept:
    """Fill every column, answer whatever is asked, and look at what that leaves behind."""
    made = MadeUp(0, job=True)
    made.table = parts.table
    for uuid in parts.table.snapshot().uuids:
        # Recorded processes are none: this one stands for each.
        if not parts.deaths.add(uuid, os.getpid()):
            raise OSError("too few descriptors: raise the hard limit (ulimit -Hn)")
        set_job(parts.table, uuid, running=True)
        made.read(uuid)
    del made
    for openmetrics in (True, False):
        for compressed in (False, True):
            agent.metrics(openmetrics=openmetrics, compressed=compressed)
            time.sleep(UNSHARED_S)
    agent.guests()
    text = agent.metrics()  # another render: no page is kept compressed
    page, samples = len(text), text.count(b'{domain="')
    del text
    return Kept(anonymous(), page, samples, 0)


def handles(root: Path, table: GuestTable) -> int:
    """Bytes for the handles of all guests, at a libvirt that is this process's own."""
    uuids = table.snapshot().uuids
    node = root / "node.xml"
    with node.open("w") as file:
        file.write("<node>")
        for number, uuid in enumerate(uuids):
            file.write(DOMAIN.format(name=name_of(number), uuid=UUID(bytes=uuid)))
        file.write("</node>")
    libvirt.registerErrorHandler(lambda *_: None, None)
    connection = libvirt.openReadOnly(f"test://{node}")
    readers = [Stats(table, connection) for _ in range(READERS)]
    before = anonymous()
    for stats in readers:
        for uuid in table.snapshot().uuids:  # each reader's own bytes, as it has them
            stats.control(uuid)
    if any(stats.handles != len(uuids) for stats in readers):
        raise RuntimeError(f"a handle is missing of {len(uuids)} guests")
    return (anonymous() - before) // READERS


def anonymous() -> int:
    """Resident bytes that are no file's, without what is free already."""
    gc.collect()
    trim_heap()
    found = ANONYMOUS.search(Path("/proc/self/smaps_rollup").read_text())
    if found is None:
        raise RuntimeError("/proc/self/smaps_rollup does not tell: use Linux 5.4 or newer")
    return int(found[1]) << 10


def wait_for(condition: Callable[[], object]) -> None:
    """Until it is true."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{condition} is not true within {PATIENCE_S:g} s")
        time.sleep(0.02)


def stands_still(number: Callable[[], int]) -> bool:
    """Whether it is the same for a while."""
    before = number()
    time.sleep(STILL_S)
    return number() == before


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    main(Path(sys.argv[1]), int(sys.argv[2]))
