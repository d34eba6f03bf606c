"""The disk full under the journal: it says so, heals when there is room, and marks what it lost."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostmon import journal
from hostmon.client import guests as ask_guests
from hostmon.client import status as ask_status
from hostmon.events import DomainEvent, LifecycleEvent
from hostmon.journal import GapMark, Header
from hostmon.kinds import CLASS_OF
from hostmon.status import DriverStatus
from hostmon.wire import kind_of
from tests.agent_process import wait_for
from tests.fault.baseline import Baseline
from tests.fault.fed import FAKE, FedAgent, fed_agent, small_ring
from tests.fault.figures import tell
from tests.fault.test_agent import unexplained
from tests.fault.viewer import Viewer

SMALL, LARGE = "1m", "64m"
FILE_MIB = 0.25  # a quarter: the disk is full just when a new file is to be begun
CHUNK = 8_000


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of SMALL bytes, which :func:`make_room` enlarges."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small file system")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def make_room(folder: Path) -> None:
    """Let more be written."""
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", folder], check=True)


def driver(agent: FedAgent, name: str) -> DriverStatus:
    """A driver's status."""
    return next(one for one in ask_status(agent.requests, 10).drivers if one.name == name)


def done(agent: FedAgent, begun: int) -> bool:
    """Whether the journal, begun with this event, has been given everything since."""
    status = driver(agent, "journal")
    return status.handled + status.errors >= published(agent) - begun + 1


def published(agent: FedAgent) -> int:
    """Events of class lifecycle up to now."""
    return ask_guests(agent.requests).sequence


@pytest.mark.fault("disk-full")
def test_the_disk_is_full_under_the_journal(tmp_path: Path, full: bool) -> None:
    turns = 10 if full else 1
    config = FAKE.replace("[agent]\n", '[agent]\ndrivers = ["prometheus", "journal", "noop"]\n')
    with small_disk(tmp_path / "journal") as disk:
        config += f'[drivers.journal]\ndirectory = "{disk}"\nfile_mib = {FILE_MIB}\n'
        with fed_agent(tmp_path, config=config, bus=small_ring(tmp_path)) as agent:
            agent.join("journal")
            begun = wait_for(lambda: oldest(disk))
            for _ in range(turns):  # what a first flood leaves of heap is no growth
                agent.feed(CHUNK)
                wait_for(lambda: done(agent, begun))
            with Viewer.of(agent) as viewer, Baseline(agent.process.pid, agent.port) as baseline:
                for _ in range(turns):
                    agent.feed(CHUNK)
                    viewer.caught_up(agent)
                wait_for(lambda: done(agent, begun))
                failing = driver(agent, "journal")
                make_room(disk)
                agent.feed(CHUNK)
                recovery = viewer.caught_up(agent)
                sequence = viewer.report().complete
                wait_for(lambda: newest(disk) == sequence)
                seen, others = viewer.report(), driver(agent, "noop")
            log = agent.log.read_text()
        problems = list(unexplained(disk))
        written, lost = totals(disk)
        heads = [next(journal.lines(path)) for path in journal.files(disk)]
        reasons = {line.reason for line in marks(disk) if line.last >= begun}
    assert failing.state == "running"
    assert failing.errors
    assert "No space left on device" in log
    assert log.count("an event failed") < 20, "a line for each event of a flood"
    assert (others.state, others.errors) == ("running", 0)
    assert (seen.repairs, seen.holes, seen.disordered) == ({}, 0, 0)
    assert not problems
    assert all(isinstance(head, Header) for head in heads), "a file without a header"
    assert reasons == {"they could not be written: No space left on device"}
    assert lost >= turns * CHUNK
    assert written + lost == sequence
    tell(
        "disk-full", events=sequence, journaled=written, marked_as_lost=lost, unmarked=0,
        recovery_s=recovery, **baseline.figures(),
    )  # fmt: skip


def oldest(directory: Path) -> int:
    """The number of the first lifecycle event in the journal."""
    return next(numbers(journal.files(directory)[0]), 0)


def newest(directory: Path) -> int:
    """The number of the last lifecycle event in the journal."""
    return max(numbers(journal.files(directory)[-1]), default=0)


def numbers(file: Path) -> Iterator[int]:
    """Those of lifecycle events in a file of the journal."""
    lines = journal.lines(file)
    return (line.sequence for line in lines if isinstance(line, LifecycleEvent))


def marks(directory: Path) -> list[GapMark]:
    """Where the journal says that events of class lifecycle are missing."""
    lines = (line for path in journal.files(directory) for line in journal.lines(path))
    return [line for line in lines if isinstance(line, GapMark) and line.class_ == "lifecycle"]


def totals(directory: Path) -> tuple[int, int]:
    """Events of class lifecycle that are in the journal, and those that it marks as missing."""
    lines = [line for path in journal.files(directory) for line in journal.lines(path)]
    written = {
        line.sequence
        for line in lines
        if isinstance(line, DomainEvent) and CLASS_OF.get(kind_of(line)) == "lifecycle"
    }
    return len(written), sum(mark.last - mark.first + 1 for mark in marks(directory))
